"""How far a mean over videos may be off: 95 % bootstrap intervals."""

import numpy as np
from jaxtyping import Float
from numpy.random import Generator

RESAMPLES = 1000
_AT_ONCE = 20


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
