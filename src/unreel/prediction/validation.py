"""How right predictions are, of videos that the classifier had not seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from unreel.evaluation.metrics import bootstrap_units
from unreel.prediction.calibration import calibration_error, cross_calibrated, fit_temperature
from unreel.rng import generator


@dataclass(frozen=True)
class Validation:
    """What was predicted for videos with known labels, each by a classifier that had not learnt from it.

    `way` says how they were kept apart. `truth` and `shares` (n k) are of the videos `ids`; `folds` their numbers, and
    `units` what they were kept apart by: groups, or each by itself. Shares are as the classifier gives them.
    """

    way: str
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    truth: Int[np.ndarray, " n"]
    shares: Float[np.ndarray, "n k"]
    folds: Int[np.ndarray, " n"]
    units: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def right(self) -> Bool[np.ndarray, " n"]:
        """Whether the class with the largest share is the true one."""
        return np.asarray(self.shares.argmax(axis=1) == self.truth)

    @property
    def accuracy(self) -> float:
        """The share of videos that are right."""
        return float(self.right.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, by drawing units again: videos of one group are right or wrong together."""
        chance = generator(0, "bootstrap", "prediction")
        return bootstrap_units(self.right.astype(np.float64), self.units, chance)

    @property
    def by_class(self) -> dict[str, tuple[int, int]]:
        """Of each class that some videos have: how many are right, and how many there are."""
        right = self.right
        counts = {name: self.truth == number for number, name in enumerate(self.classes)}
        return {name: (int(right[own].sum()), int(own.sum())) for name, own in counts.items() if own.any()}

    @property
    def temperature(self) -> float:
        """What calibrates the confidence of further videos."""
        return fit_temperature(self.shares, self.truth)

    @property
    def errors(self) -> tuple[float, float]:
        """The expected calibration error before and after calibration, which each fold has from the others."""
        after = cross_calibrated(self.shares, self.truth, self.folds)
        before_and_after = [calibration_error(each.max(axis=1), self.right) for each in (self.shares, after)]
        return before_and_after[0], before_and_after[1]


def class_numbers(labels: Sequence[str], classes: Sequence[str]) -> Int[np.ndarray, " n"]:
    """The number of each label's class."""
    number = {name: place for place, name in enumerate(classes)}
    return np.array([number[label] for label in labels], np.int64)
