"""Confidence that means what it says (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017)."""

import numpy as np
from jaxtyping import Bool, Float, Int

BINS = 15
"""Of equal width, as in the paper."""

_LEAST = 1e-4  # of a share: the logarithm of none is unbounded
_TEMPERATURES = np.geomspace(0.05, 20, 300)  # 2 % from one to the next


def sharpened(shares: Float[np.ndarray, "n k"], temperature: float) -> Float[np.ndarray, "n k"]:
    """The softmax of log p / T: 1 changes nothing, higher temperatures are less sure; which is largest stays."""
    logarithms = np.log(np.maximum(shares, _LEAST)) / temperature
    raised = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def fit_temperature(shares: Float[np.ndarray, "n k"], truth: Int[np.ndarray, " n"]) -> float:
    """The temperature at which the right classes (columns of `shares`) are most likely; 1 where there are no rows."""
    if not len(shares):
        return 1.0
    return float(max(_TEMPERATURES, key=lambda each: log_likelihood(sharpened(shares, each), truth)))


def log_likelihood(shares: Float[np.ndarray, "n k"], truth: Int[np.ndarray, " n"]) -> float:
    """The sum of the logarithms of the right classes' shares."""
    return float(np.log(np.maximum(shares[np.arange(len(shares)), truth], _LEAST)).sum())


def cross_calibrated(
    shares: Float[np.ndarray, "n k"], truth: Int[np.ndarray, " n"], folds: Int[np.ndarray, " n"]
) -> Float[np.ndarray, "n k"]:
    """The shares of each fold at the temperature of all others: what calibration does to videos it has not seen."""
    found = np.empty_like(shares)
    for fold in np.unique(folds):
        own = folds == fold
        found[own] = sharpened(shares[own], fit_temperature(shares[~own], truth[~own]))
    return found


def calibration_error(confidence: Float[np.ndarray, " n"], right: Bool[np.ndarray, " n"]) -> float:
    """The expected calibration error: |share right − mean confidence| of each bin, weighed by its videos (Eq. 3)."""
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    off = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(off).sum() / len(confidence))
