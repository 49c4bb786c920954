"""Exact search: every row compared, in blocks, the best kept."""

from collections.abc import Iterable
from typing import final

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float32, Int

from unreel.search.rows import schema, sorted_places, vectors_of

_WAITING = 4096  # candidates, or four times the wanted, before the worse of them are let go

SIMILARITY = "similarity"


def lengths(vectors: Float32[np.ndarray, "n c"]) -> Float32[np.ndarray, " n"]:
    """The length of each vector; never 0, so that a vector of zeros is like nothing."""
    lengths: np.ndarray = np.maximum(np.sqrt(np.einsum("nc,nc->n", vectors, vectors)), np.float32(1e-12))
    return lengths


def unit(vector: Float32[np.ndarray, " c"]) -> Float32[np.ndarray, " c"]:
    """The direction of a vector."""
    direction: np.ndarray = vector / lengths(vector[None])[0]
    return direction


def cosines(vectors: Float32[np.ndarray, "n c"], query: Float32[np.ndarray, " c"]) -> Float32[np.ndarray, " n"]:
    """Cosine similarity of every row to a unit vector: equal rows have equal ones, wherever they stand."""
    similarities: np.ndarray = np.einsum("nc,c->n", vectors, query) / lengths(vectors)
    return similarities


def best(similarities: Float32[np.ndarray, " n"], top: int) -> Int[np.ndarray, " m"]:
    """The rows of the `top` largest similarities and of those equal to the last of them, in no order."""
    if len(similarities) <= top:
        return np.arange(len(similarities))
    least = np.partition(similarities, len(similarities) - top)[len(similarities) - top]
    return np.flatnonzero(similarities >= least)


def ranked(candidates: pa.Table, top: int) -> pa.Table:
    """The `top` most similar of rows with a similarity, ties in the order of rows."""
    return candidates.take(sorted_places(candidates, SIMILARITY)[:top])


def with_similarity(rows: pa.Table, query: Float32[np.ndarray, " c"]) -> pa.Table:
    """Rows with a vector, compared with a unit vector."""
    return rows.append_column(SIMILARITY, pa.array(cosines(vectors_of(rows), query)))


@final
class Held:
    """Rows in their order, with their vectors in memory."""

    def __init__(self, rows: pa.Table, vectors: Float32[np.ndarray, "n c"]) -> None:
        self.rows, self.vectors = rows, vectors
        self._lengths = lengths(vectors)

    def nearest(
        self, query: Float32[np.ndarray, " c"], top: int, among: Bool[np.ndarray, " n"] | None = None
    ) -> pa.Table:
        """The `top` rows most similar to a unit vector, with their vectors and similarities."""
        similarities = np.einsum("nc,c->n", self.vectors, query) / self._lengths
        places = np.arange(len(similarities)) if among is None else np.flatnonzero(among)
        found = places[best(similarities[places], top)]
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(self.vectors[found].reshape(-1)), self.vectors.shape[1])
        rows = self.rows.take(pa.array(found)).append_column("vector", vectors)
        return ranked(rows.append_column(SIMILARITY, pa.array(similarities[found])), top)


def nearest_of(batches: Iterable[pa.RecordBatch], query: Float32[np.ndarray, " c"], top: int) -> pa.Table:
    """As `Held.nearest`, of rows that pass by in any order."""
    waiting: list[pa.Table] = []
    count, least = 0, -np.inf
    for batch in batches:
        similarities = cosines(vectors_of(batch), query)
        places = best(similarities, top)
        places = places[similarities[places] >= least]
        found = pa.Table.from_batches([batch]).take(pa.array(places))
        waiting.append(found.append_column(SIMILARITY, pa.array(similarities[places])))
        count += len(places)
        if count > max(_WAITING, 4 * top):
            kept = ranked(pa.concat_tables(waiting), top)
            waiting, count = [kept], len(kept)
            least = kept[SIMILARITY][-1].as_py() if len(kept) == top else least
    if not waiting:
        return schema(len(query)).append(pa.field(SIMILARITY, pa.float32())).empty_table()
    return ranked(pa.concat_tables(waiting), top)
