"""A table of embeddings in one Parquet file.

TABLE.parquet
TABLE.parquet.unfinished/     while it is made or brought up to date: what is new, in pieces
├── facts.json
└── 000000.parquet …
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unreel.engine.files import whole, write_whole, writing
from unreel.engine.locks import locked
from unreel.errors import CollectionError, OverwriteError
from unreel.search.checks import check_schema, checked
from unreel.search.checksums import CHECKED_BYTES, KEY, Seal, damaged, room_for, seal
from unreel.search.filters import Filter, Not, Within, columns_of
from unreel.search.metadata import FORMAT, TableFacts
from unreel.search.rows import schema, sorted_places, vectors_of

BATCH = 4096

_FACTS = b"unreel"
_ROW_GROUP = 1 << 16
_MOST_TIMES = 1000  # that vectors, which hardly compress, may be larger than their file
_SPACE = "Free some space or name another place."


def parquet_path(place: Path | str) -> Path | None:
    """The file of a table whose name ends in .parquet, or in .npy; None for others."""
    path = Path(place)
    return path.with_suffix(".parquet") if path.suffix in (".parquet", ".npy") and "://" not in str(place) else None


@final
class ParquetStore:
    """Reads the file at `path`; `array`, where one is given, is a NumPy file that should hold the same vectors."""

    def __init__(self, path: Path, array: Path | None = None) -> None:
        self.place = str(path)
        self._path, self._array = path, array
        self._seal: tuple[str, Seal] | None = None

    @property
    def exists(self) -> bool:
        """Whether there is a table.

        Raises:
            CollectionError: there is something that is no file.
        """
        with _told(self.place, "cannot be read"):
            there = self._path.exists()
        if there and not self._path.is_file():
            raise CollectionError(f"{self.place} is no file, as a table of that name is: name another place.")
        return there

    def check(self) -> None:
        """Compare what is not too large with its checksums, and the array with the vectors.

        Raises:
            CollectionError: something is another than was written, or the file is no table of `unreel embed`.
        """
        with self._opened() as (file, seal, _):
            for group in range(file.num_row_groups if self._path.stat().st_size <= CHECKED_BYTES else 0):
                seal.check(file.metadata, group, file.schema_arrow.names)
        if self._array is not None and self._array.is_file() and not self.is_in(self._array):
            raise damaged(self._array)

    def facts(self) -> TableFacts:
        """How the vectors were made.

        Raises:
            CollectionError: the file is damaged, or no table of `unreel embed`.
        """
        with self._opened() as (_, _, facts):
            return facts

    def version(self) -> str:
        """Another text when the table has changed."""
        facts = self._path.stat()
        return f"{facts.st_mtime_ns} {facts.st_size} {facts.st_ino}"

    def batches(self, columns: Sequence[str], where: Filter | None = None) -> Iterator[pa.RecordBatch]:
        """Those columns of the rows that fulfil the condition.

        Raises:
            CollectionError: the file is damaged, or no table of `unreel embed`.
        """
        read = list(dict.fromkeys([*columns, *(sorted(columns_of(where)) if where is not None else ())]))
        with self._opened() as (file, seal, facts):
            for group in range(file.num_row_groups):
                seal.check(file.metadata, group, read)
                found = file.iter_batches(BATCH, row_groups=[group], columns=read)
                for batch in checked(found, facts, self.place):
                    table = pa.Table.from_batches([batch])
                    if where is not None:
                        table = table.filter(where.expression())
                    yield from table.select(list(columns)).to_batches()

    def count(self, where: Filter | None = None) -> int:
        """How many rows fulfil the condition."""
        return sum(map(len, self.batches(["kind"], where)))

    def is_in(self, array: Path) -> bool:
        """Whether a NumPy file holds the vectors, in the order of the rows."""
        with _told(str(array), "cannot be read"), array.open("rb") as file:
            return all(file.read(len(part)) == part for part in self.array()) and not file.read(1)

    def array(self) -> Iterator[bytes]:
        """The vectors as a NumPy file, in pieces."""
        header = BytesIO()
        facts = {"descr": "<f4", "fortran_order": False, "shape": (self.count(), self.facts().width)}
        np.lib.format.write_array_header_1_0(header, facts)
        yield header.getvalue()
        for batch in self.batches(["vector"]):
            yield vectors_of(batch).astype("<f4").tobytes()

    @contextmanager
    def _opened(self) -> Iterator[tuple[pq.ParquetFile, Seal, TableFacts]]:
        """The file, looked at before anything of it is used."""
        with _told(self.place, "cannot be read as a Parquet table", "Embed the videos again, into a new table."):
            if self._seal is None or self._seal[0] != self.version():
                self._seal = self.version(), Seal(self._path)
            seal = self._seal[1]
            with pq.ParquetFile(self._path) as file:
                text = (file.schema_arrow.metadata or {}).get(_FACTS, b"").decode(errors="replace")
                facts = TableFacts.from_json(text, self.place).with_index(None)
                check_schema(file.schema_arrow, facts.width, self.place)
                if not seal.sums and f'"{FORMAT}"' in text:
                    raise damaged(self._path)
                size = _MOST_TIMES * self._path.stat().st_size
                if 4 * facts.width * file.metadata.num_rows > size:
                    raise CollectionError(
                        f"{self.place} claims {file.metadata.num_rows} rows of {facts.width} numbers each, which in a "
                        f"file of {self._path.stat().st_size} bytes cannot be. It is damaged: embed the videos again, "
                        "into a new table."
                    )
                yield file, seal, facts


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
        self._replaced = {each for piece in self._in_pieces() for each in _ids(piece)}
        self._changed = bool(self._replaced)

    @property
    def exists(self) -> bool:
        """Whether there is a table, or the beginning of one."""
        return self._finished.exists or self._noted.is_file()

    def check(self) -> None:
        """Compare the file with its checksums; pieces were compared, and the array is brought up to date."""
        if self._finished.exists:
            self._finished.check()

    @property
    def _noted(self) -> Path:
        return self._pieces / "facts.json"

    def facts(self) -> TableFacts:
        """How the vectors were made.

        Raises:
            CollectionError: the file is damaged, or no table of `unreel embed`.
        """
        if self._noted.is_file():
            with _told(str(self._noted), "cannot be read"):
                return TableFacts.from_json(self._noted.read_text(encoding="utf-8"), str(self._noted))
        return self._finished.facts()

    def batches(self, columns: Sequence[str], where: Filter | None = None) -> Iterator[pa.RecordBatch]:
        """Those columns of the rows that fulfil the condition, in any order."""
        if self._finished.exists:
            for batch in self._finished.batches(list(dict.fromkeys([*columns, "id"])), where):
                kept = [identity not in self._replaced for identity in batch["id"].to_pylist()]
                yield batch.filter(pa.array(kept)).select(list(columns))
        for piece in self._in_pieces():
            yield from piece.batches(columns, where)

    def begin(self, facts: TableFacts) -> None:
        """Note the facts."""
        self._changed |= not self._finished.exists or self._finished.facts() != facts
        with _told(self.place, "cannot be written", _SPACE):
            self._pieces.mkdir(parents=True, exist_ok=True)
            write_whole(self._noted, facts.to_json())

    def remove(self, ids: Sequence[str]) -> None:
        """Remove the rows of these videos."""
        others = Not(Within("id", tuple(ids)))
        for piece in self._in_pieces() if self._replaced.intersection(ids) else ():
            names = schema(self.facts().width).names
            self._write(Path(piece.place), [pa.Table.from_batches([each]) for each in piece.batches(names, others)])
        self._replaced.update(ids)
        self._changed = True

    def append(self, rows: pa.Table) -> None:
        """Add rows: all of them or none."""
        last = max((int(Path(piece.place).stem) for piece in self._in_pieces()), default=-1)
        self._write(self._pieces / f"{last + 1:06}.parquet", [rows])
        self._replaced.update(rows["id"].to_pylist())
        self._changed = True

    def finish(self) -> None:
        """Write the file in the place of the one before it, if anything has changed."""
        if self._changed:
            columns = schema(self.facts().width)
            table = pa.Table.from_batches(self.batches(columns.names), columns)
            order = sorted_places(table)
            parts = (table.take(order[first : first + _ROW_GROUP]) for first in range(0, len(order), _ROW_GROUP))
            self._write(self._path, parts)
        if self._array is not None and not (self._array.exists() and self._finished.is_in(self._array)):
            self._write_array(self._array)
        with _told(self.place, "cannot be written", _SPACE):
            shutil.rmtree(self._pieces)

    def _write_array(self, path: Path) -> None:
        with whole(path) as unfinished, unfinished.open("wb") as file:
            file.writelines(self._finished.array())

    def _write(self, path: Path, parts: Iterable[pa.Table]) -> None:
        """A file of these rows, whole or not at all."""
        facts = self.facts()
        columns = schema(facts.width).with_metadata({_FACTS: facts.to_json()})
        with whole(path) as unfinished:
            with pq.ParquetWriter(unfinished, columns) as writer:
                row_groups = 0
                for part in parts:
                    writer.write_table(part.cast(columns), row_group_size=max(1, len(part)))
                    row_groups += 1
                writer.add_key_value_metadata({KEY: room_for(row_groups, len(columns))})
            seal(unfinished)

    def _in_pieces(self) -> list[ParquetStore]:
        return [ParquetStore(path) for path in sorted(self._pieces.glob("*.parquet"))]


@contextmanager
def claimed_parquet(path: Path, array: Path | None = None) -> Iterator[ParquetWriter]:
    """The table at `path`, kept from other processes that would write to it.

    Raises:
        OutputError: it cannot be written.
    """
    with writing(path), locked(path.with_name(f"{path.name}.lock"), of=path):
        writer = ParquetWriter(path, array)
        if array is not None and array.exists() and not writer.exists:
            raise OverwriteError(f"{array} exists already and is none of ours, for {path} is not there: name another.")
        yield writer


def _ids(piece: ParquetStore) -> set[str]:
    return {each for batch in piece.batches(["id"]) for each in batch["id"].to_pylist()}


@contextmanager
def _told(place: str, trouble: str, advice: str = "Check the place and your rights to it.") -> Iterator[None]:
    """Errors of files and of Arrow, which may have many lines, in one line."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:  # texts that are not UTF-8 among the last
        words = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]
        raise CollectionError(f"{place} {trouble}: {words[:200].rstrip('.')}. {advice}") from error
