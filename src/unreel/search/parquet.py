"""A table of embeddings in one Parquet file.

TABLE.parquet
TABLE.parquet.unfinished/     while it is made or brought up to date: what is new, in pieces
├── facts.json
└── 000000.parquet …
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unreel.engine.files import whole, write_whole, writing
from unreel.engine.locks import locked
from unreel.errors import CollectionError
from unreel.search.facts import TableFacts
from unreel.search.filters import Filter, Not, Within, columns_of
from unreel.search.rows import schema, sorted_places, vectors_of

BATCH = 4096

_FACTS = b"unreel"
_ROW_GROUP = 1 << 16


def parquet_path(place: Path | str) -> Path | None:
    """The file of a table whose name ends in .parquet, or in .npy; None for others."""
    path = Path(place)
    return path.with_suffix(".parquet") if path.suffix in (".parquet", ".npy") and "://" not in str(place) else None


@final
class ParquetStore:
    """Reads the file at `path`."""

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self._path = path

    @property
    def exists(self) -> bool:
        """Whether there is a table."""
        return self._path.is_file()

    def facts(self) -> TableFacts:
        """How the vectors were made.

        Raises:
            CollectionError: the file is damaged, or no table of `unreel embed`.
        """
        try:
            found = pq.read_schema(self._path).metadata or {}
        except (pa.ArrowException, OSError) as error:
            raise CollectionError(
                f"{self.place} cannot be read as a Parquet table ({error}). Embed the videos again, into a new table."
            ) from error
        return TableFacts.from_json(found.get(_FACTS, b"").decode(errors="replace"), self.place)

    def version(self) -> str:
        """Another text when the table has changed."""
        facts = self._path.stat()
        return f"{facts.st_mtime_ns} {facts.st_size} {facts.st_ino}"

    def batches(self, columns: Sequence[str], where: Filter | None = None) -> Iterator[pa.RecordBatch]:
        """Those columns of the rows that fulfil the condition."""
        return _batches(self._path, columns, where)

    def count(self, where: Filter | None = None) -> int:
        """How many rows fulfil the condition."""
        return sum(map(len, self.batches(["kind"], where)))


@final
class ParquetWriter:
    """Makes the file at `path` or brings it up to date, in pieces that the next writer goes on from.

    With `array`, a NumPy file, the vectors are written there as well, in the order of the rows.
    """

    def __init__(self, path: Path, array: Path | None = None) -> None:
        self.place = str(path)
        self._path, self._array = path, array
        self._pieces = path.with_name(f"{path.name}.unfinished")
        self._finished = ParquetStore(path)
        self._replaced = self._ids_of_pieces()
        self._changed = bool(self._replaced)

    @property
    def exists(self) -> bool:
        """Whether there is a table, or the beginning of one."""
        return self._finished.exists or self._noted.is_file()

    @property
    def _noted(self) -> Path:
        return self._pieces / "facts.json"

    def facts(self) -> TableFacts:
        """How the vectors were made.

        Raises:
            CollectionError: the file is damaged, or no table of `unreel embed`.
        """
        if self._noted.is_file():
            return TableFacts.from_json(self._noted.read_text(encoding="utf-8"), self.place)
        return self._finished.facts()

    def batches(self, columns: Sequence[str], where: Filter | None = None) -> Iterator[pa.RecordBatch]:
        """Those columns of the rows that fulfil the condition, in any order."""
        if self._finished.exists:
            for batch in self._finished.batches(list(dict.fromkeys([*columns, "id"])), where):
                kept = [identity not in self._replaced for identity in batch["id"].to_pylist()]
                yield batch.filter(pa.array(kept)).select(list(columns))
        for piece in self._in_pieces():
            yield from _batches(piece, columns, where)

    def begin(self, facts: TableFacts) -> None:
        """Note the facts."""
        self._changed |= not self._finished.exists or self._finished.facts() != facts
        self._pieces.mkdir(parents=True, exist_ok=True)
        write_whole(self._noted, facts.to_json())

    def remove(self, ids: Sequence[str]) -> None:
        """Remove the rows of these videos."""
        others = Not(Within("id", tuple(ids)))
        for piece in self._in_pieces() if self._replaced.intersection(ids) else ():
            rows = pq.read_table(piece).filter(others.expression())
            self._write(piece, [rows], rows.schema)
        self._replaced.update(ids)
        self._changed = True

    def append(self, rows: pa.Table) -> None:
        """Add rows: all of them or none."""
        last = max((int(piece.stem) for piece in self._in_pieces()), default=-1)
        self._write(self._pieces / f"{last + 1:06}.parquet", [rows], rows.schema)
        self._replaced.update(rows["id"].to_pylist())
        self._changed = True

    def finish(self) -> None:
        """Write the file in the place of the one before it, if anything has changed."""
        if self._changed:
            facts = self.facts()
            columns = schema(facts.width)
            table = pa.Table.from_batches(self.batches(columns.names), columns)
            order = sorted_places(table)
            parts = (table.take(order[first : first + _ROW_GROUP]) for first in range(0, len(order), _ROW_GROUP))
            self._write(self._path, parts, columns.with_metadata({_FACTS: facts.to_json()}))
        if self._array is not None and (self._changed or not self._array.exists()):
            self._write_array(self._array)
        shutil.rmtree(self._pieces)

    def _write_array(self, path: Path) -> None:
        shape = self._finished.count(), self._finished.facts().width
        with whole(path) as unfinished, unfinished.open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for batch in self._finished.batches(["vector"]):
                file.write(vectors_of(batch).astype("<f4").tobytes())

    def _write(self, path: Path, parts: Iterable[pa.Table], columns: pa.Schema) -> None:
        """A file of these rows, whole or not at all."""
        with whole(path) as unfinished, pq.ParquetWriter(unfinished, columns) as writer:
            for part in parts:
                writer.write_table(part.cast(columns))

    def _in_pieces(self) -> list[Path]:
        return sorted(self._pieces.glob("*.parquet"))

    def _ids_of_pieces(self) -> set[str]:
        return {each for piece in self._in_pieces() for each in pq.read_table(piece, columns=["id"])["id"].to_pylist()}


@contextmanager
def claimed_parquet(path: Path, array: Path | None = None) -> Iterator[ParquetWriter]:
    """The table at `path`, kept from other processes that would write to it.

    Raises:
        OutputError: it cannot be written.
    """
    with writing(path), locked(path.with_name(f"{path.name}.lock"), of=path):
        yield ParquetWriter(path, array)


def _batches(path: Path, columns: Sequence[str], where: Filter | None) -> Iterator[pa.RecordBatch]:
    read = list(dict.fromkeys([*columns, *(sorted(columns_of(where)) if where is not None else ())]))
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH, columns=read):
            table = pa.Table.from_batches([batch])
            if where is not None:
                table = table.filter(where.expression())
            yield from table.select(list(columns)).to_batches()
