"""A table of embeddings: a folder, or an address of an object store, that LanceDB keeps.

TABLE/
├── embeddings.lance      the rows
├── facts.lance           one row: how they were made, as JSON
├── checksums.json        of the files of both, where TABLE is a folder
└── embed.lock            held by who writes, where TABLE is a folder
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, final

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from unreel.engine.locks import locked
from unreel.errors import CollectionError, OverwriteError
from unreel.search.checks import ADVICE, check_schema, checked
from unreel.search.checksums import LISTING, check_files, damaged, note_files
from unreel.search.filters import Filter, compared, negated, within
from unreel.search.metadata import TableFacts
from unreel.search.rows import schema
from unreel.text import first_of

BATCH = 4096
CACHE_BYTES = 2 << 30
"""Of an index, what is kept in memory."""
EMBEDDINGS, FACTS = "embeddings", "facts"
EXPORTS = (".parquet", ".npy", ".csv")
ROW_ID = "_rowid"
"""A column that tells rows of a table that was opened from each other."""

_LOCK, _EMBEDDINGS_FOLDER = "embed.lock", f"{EMBEDDINGS}.lance"
_OWN = {f"{FACTS}.lance", _EMBEDDINGS_FOLDER, _LOCK, LISTING}
_OWN |= {"__manifest"}  # which some versions of LanceDB write
_MAGIC = b"LANC"  # the end of each of LanceDB's data files
_AT_ONCE = 1000  # ids of one condition
_SOURCE = re.compile(r",? \S+\.rs:\d+:\d+")  # where in its own source a fault was found


@final
class LanceStore:
    """Reads and writes the table at `place`, a folder or an address such as s3://bucket/table.

    Credentials and regions of object stores are taken from the environment, as their own tools take them.

    Raises:
        CollectionError: the address cannot be reached, files of the folder are others than were written, or the name
            is that of an export.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        if "://" not in place and Path(place).suffix in EXPORTS:
            raise CollectionError(
                f"{place} has the name of an export, and only a LanceDB folder is embedded into or searched, such as "
                f"{Path(place).with_suffix('.lance')}: `unreel export` turns a folder into such a file, and .parquet "
                "into a folder."
            )
        os.environ.setdefault("LANCE_LOG", "error")  # or it warns, over many lines, before it says what is wrong
        import lancedb  # not at the top: it takes as long as all the rest

        self._folder = None if "://" in place else Path(place)
        self._open: dict[str, Any] = {}
        self._whole: set[str] = set()
        with _Told(f"{place} cannot be reached" if self._folder is None else f"{place} cannot be read"):
            if self._folder is None or self._folder.is_dir():  # LanceDB would make it
                noted = check_files(self._folder) if self._folder is not None else {}
                session = lancedb.Session(index_cache_size_bytes=CACHE_BYTES)
                self._database: Any = lancedb.connect(place, session=session)
                self._open_tables()
                for name, version in noted.items():
                    if name not in self._open or self._open[name].version < version:
                        raise damaged(Path(place, f"{name}.lance"))

    def _open_tables(self) -> None:
        """Open what is there. A folder whose creation was interrupted holds no version, and is made then."""
        for name in (EMBEDDINGS, FACTS):
            if name in self._database.list_tables().tables:
                try:
                    self._open[name] = self._database.open_table(name)
                except ValueError as error:
                    if "not found" not in str(error):
                        raise
                    if name == EMBEDDINGS and self._folder is not None and _holds_rows(self._folder):
                        raise damaged(self._folder / _EMBEDDINGS_FOLDER / "_versions") from error

    @property
    def exists(self) -> bool:
        """Whether there is a table."""
        return EMBEDDINGS in self._open

    def check(self) -> None:
        """Look at what all rows have in common; files are compared when they are opened.

        Raises:
            CollectionError: it is no table of `unreel embed`.
        """
        check_schema(self._open[EMBEDDINGS].schema, self.facts().width, self.place)
        if self.count(negated(within("kind", ("video", "clip")))):  # which no search and no list would ever show
            raise CollectionError(f"{self.place} holds rows of neither videos nor clips. {ADVICE}")

    def facts(self) -> TableFacts:
        """How the vectors were made.

        Raises:
            CollectionError: it is no table of `unreel embed`.
        """
        text: Any = ""
        with _Told(f"{self.place} cannot be read"):
            if FACTS in self._open and "json" in self._open[FACTS].schema.names and self._open[FACTS].count_rows() == 1:
                text = self._open[FACTS].search().select(["json"]).to_arrow()["json"][0].as_py()
        return TableFacts.from_json(text if isinstance(text, str) else "", self.place)

    def version(self) -> str:
        """Another text when the table has changed."""
        return " ".join(str(table.version) for _, table in sorted(self._open.items()))

    def count(self, where: Filter | None = None) -> int:
        """How many rows fulfil the condition."""
        with _Told(f"{self.place} cannot be read"):
            return int(self._open[EMBEDDINGS].count_rows(where))

    def batches(self, columns: Sequence[str], where: Filter | None = None) -> Iterator[pa.RecordBatch]:
        """Those columns of the rows that fulfil the condition, in any order."""
        facts = self.facts()
        with _Told(f"{self.place} cannot be read"):
            query = self._open[EMBEDDINGS].search().select([name for name in columns if name != ROW_ID])
            if ROW_ID in columns:
                query = query.with_row_id(True)
            if where is not None:
                query = query.where(where)
            yield from checked(query.to_batches(BATCH), facts, self.place)

    def videos(self) -> Iterator[dict[str, str]]:
        """Of each video its id, source, checksum, path and labels."""
        for batch in self.batches(["id", "source", "checksum", "path", "labels"], compared("kind", "=", "video")):
            yield from batch.to_pylist()

    def nearest_by_index(
        self, query: Float32[np.ndarray, " c"], count: int, where: Filter | None, probes: int
    ) -> pa.Table:
        """About the `count` rows nearest to a vector, with their vectors, as the index finds them in `probes` parts."""
        with _Told(f"{self.place} cannot be read"):
            search = self._open[EMBEDDINGS].search(query).distance_type("cosine").limit(count).nprobes(probes)
            if where is not None:
                search = search.where(where, prefilter=True)
            found = search.to_arrow().drop_columns("_distance")
            return pa.Table.from_batches(checked(found.to_batches(), self.facts(), self.place), found.schema)

    def create_index(self) -> None:
        """Index the vectors, and what rows are chosen by."""
        import lancedb.index as kinds

        wanted = {"vector": kinds.IvfFlat(distance_type="cosine"), "kind": kinds.Bitmap(), "id": kinds.BTree()}
        with _Told(f"{self.place} cannot be written"):
            for column, kind in wanted.items():
                self._open[EMBEDDINGS].create_index(column, config=kind, name=column)

    def drop_index(self) -> None:
        """Remove what `create_index` made."""
        with _Told(f"{self.place} cannot be written"):
            for index in self._open[EMBEDDINGS].list_indices():
                self._open[EMBEDDINGS].drop_index(index.name)

    def begin(self, facts: TableFacts) -> None:
        """Make the table where there is none, and note the facts."""
        with _Told(f"{self.place} cannot be written"):
            row = pa.table({"json": [facts.to_json()]})
            if FACTS not in self._open:
                self._open[FACTS] = self._database.create_table(FACTS, row)
            elif not self.exists or self.facts() != facts:
                self._open[FACTS].add(row, mode="overwrite")
            if not self.exists:
                self._open[EMBEDDINGS] = self._database.create_table(EMBEDDINGS, schema=schema(facts.width))

    def remove(self, ids: Sequence[str]) -> None:
        """Remove the rows of these videos."""
        with _Told(f"{self.place} cannot be written"):
            for first in range(0, len(ids), _AT_ONCE):
                self._open[EMBEDDINGS].delete(within("id", ids[first : first + _AT_ONCE]))

    def append(self, rows: pa.Table) -> None:
        """Add rows: all of them or none."""
        with _Told(f"{self.place} cannot be written"):
            self._open[EMBEDDINGS].add(rows)
        self._check_whole()

    def finish(self) -> None:
        """Join what was written in many pieces; an index learns of the new rows."""
        with _Told(f"{self.place} cannot be written"):
            self._open[EMBEDDINGS].optimize()

    def _check_whole(self) -> None:
        """Stop where the disk has not taken all of a file, which LanceDB may not notice.

        Raises:
            CollectionError: it has not.
        """
        for path in self._files_cut_short():
            if not all(_readable(table, table.version) for table in self._open.values()):
                raise CollectionError(
                    f"{self.place} cannot be written: the disk has not taken all of {path.name}. Free some space: the "
                    "same command resumes it."
                )

    def go_back(self) -> None:
        """Go back to what can be read, where a disk that was full or a kill has left files that are not whole."""
        with _Told(f"{self.place} cannot be read"):
            if cut := self._files_cut_short():
                for table in self._open.values():
                    newest = table.version
                    versions = sorted((each["version"] for each in table.list_versions()), reverse=True)
                    found = next((version for version in versions if _readable(table, version)), newest)
                    if found != newest:
                        table.checkout(found)
                        table.restore()
                for path in cut:
                    path.unlink()

    def _files_cut_short(self) -> list[Path]:
        """The data files, of those not seen before, that lack the end that LanceDB gives them."""
        cut = []
        for path in self._folder.glob("*.lance/data/*.lance") if self._folder is not None else ():
            if path.name not in self._whole:
                with path.open("rb") as file:
                    file.seek(max(0, path.stat().st_size - len(_MAGIC)))
                    if file.read() == _MAGIC:
                        self._whole.add(path.name)
                    else:
                        cut.append(path)
        return cut

    def note_checksums(self) -> None:
        """Note the checksums of a folder's files, as they will be compared when it is opened.

        Raises:
            CollectionError: a file is not whole, or they cannot be written.
        """
        self._check_whole()
        if self._folder is not None and self.exists:
            with _Told(f"{self.place} cannot be written"):
                tables = [f"{name}.lance" for name in self._open]
                note_files(self._folder, tables, {name: table.version for name, table in self._open.items()})


@contextmanager
def claimed(place: Path | str) -> Iterator[LanceStore]:
    """The table at `place`, kept from other processes that would write to it where it is a folder.

    Raises:
        OverwriteError: the folder holds something else.
        CollectionError: it cannot be written.
    """
    place = str(place)
    if "://" in place or Path(place).suffix in EXPORTS:
        yield LanceStore(place)
        return
    folder = Path(place)
    with _Told(f"{place} cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir() if not path.name.endswith(".unfinished")}
        others = names - _OWN
        if others and not any((folder / _EMBEDDINGS_FOLDER / "_versions").glob("*")):
            raise OverwriteError(
                f"{place} holds {first_of(sorted(others), 3)} and is no table of embeddings: name a new folder."
            )
    with locked(folder / _LOCK, of=folder):
        store = LanceStore(place)
        store.go_back()
        yield store
        store.note_checksums()


def _readable(table: Any, version: int) -> bool:
    """Whether all rows of a version can be read."""
    try:
        table.checkout(version)
        for _ in table.search().to_batches(BATCH):
            pass
    except (OSError, RuntimeError, ValueError):
        return False
    finally:
        table.checkout_latest()
    return True


def _holds_rows(folder: Path) -> bool:
    """Whether there are rows though there is no version: a table is made without any."""
    return any((folder / _EMBEDDINGS_FOLDER / "data").glob("*.lance"))


@final
class _Told:
    """LanceDB's errors (of several kinds, many lines long, panics of its Rust among them) in one line."""

    def __init__(self, trouble: str) -> None:
        self._trouble = trouble

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, (OSError, RuntimeError, ValueError)) or (kind is not None and "Panic" in kind.__name__):
            words = _SOURCE.sub("", (str(error).splitlines() or [type(error).__name__])[0])[:300].rstrip(".")
            raise CollectionError(
                f"{self._trouble}: {words}. Check the place, its free space and your rights to it."
            ) from error
