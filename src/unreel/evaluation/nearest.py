"""Exact search for the nearest vectors by cosine: the one that everything here searches with.

    queries × gallery   in blocks that fit a memory bound
    ──▶ similarities    the same numbers for any blocks
    ──▶ nearest first   of equally near ones the one that comes first in the gallery

A sum in floating point depends on its order, and so on blocks, threads and libraries; what is found here does not.
Similarities are rounded to steps of 2⁻³⁰ (1e-9), and what is equal then ties. A similarity so near to the border of two
steps that the order of its sum could decide is summed once more, in an order that is always the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from unreel.errors import CollectionError

MEMORY = 256 * 2**20
"""Bytes that a search may take beside the vectors themselves."""

_STEPS = 2.0**30
_ROUNDING = 2.0**-53  # of one sum or product of numbers up to 1
_ROWS = 128  # worked on at a time, where blocks must not matter
_QUERIES = 1024  # compared at a time, where memory allows it
# Bytes for each number of a vector, twice while it is made, and for each pair of a query and a gallery vector.
_NUMBER, _PAIR = 8, 48

Groups = tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]]
"""A number for each query and each gallery vector: those of the same number are kept apart."""


@final
class UnitVectors:
    """Vectors of length 1, made of some `rows` of a table (all if none are given) when they are asked for.

    With `centred`, their mean is taken off first.

    Raises:
        CollectionError: a vector is not finite.
    """

    def __init__(
        self,
        vectors: Float[np.ndarray, "n c"],
        rows: Int[np.ndarray, " m"] | None = None,
        *,
        centred: bool = False,
    ) -> None:
        self._vectors = vectors
        self._rows = np.arange(len(vectors)) if rows is None else rows
        self._centre = np.zeros(vectors.shape[1])
        parts = [slice(first, first + _ROWS) for first in range(0, len(self), _ROWS)]
        if centred and len(self):
            self._centre = sum((self._raw(part).sum(axis=0) for part in parts), self._centre) / len(self)
        self._lengths = np.empty(len(self))
        for part in parts:
            self._lengths[part] = np.maximum(np.linalg.norm(self._raw(part), axis=1), 1e-12)
        odd = int((~np.isfinite(self._lengths)).sum())
        if odd:
            raise CollectionError(
                f"{odd} of {len(self)} vectors are not finite, expected numbers to compare: the encoder's weights are "
                "of no use. Take those of an earlier checkpoint."
            )

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        return int(self._vectors.shape[1])

    def block(self, part: slice) -> Float[np.ndarray, "b c"]:
        """Some of them."""
        block = self._raw(part)
        block /= self._lengths[part, None]
        return block

    def _raw(self, part: slice) -> Float[np.ndarray, "b c"]:
        raw = self._vectors[self._rows[part]].astype(np.float64)
        raw -= self._centre
        return raw


@dataclass(frozen=True)
class Nearest:
    """The nearest gallery vectors of each query, nearest first, by their row: -1 where there are no more."""

    rows: Int[np.ndarray, "n k"]
    similarities: Float[np.ndarray, "n k"]

    def hits(self, query: int) -> list[tuple[int, float]]:
        """Row and similarity of what one query has found."""
        pairs = zip(self.rows[query].tolist(), self.similarities[query].tolist(), strict=True)
        return [(row, similarity) for row, similarity in pairs if row >= 0]


@dataclass(frozen=True)
class Ranked:
    """The whole gallery in the order of its nearness to each query, for the queries from `first` on.

    The first `sizes` rows of an order are what a query may find; after them comes what is kept apart from it.
    """

    first: int
    rows: Int[np.ndarray, "b m"]
    similarities: Float[np.ndarray, "b m"]
    sizes: Int[np.ndarray, " b"]


def nearest(
    queries: UnitVectors, gallery: UnitVectors, keep: int, *, groups: Groups | None = None, memory: int = MEMORY
) -> Nearest:
    """The `keep` nearest gallery vectors of every query, or fewer where the gallery has no more.

    The gallery may have any size; what `memory` says is kept to but for one query and one vector at a time.
    """
    kept = min(keep, len(gallery))
    by_query, by_vector = 2 * _NUMBER * queries.width + _PAIR * kept, 2 * _NUMBER * gallery.width
    at_once = max(1, min(len(queries), _QUERIES, memory // 2 // by_query))
    step = max(1, (memory - at_once * by_query) // (by_vector + _PAIR * at_once))
    rows, distances = np.full((len(queries), kept), -1), np.full((len(queries), kept), np.inf)
    for first in range(0, len(queries), at_once):
        part = slice(first, first + at_once)
        asked = queries.block(part)
        for start in range(0, len(gallery), step):
            new = _distances(asked, part, gallery, slice(start, start + step), groups)
            numbers = np.broadcast_to(np.arange(start, start + new.shape[1]), new.shape)
            both = np.hstack([distances[part], new])  # the rows of the first come before those of the second
            order = np.argsort(both, axis=1, kind="stable")[:, :kept]
            distances[part] = np.take_along_axis(both, order, axis=1)
            rows[part] = np.take_along_axis(np.hstack([rows[part], numbers]), order, axis=1)
    rows[np.isinf(distances)] = -1
    return Nearest(rows, np.negative(distances, out=distances))


def ranked(
    queries: UnitVectors, gallery: UnitVectors, *, groups: Groups | None = None, memory: int = MEMORY
) -> Iterator[Ranked]:
    """The order of the whole gallery for every query, block by block of queries.

    The order of one query takes 48 bytes for each gallery vector, whatever `memory` says: 240 MB for five million.
    """
    by_query, by_vector = 2 * _NUMBER * queries.width + _PAIR * len(gallery), 2 * _NUMBER * gallery.width
    at_once = max(1, min(len(queries), (memory - memory // 4) // by_query))
    step = max(1, memory // 4 // by_vector)
    for first in range(0, len(queries), at_once):
        part = slice(first, first + at_once)
        asked = queries.block(part)
        distances = np.empty((len(asked), len(gallery)))
        for start in range(0, len(gallery), step):
            block = slice(start, start + step)
            distances[:, block] = _distances(asked, part, gallery, block, groups)
        rows = np.argsort(distances, axis=1, kind="stable")
        distances = np.take_along_axis(distances, rows, axis=1)
        yield Ranked(first, rows, -distances, np.isfinite(distances).sum(axis=1))


def numbered(groups: Sequence[str]) -> Int[np.ndarray, " n"]:
    """A number for each video, the same for those of a group; a video of no group ("") has one of its own."""
    known: dict[str, int] = {}
    numbers = [known.setdefault(group, row) if group else row for row, group in enumerate(groups)]
    return np.array(numbers, dtype=np.int64)


def _distances(
    asked: Float[np.ndarray, "b c"], part: slice, gallery: UnitVectors, block: slice, groups: Groups | None
) -> Float[np.ndarray, "b g"]:
    """The negative similarities of a part of the queries with a block of the gallery; infinity between those apart."""
    known = gallery.block(block)
    exact = asked @ known.T
    exact *= _STEPS
    steps: np.ndarray = np.rint(exact)
    exact -= steps
    # A sum of c products is off by c roundings at the most, in whatever order: here, and when it is made once more.
    doubtful = np.abs(exact, out=exact) > 0.5 - 4 * asked.shape[1] * _ROUNDING * _STEPS
    rows, columns = np.nonzero(doubtful)
    for first in range(0, len(rows), _ROWS):
        row, column = rows[first : first + _ROWS], columns[first : first + _ROWS]
        steps[row, column] = np.rint(_STEPS * (asked[row] * known[column]).sum(axis=1))
    if groups is not None:
        steps[np.equal.outer(groups[0][part], groups[1][block])] = -np.inf
    steps /= -_STEPS
    return steps
