"""Exact search: rows that float32 can rule out are let go of, the others are compared by `evaluation.nearest`."""

from collections.abc import Iterable
from typing import final

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float32, Int

from unreel.evaluation.nearest import UnitVectors, nearest
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


def ranked(candidates: pa.Table, query: Float32[np.ndarray, " c"], top: int) -> pa.Table:
    """The `top` rows most similar to a vector, with their similarities, ties in the order of rows."""
    candidates = candidates.take(sorted_places(candidates))
    found = nearest(UnitVectors(query[None]), UnitVectors(vectors_of(candidates)), top)
    return candidates.take(pa.array(found.rows[0])).append_column(SIMILARITY, pa.array(found.similarities[0]))


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
        similarities = self.vectors @ query / self._lengths
        places = np.arange(len(similarities)) if among is None else np.flatnonzero(among)
        found = places[_possible(similarities[places], top, len(query))]
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(self.vectors[found].reshape(-1)), self.vectors.shape[1])
        return ranked(self.rows.take(pa.array(found)).append_column("vector", vectors), query, top)


def nearest_of(batches: Iterable[pa.RecordBatch], query: Float32[np.ndarray, " c"], top: int) -> pa.Table:
    """As `Held.nearest`, of rows that pass by in any order."""
    waiting = [schema(len(query)).empty_table()]
    least = -np.inf
    for batch in batches:
        vectors = vectors_of(batch)
        similarities = vectors @ query / lengths(vectors)
        places = _possible(similarities, top, len(query), least)
        waiting.append(pa.Table.from_batches([batch]).select(waiting[0].column_names).take(pa.array(places)))
        if sum(map(len, waiting)) > max(_WAITING, 4 * top):
            kept = ranked(pa.concat_tables(waiting), query, top)
            waiting, least = [kept.drop_columns([SIMILARITY])], kept[SIMILARITY][-1].as_py()
    return ranked(pa.concat_tables(waiting), query, top)


def _possible(
    similarities: Float32[np.ndarray, " n"], top: int, width: int, least: float = -np.inf
) -> Int[np.ndarray, " m"]:
    """The rows that may be among the `top` nearest, `least` similar at the least, whatever float32 has rounded."""
    if len(similarities) > top:
        least = max(least, float(np.partition(similarities, len(similarities) - top)[len(similarities) - top]))
    return np.flatnonzero(similarities >= least - width * 2.0**-20)
