"""Which rows to keep: a diverse part, or the rare ones first."""

import numpy as np
from jaxtyping import Float32

from unreel.evaluation.nearest import UnitVectors, nearest
from unreel.search.brute_force import lengths

NEIGHBOUR = 5
"""The neighbour whose distance tells how rare a row is."""


def k_centre(vectors: Float32[np.ndarray, "n c"], count: int) -> list[int]:
    """`count` rows that cover the others: first the one nearest to the mean direction, then again and again the one
    that is least similar to those chosen (farthest first, at most twice the best possible radius). Ties by row.

    Each choice looks at every row once.
    """
    directions = vectors / lengths(vectors)[:, None]
    central = np.einsum("nc,c->n", directions, directions.sum(axis=0))
    similarity = np.full(len(directions), -np.inf, np.float32)  # of each row to the nearest chosen
    chosen: list[int] = []
    for _ in range(min(count, len(directions))):
        row = int(np.argmin(similarity)) if chosen else int(np.argmax(central))
        chosen.append(row)
        np.maximum(similarity, np.einsum("nc,c->n", directions, directions[row]), out=similarity)
        similarity[row] = np.inf
    return chosen


def rare_first(vectors: Float32[np.ndarray, "n c"], neighbour: int = NEIGHBOUR) -> list[int]:
    """All rows, those first whose `neighbour`-th nearest other row is least similar; ties by row.

    With fewer rows it is the last of the others that counts.
    """
    rows = UnitVectors(vectors)
    apart = np.arange(len(rows))  # a row is no neighbour of its own
    found = nearest(rows, rows, neighbour, groups=(apart, apart))
    last = np.where(found.rows >= 0, found.similarities, np.inf).min(axis=1, initial=np.inf)
    return [int(row) for row in np.argsort(last, kind="stable")]
