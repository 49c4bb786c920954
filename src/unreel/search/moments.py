"""What a person wants to see of many hits: moments instead of clips, and of near duplicates the best.

clips found    |=====|  .90         one moment from the first to the second, similarity .93
                   |=====|  .93
                               |=====|  .88        another, more than a second later
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unreel.search.brute_force import unit
from unreel.search.rows import Kind
from unreel.search.table import EmbeddingTable, Hit

APART_SECONDS = 1.0
"""Clips of a video that are not further apart are one moment."""

_FEWEST = 100  # clips that are looked for at first, whatever is wanted
_DEEPER = 4
_ROUNDING = 1e-6  # equal vectors can be as far from similarity 1


@dataclass(frozen=True)
class Moment:
    """A piece of a video that was found, from `start` to `end` seconds: its most similar `hit`, and near duplicates."""

    hit: Hit
    start: float
    end: float
    copies: tuple["Moment", ...] = ()


def merged(hits: Sequence[Hit], apart: float = APART_SECONDS) -> list[Moment]:
    """The moments that hits make up, the most similar first, ties in the order of the hits."""
    by_video: dict[str, list[tuple[int, Hit]]] = {}
    for place, hit in enumerate(hits):
        by_video.setdefault(hit.row.id, []).append((place, hit))
    found: list[tuple[int, Moment]] = []
    for placed in by_video.values():
        groups: list[list[tuple[int, Hit]]] = []
        end = -np.inf
        for place, hit in sorted(placed, key=lambda each: each[1].row.start):
            if hit.row.start - end > apart:
                groups.append([])
                end = -np.inf
            groups[-1].append((place, hit))
            end = max(end, hit.row.end)
        for group in groups:
            place, best = min(group)  # the best comes first among hits
            rows = [hit.row for _, hit in group]
            found.append((place, Moment(best, min(row.start for row in rows), max(row.end for row in rows))))
    return [moment for _, moment in sorted(found, key=lambda each: each[0])]


def without_copies(moments: Sequence[Moment], least: float) -> list[Moment]:
    """The same, where those at least so similar to one before them are its `copies`."""
    kept: list[Moment] = []
    directions: list[np.ndarray] = []
    for moment in moments:
        direction = unit(moment.hit.vector)
        alike = (place for place, other in enumerate(directions) if other @ direction >= least - _ROUNDING)
        original = next(alike, None)
        if original is None:
            kept.append(moment)
            directions.append(direction)
        else:
            kept[original] = replace(kept[original], copies=(*kept[original].copies, moment))
    return kept


def search_moments(
    table: EmbeddingTable,
    vector: np.ndarray,
    top: int,
    kind: Kind,
    where: str | None = None,
    *,
    exact: bool = False,
    same: float | None = None,
) -> list[Moment]:
    """The `top` moments most similar to a vector; those at least as similar to each other as `same` count once.

    Raises:
        SettingsError: `where` is no condition, or the vector is not of this table's kind.
    """
    count = max(_FEWEST, _DEEPER * top)
    while True:
        hits = table.search(vector, count, kind, where, exact=exact)
        moments = merged(hits) if kind == "clip" else [Moment(hit, hit.row.start, hit.row.end) for hit in hits]
        if same is not None:
            moments = without_copies(moments, same)
        if len(moments) >= top or len(hits) < count:
            return moments[:top]
        count *= _DEEPER
