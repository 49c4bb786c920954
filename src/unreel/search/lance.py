"""A table of embeddings in LanceDB: a folder, or an address of an object store.

TABLE/
├── embeddings.lance      the rows
├── facts.lance           one row: how they were made, as JSON
└── embed.lock            held by who writes, where TABLE is a folder
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from unreel.engine.locks import locked
from unreel.errors import CollectionError, OverwriteError
from unreel.extras import require
from unreel.search.facts import TableFacts
from unreel.search.filters import Filter, Within
from unreel.search.rows import schema
from unreel.video.collection import first_of

BATCH = 4096
CACHE_BYTES = 2 << 30
"""Of an index, what is kept in memory."""
EMBEDDINGS, FACTS = "embeddings", "facts"

_LOCK = "embed.lock"
_AT_ONCE = 1000  # ids of one condition
_SOURCE = re.compile(r",? \S+\.rs:\d+:\d+")  # where in its own source a fault was found


@final
class LanceStore:
    """Reads and writes the table at `place`, a folder or an address such as s3://bucket/table.

    Credentials and regions of object stores are taken from the environment, as their own tools take them.

    Raises:
        MissingExtraError: LanceDB is not installed.
        CollectionError: the address cannot be reached.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        lancedb: Any = require("lancedb", "search")
        self._folder = None if "://" in place else Path(place)
        self._open: dict[str, Any] = {}
        with _told(f"{place} cannot be reached"):
            if self._folder is None or self._folder.is_dir():  # LanceDB would make it
                session = lancedb.Session(index_cache_size_bytes=CACHE_BYTES)
                self._database: Any = lancedb.connect(place, session=session)
                for name in (EMBEDDINGS, FACTS):
                    if name in self._database.list_tables().tables:
                        self._open[name] = self._database.open_table(name)

    @property
    def exists(self) -> bool:
        """Whether there is a table."""
        return EMBEDDINGS in self._open

    def facts(self) -> TableFacts:
        """How the vectors were made.

        Raises:
            CollectionError: it is no table of `unreel embed`.
        """
        text = self._open[FACTS].to_arrow()["json"][0].as_py() if FACTS in self._open else ""
        return TableFacts.from_json(text, self.place)

    def version(self) -> str:
        """Another text when the table has changed."""
        return " ".join(str(table.version) for _, table in sorted(self._open.items()))

    def count(self, where: Filter | None = None) -> int:
        """How many rows fulfil the condition."""
        return int(self._open[EMBEDDINGS].count_rows(where.sql() if where is not None else None))

    def batches(self, columns: Sequence[str], where: Filter | None = None) -> Iterator[pa.RecordBatch]:
        """Those columns of the rows that fulfil the condition, in any order."""
        query = self._open[EMBEDDINGS].search().select(list(columns))
        if where is not None:
            query = query.where(where.sql())
        yield from query.to_batches(BATCH)

    def nearest_by_index(
        self, query: Float32[np.ndarray, " c"], count: int, where: Filter | None, probes: int
    ) -> pa.Table:
        """About the `count` rows nearest to a vector, with their vectors, as the index finds them in `probes` parts."""
        search = self._open[EMBEDDINGS].search(query).distance_type("cosine").limit(count).nprobes(probes)
        if where is not None:
            search = search.where(where.sql(), prefilter=True)
        return search.to_arrow().drop_columns("_distance")

    def create_index(self) -> None:
        """Index the vectors, and what rows are chosen by."""
        kinds: Any = require("lancedb.index", "search")
        wanted = {"vector": kinds.IvfFlat(distance_type="cosine"), "kind": kinds.Bitmap(), "id": kinds.BTree()}
        with _told(f"{self.place} cannot be written"):
            for column, kind in wanted.items():
                self._open[EMBEDDINGS].create_index(column, config=kind, name=column)

    def drop_index(self) -> None:
        """Remove what `create_index` made."""
        with _told(f"{self.place} cannot be written"):
            for index in self._open[EMBEDDINGS].list_indices():
                self._open[EMBEDDINGS].drop_index(index.name)

    def begin(self, facts: TableFacts) -> None:
        """Make the table where there is none, and note the facts."""
        with _told(f"{self.place} cannot be written"):
            row = pa.table({"json": [facts.to_json()]})
            if FACTS not in self._open:
                self._open[FACTS] = self._database.create_table(FACTS, row)
            elif not self.exists or self.facts() != facts:
                self._open[FACTS].add(row, mode="overwrite")
            if not self.exists:
                self._open[EMBEDDINGS] = self._database.create_table(EMBEDDINGS, schema=schema(facts.width))

    def remove(self, ids: Sequence[str]) -> None:
        """Remove the rows of these videos."""
        with _told(f"{self.place} cannot be written"):
            for first in range(0, len(ids), _AT_ONCE):
                self._open[EMBEDDINGS].delete(Within("id", tuple(ids[first : first + _AT_ONCE])).sql())

    def append(self, rows: pa.Table) -> None:
        """Add rows: all of them or none."""
        with _told(f"{self.place} cannot be written"):
            self._open[EMBEDDINGS].add(rows)

    def finish(self) -> None:
        """Join what was written in many pieces; an index learns of the new rows."""
        with _told(f"{self.place} cannot be written"):
            self._open[EMBEDDINGS].optimize()


@contextmanager
def claimed_lance(place: str) -> Iterator[LanceStore]:
    """The table at `place`, kept from other processes that would write to it where it is a folder.

    Raises:
        OverwriteError: the folder holds something else.
        CollectionError: it cannot be written.
        MissingExtraError: LanceDB is not installed.
    """
    if "://" in place:
        yield LanceStore(place)
        return
    folder = Path(place)
    with _told(f"{place} cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir()}
        others = names - {f"{FACTS}.lance", _LOCK, "__manifest"}  # which some versions of LanceDB write
        if others and f"{EMBEDDINGS}.lance" not in names:
            raise OverwriteError(
                f"{place} holds {first_of(sorted(others), 3)} and is no table of embeddings: name a new folder."
            )
    with locked(folder / _LOCK, of=folder):
        yield LanceStore(place)


@contextmanager
def _told(trouble: str) -> Iterator[None]:
    """LanceDB's errors (of several kinds, many lines long) in one line."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        words = _SOURCE.sub("", (str(error).splitlines() or [type(error).__name__])[0]).rstrip(".")
        raise CollectionError(f"{trouble}: {words}. Check the place, its free space and your rights to it.") from error
