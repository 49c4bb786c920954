"""Rows of which one is enough: near duplicates by their vectors."""

import numpy as np
from jaxtyping import Float32, Int

from unreel.rng import generator
from unreel.search.brute_force import lengths

_BLOCK = 1024
_PAIRS = 20_000
_ROUNDING = 1e-6  # equal vectors can be as far from similarity 1


def leaders(vectors: Float32[np.ndarray, "n c"], least: float) -> Int[np.ndarray, " n"]:
    """For each row the first row that stands for it: itself, or the first such one that is at least so similar.

    Rows that stand for others are less similar to each other. What is similar is not passed on: a row between two
    others does not make these the same.
    """
    leader = np.arange(len(vectors))
    kept = np.zeros(0, np.int64)
    for first in range(0, len(vectors), _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, len(vectors)))
        block = _directions(vectors, rows)
        for start in range(0, len(kept), _BLOCK):
            some = kept[start : start + _BLOCK]
            open_rows = leader[rows] == rows
            alike = block @ _directions(vectors, some).T >= least - _ROUNDING
            found = open_rows & alike.any(axis=1)
            leader[rows[found]] = some[alike[found].argmax(axis=1)]
        alike = block @ block.T >= least - _ROUNDING
        for place, row in enumerate(rows):
            if leader[row] == row:
                later = np.flatnonzero(alike[place, place + 1 :]) + row + 1
                leader[later[leader[later] == later]] = row
        kept = np.concatenate([kept, rows[leader[rows] == rows]])
    return leader


def groups_of(leader: Int[np.ndarray, " n"]) -> list[list[int]]:
    """The rows that one row stands for, that one first, in the order of the rows; of two or more only."""
    order = np.argsort(leader, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(leader[order])) + 1)
    return [group.tolist() for group in groups if len(group) > 1]


def typical_similarity(vectors: Float32[np.ndarray, "n c"]) -> tuple[float, float]:
    """The similarity that half of all pairs of different rows exceed, and the one that a hundredth do.

    Estimated from pairs drawn at random; (0, 0) where there are none.
    """
    if len(vectors) < 2:
        return 0.0, 0.0
    first, second = generator(0, "pairs").integers(len(vectors), size=(2, _PAIRS))
    first, second = first[first != second], second[first != second]
    similarities = np.einsum("nc,nc->n", _directions(vectors, first), _directions(vectors, second))
    middle, high = np.quantile(similarities, [0.5, 0.99])
    return float(middle), float(high)


def _directions(vectors: Float32[np.ndarray, "n c"], rows: Int[np.ndarray, " m"]) -> Float32[np.ndarray, "m c"]:
    some = vectors[rows]
    return np.asarray(some / lengths(some)[:, None])
