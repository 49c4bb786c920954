"""What the order of a gallery is worth for a query, from which of its videos are right: true where so, nearest first.

order       ✓ ✗ ✓ ✗ ✗ ✓ ✗         right: places 1, 3 and 6
hit@k       whether a right one is among the first k
purity@k    share of right ones among the first k
average     mean, over all right ones, of the share of right ones up to its place:
precision   (1/1 + 2/3 + 3/6) / 3

95 % bootstrap intervals say how far their means over videos may be off.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.random import Generator

RESAMPLES = 1000
_AT_ONCE = 20


def first_right(right: Bool[np.ndarray, "n m"]) -> Int[np.ndarray, " n"]:
    """The place, from 1, of the first right one; there must be one."""
    return np.asarray(right.argmax(axis=1) + 1)


def average_precision(right: Bool[np.ndarray, "n m"]) -> Float[np.ndarray, " n"]:
    """The average precision over the whole gallery; there must be a right one for each query."""
    queries, places = np.nonzero(right)
    found = np.bincount(queries, minlength=len(right))
    before = np.repeat(np.cumsum(found) - found, found)  # right ones of the queries before this one
    shares = (np.arange(1, len(queries) + 1) - before) / (places + 1)
    return np.asarray(np.bincount(queries, weights=shares, minlength=len(right)) / found)


def purity(right: Bool[np.ndarray, "n m"], k: int) -> Float[np.ndarray, " n"]:
    """The share of right ones among the first k, where there are so many."""
    return np.asarray(right[:, :k].mean(axis=1))


def bootstrap(values: Float[np.ndarray, "p n"], chance: Generator) -> Float[np.ndarray, "p 2"]:
    """The 2.5th and 97.5th percentiles of the means of 1,000 samples, with replacement, of the `n` videos.

    All `p` measures are taken of the same samples.
    """
    measures, videos = values.shape
    means = np.empty((RESAMPLES, measures))
    for first in range(0, RESAMPLES, _AT_ONCE):
        rows = chance.integers(videos, size=(_AT_ONCE, videos))
        for measure in range(measures):
            means[first : first + _AT_ONCE, measure] = values[measure][rows].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return np.stack([low, high], axis=1)


def bootstrap_units(values: Float[np.ndarray, " n"], units: Sequence[str], chance: Generator) -> tuple[float, float]:
    """The same interval of one measure's mean where whole units (groups, persons) are drawn, with all their videos."""
    names, number = np.unique(np.array(units), return_inverse=True)
    sums, sizes = np.bincount(number, weights=values), np.bincount(number)
    drawn = chance.integers(len(names), size=(RESAMPLES, len(names)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)
