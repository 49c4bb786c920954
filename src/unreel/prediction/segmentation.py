"""Labels in time: from what overlapping windows are taken for, to segments that do not overlap.

windows      |w0 run      |           every 0.5 s, 1.5 s long
                  |w1 run      |
                       |w2 walk     |
slots        |run |run |run |walk|walk|      each the mean of the windows over its middle
segments     |run           |walk     |      what is shorter than `shortest` goes to a neighbour
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Float, Int

from unreel.annotations.segments import Segment
from unreel.search.metadata import DenseWindows


@dataclass(frozen=True)
class SegmentOptions:
    """How videos are cut up: by which `windows`; segments shorter than `shortest` seconds go to a neighbour.

    What is less sure than `unknown_below` is left out: there is a gap.
    """

    windows: DenseWindows
    shortest: float = 1.0
    unknown_below: float = 0.0


def segments_of(
    path: str,
    spans: Float[np.ndarray, "w 2"],
    shares: Float[np.ndarray, "w k"],
    end: float,
    classes: Sequence[str],
    options: SegmentOptions,
) -> Iterator[Segment]:
    """The segments of a video that ends at `end` seconds, from the shares of the classes in each of its windows."""
    edges = np.append(spans[:, 0], end)
    slots = _slot_shares(spans, shares, edges)
    labels = _without_short(slots.argmax(axis=1), slots, np.diff(edges), options.shortest)
    for first, last in _runs(labels):
        confidence = float(np.average(slots[first:last, labels[first]], weights=np.diff(edges[first : last + 1])))
        if confidence >= options.unknown_below:
            start, stop = (round(float(edges[place]), 3) for place in (first, last))
            yield Segment(path, start, stop, classes[labels[first]], round(confidence, 6))


def _slot_shares(
    spans: Float[np.ndarray, "w 2"], shares: Float[np.ndarray, "w k"], edges: Float[np.ndarray, " e"]
) -> Float[np.ndarray, "w k"]:
    """The mean of the windows that are shown in the middle of each slot; after the last one, of the last."""
    sums = np.vstack([np.zeros((1, shares.shape[1])), np.cumsum(shares, axis=0)])
    middles = (edges[:-1] + edges[1:]) / 2
    begun = np.searchsorted(spans[:, 0], middles, side="right")
    ended = np.minimum(np.searchsorted(spans[:, 1], middles, side="right"), begun - 1)
    return np.asarray((sums[begun] - sums[ended]) / (begun - ended)[:, None])


def _without_short(
    labels: Int[np.ndarray, " w"], slots: Float[np.ndarray, "w k"], seconds: Float[np.ndarray, " w"], shortest: float
) -> Int[np.ndarray, " w"]:
    """The labels of slots; the shortest run, where it is too short, becomes the likelier of those beside it."""
    labels = labels.copy()
    while True:
        runs = list(_runs(labels))
        lengths = [float(seconds[first:last].sum()) for first, last in runs]
        number = int(np.argmin(lengths))
        if len(runs) < 2 or lengths[number] >= shortest:
            return labels
        first, last = runs[number]
        sides = {int(labels[place]) for place in (first - 1, last) if 0 <= place < len(labels)}
        labels[first:last] = max(sorted(sides), key=lambda label: float(slots[first:last, label].mean()))


def _runs(labels: Int[np.ndarray, " w"]) -> Iterator[tuple[int, int]]:
    """First and behind the last of what is equal in a row."""
    place = 0
    for _, run in groupby(labels.tolist()):
        length = len(list(run))
        yield place, place + length
        place += length
