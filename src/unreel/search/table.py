"""A table of embeddings, read: rows by condition, vectors, and search.

table = EmbeddingTable.open("embeddings.lance")
table.facts.encoder, table.count("video"), table.rows("label = 'walk'", kind="clip", limit=20)
hits = table.search(vector, top=20, kind="clip", where="label != 'walk'")
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float32, Int

from unreel.errors import CollectionError, SettingsError
from unreel.search.brute_force import SIMILARITY, Held, nearest_of, ranked, unit
from unreel.search.checks import check_distinct
from unreel.search.filters import Filter, all_of, compared, parse_filter
from unreel.search.lance import ROW_ID, LanceStore
from unreel.search.metadata import TableFacts
from unreel.search.rows import COLUMNS, EmbeddingRow, Kind, plain, rows_of, sorted_places, vectors_of

HELD_BYTES = 512 << 20
"""Vectors of one kind that are kept in memory once they were searched; more are read for each exact search."""

_SPARE = 10  # rows that an index is asked for beyond those wanted: it does not break ties as we do
_ROWS = [*COLUMNS, ROW_ID]
_ALL = [*_ROWS, "vector"]
# Texts that many rows share: kept once.
_SHARED = ("kind", "path", "source", "label", "labels", "checksum", "encoder", "checkpoint")


@dataclass(frozen=True)
class Hit:
    """A row that was found, its cosine similarity to the query (−1 to 1), and its vector."""

    row: EmbeddingRow
    similarity: float
    vector: Float32[np.ndarray, " c"] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Vectors:
    """Rows sorted by id and start, and their vectors."""

    table: pa.Table
    vectors: Float32[np.ndarray, "n c"]

    def __len__(self) -> int:
        return len(self.vectors)

    def row(self, place: int) -> EmbeddingRow:
        """The row of a vector."""
        return rows_of(self.table.slice(place, 1))[0]

    def with_vectors(self) -> pa.Table:
        """All columns, the vectors among them, as they are and not as dictionaries."""
        flat = pa.FixedSizeListArray.from_arrays(pa.array(self.vectors.reshape(-1)), self.vectors.shape[1])
        return pa.table({name: plain(self.table[name]) for name in COLUMNS} | {"vector": flat})

    def column(self, name: str) -> list[str] | list[float]:
        """One column."""
        values: list[str] | list[float] = self.table[name].to_pylist()
        return values


@final
class EmbeddingTable:
    """A table as it was when it was opened; `refreshed` gives it as it is now.

    Rows are sorted by id, kind and start. `facts` say how the vectors were made.
    """

    def __init__(self, store: LanceStore) -> None:
        store.check()
        self._store = store
        self.place = store.place
        self.facts: TableFacts = store.facts()
        self._version = store.version()
        self._rows: dict[Kind | None, pa.Table] = {}
        self._held: dict[Kind | None, Held] = {}

    @classmethod
    def open(cls, place: Path | str) -> "EmbeddingTable":
        """The table at a path or an address.

        Raises:
            CollectionError: there is none, it is damaged, or it is not one of `unreel embed`.
        """
        store = LanceStore(str(place))
        if not store.exists:
            raise CollectionError(
                f"there is no table of embeddings at {place}. Make one with: unreel embed RUN FOLDER --out {place}"
            )
        return cls(store)

    def refreshed(self) -> "EmbeddingTable":
        """This table, or a new one where it has changed since it was opened.

        Raises:
            CollectionError: it is gone.
        """
        now = EmbeddingTable.open(self.place)
        return self if now._version == self._version else now

    def count(self, kind: Kind | None = None, where: str | None = None) -> int:
        """How many rows there are, of a kind and under a condition.

        Raises:
            SettingsError: `where` is no condition.
        """
        return self._store.count(_condition(kind, where))

    def values(self, column: str, kind: Kind | None = None) -> Counter[str]:
        """Which values a column of texts has, and in how many rows.

        Raises:
            SettingsError: there is no such column.
        """
        if COLUMNS.get(column) != pa.string():
            texts = ", ".join(name for name, type_ in COLUMNS.items() if type_ == pa.string())
            raise SettingsError(f"there is no column of texts {column!r}; there are: {texts}.")
        counts = plain(self._sorted(kind)[column]).value_counts()
        return Counter({each["values"]: each["counts"] for each in counts.to_pylist()})

    def rows(
        self,
        where: str | None = None,
        *,
        kind: Kind | None = None,
        offset: int = 0,
        limit: int | None = None,
        order: str = "",
    ) -> list[EmbeddingRow]:
        """The rows under a condition, from number `offset` on, at most `limit` of them.

        `order` is a column to sort by, with "-" before it from the largest on; rows that are equal there, and all where
        it is empty, stay in the order of the table.

        Raises:
            SettingsError: `where` is no condition, or there is no such column.
        """
        name = order.removeprefix("-")
        if order and name not in COLUMNS:
            raise SettingsError(f"rows cannot be sorted by {name!r}; the columns are {', '.join(COLUMNS)}.")
        found = self._sorted(kind)
        if (condition := _condition(None, where)) is not None:
            found = found.filter(pa.array(self._mask(found, condition)))
        if order:
            keys = pa.table({"key": plain(found[name]), "place": np.arange(len(found))})
            direction = "descending" if order.startswith("-") else "ascending"
            found = found.take(pc.sort_indices(keys, [("key", direction), ("place", "ascending")]))
        return rows_of(found.slice(offset, limit))

    def row(self, identity: str, kind: Kind = "video", start: float = 0.0) -> EmbeddingRow:
        """One row.

        Raises:
            CollectionError: there is none.
        """
        return rows_of(self._one(identity, kind, start))[0]

    def vector(self, identity: str, kind: Kind = "video", start: float = 0.0) -> Float32[np.ndarray, " c"]:
        """The vector of one row.

        Raises:
            CollectionError: there is none.
        """
        (vector,) = vectors_of(self._one(identity, kind, start))
        return np.asarray(vector)

    def vectors(self, kind: Kind | None = "video", where: str | None = None) -> Vectors:
        """The rows of a kind, or all, under a condition, and their vectors.

        Raises:
            SettingsError: `where` is no condition.
        """
        condition = _condition(None, where)
        held = self._held.get(kind) or _held(self._store.batches(_ALL, _condition(kind)), self.facts.width, self.place)
        if condition is None:
            return Vectors(held.rows, held.vectors)
        mask = self._mask(held.rows, condition)
        return Vectors(held.rows.filter(pa.array(mask)), held.vectors[mask])

    def search(
        self,
        vector: Float32[np.ndarray, " c"],
        top: int = 20,
        kind: Kind = "clip",
        where: str | None = None,
        *,
        exact: bool = False,
    ) -> list[Hit]:
        """The `top` rows most similar to a vector, ties in the order of the table.

        Exact where the table has no index or `exact` asks for it; otherwise with the recall that `facts.index` tells.

        Raises:
            SettingsError: `where` is no condition, or the vector is not of this table's kind.
        """
        if vector.shape != (self.facts.width,) or not np.isfinite(vector).all():
            raise SettingsError(
                f"got a vector of shape {vector.shape}, expected {self.facts.width} finite numbers as {self.place} "
                "holds: make it with the table's own encoder."
            )
        query, condition = unit(vector), _condition(kind, where)
        index = self.facts.index
        if index is not None and not exact:
            candidates = self._store.nearest_by_index(query, top + _SPARE, condition, index.probes)
            found = ranked(candidates, query, top)
        elif self.load(kind):
            held = self._held[kind]
            found = held.nearest(query, top, None if where is None else self._mask(held.rows, parse_filter(where)))
        else:
            found = nearest_of(self._store.batches(_ALL, condition), query, top)
        similarities = found[SIMILARITY].to_pylist()
        return [Hit(*each) for each in zip(rows_of(found), similarities, vectors_of(found), strict=True)]

    def load(self, kind: Kind) -> bool:
        """Whether all vectors of a kind are in memory now, where they are searched: not if there are too many of them.

        Raises:
            CollectionError: a row or a vector makes no sense.
        """
        if kind not in self._held and 4 * self.facts.width * self.count(kind) <= HELD_BYTES:
            self._held[kind] = _held(self._store.batches(_ALL, _condition(kind)), self.facts.width, self.place)
        return kind in self._held

    def _sorted(self, kind: Kind | None) -> pa.Table:
        """The rows of a kind, or all, without their vectors; kept in memory."""
        if kind not in self._rows:
            self._rows[kind] = _compact(self._store.batches(_ROWS, _condition(kind)), self.place)[0]
        return self._rows[kind]

    def _mask(self, rows: pa.Table, condition: Filter) -> Bool[np.ndarray, " n"]:
        """Which of the rows fulfil a condition."""
        found = [batch[ROW_ID].to_numpy() for batch in self._store.batches(["kind", ROW_ID], condition)]
        return np.isin(rows[ROW_ID].to_numpy(), np.concatenate([np.zeros(0, np.uint64), *found]))

    def _one(self, identity: str, kind: Kind, start: float) -> pa.Table:
        begin = compared("start", "=", start) if kind == "clip" else None  # a video has one row, a piece's begins later
        condition = all_of(compared("id", "=", identity), compared("kind", "=", kind), begin)
        found = list(self._store.batches(_ALL, condition))
        if not any(map(len, found)):
            raise CollectionError(f"{self.place} holds no {kind} of {identity!r} that begins at {start:g} s.")
        return pa.Table.from_batches(found)


def read_vectors(place: Path | str) -> dict[str, dict[str, Float32[np.ndarray, " c"]]]:
    """Encoder name → video id → vector of the whole video, of the table at a path or an address.

    Raises:
        CollectionError: there is no such table.
    """
    table = EmbeddingTable.open(place)
    found = table.vectors("video")
    return {table.facts.encoder: dict(zip(found.table["id"].to_pylist(), found.vectors, strict=True))}


def no_rows(place: Path | str, kind: Kind | None, where: str | None) -> CollectionError:
    """The error of a table, or a condition, that leaves nothing to work with."""
    if where is None:
        return CollectionError(f"{place} holds no {kind or 'row'}. Embed some: unreel embed RUN FOLDER --out {place}")
    return CollectionError(f"no {kind or 'row'} of {place} fulfils the condition. Choose another --where.")


def _condition(kind: Kind | None, where: str | None = None) -> Filter | None:
    """The rows of a kind under a condition."""
    of_kind = None if kind is None else compared("kind", "=", kind)
    return all_of(of_kind, None if where is None else parse_filter(where))


def _held(batches: Iterable[pa.RecordBatch], width: int, place: str) -> Held:
    """All these rows in their order, in memory."""
    pieces: list[Float32[np.ndarray, "_ c"]] = []

    def bare() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            pieces.append(vectors_of(batch))
            yield batch.drop_columns(["vector"])

    rows, order = _compact(bare(), place)
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    vectors, first = np.empty((len(order), width), np.float32), 0
    for number, piece in enumerate(pieces):
        vectors[places[first : first + len(piece)]] = piece
        first += len(piece)
        pieces[number] = piece[:0].copy()  # its memory is free again: the vectors are never there twice
    return Held(rows, vectors)


def _compact(batches: Iterable[pa.RecordBatch], place: str) -> tuple[pa.Table, Int[np.ndarray, " n"]]:
    """These rows sorted, texts that many share kept once, and the order that sorts them."""
    shared = [pa.Table.from_batches([_encoded(batch)]) for batch in batches]
    if not shared:
        return pa.schema([*COLUMNS.items(), (ROW_ID, pa.uint64())]).empty_table(), np.zeros(0, np.int64)
    table = pa.concat_tables(shared).unify_dictionaries().combine_chunks()
    order = sorted_places(table)
    table = table.take(order)
    check_distinct(table, place)
    return table, order.to_numpy().astype(np.int64)


def _encoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    for name in _SHARED:
        batch = batch.set_column(batch.schema.get_field_index(name), name, batch[name].dictionary_encode())
    return batch
