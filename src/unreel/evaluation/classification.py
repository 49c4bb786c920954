"""Classification of test videos from frozen features, by nearest neighbours or by a linear classifier."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from unreel.engine.files import write_whole
from unreel.evaluation.metrics import bootstrap
from unreel.evaluation.results import Fraction, Natural, Provenance, check_columns, made_by
from unreel.reading import read_json
from unreel.rng import generator

Method = Literal["knn", "linear"]
FORMAT = "unreel-classification-2"


@dataclass(frozen=True)
class Classification:
    """The label that every test video was given, one column for each way of giving it.

    `videos` counts the test videos that have a label; one whose label no training video has counts as wrong.
    `accuracies` are shares of them, 0 to 1, with 95 % bootstrap `intervals`; `classes` has those of each class, and
    `predictions` those of each video. `folds` is how many classifiers were fitted.
    """

    method: Method
    origin: Provenance
    label: str
    folds: Natural
    videos: Natural
    accuracies: dict[str, Fraction]
    intervals: dict[str, tuple[Fraction, Fraction]]
    classes: dict[str, dict[str, Fraction]] = field(repr=False)
    predictions: dict[str, dict[str, str]] = field(repr=False)

    def __post_init__(self) -> None:
        check_columns(self.accuracies, self.intervals, *self.classes.values(), *self.predictions.values())

    @property
    def accuracy(self) -> float:
        """That of the first column: the nearest neighbour's, or the linear classifier's."""
        return next(iter(self.accuracies.values()))


def score_predictions(
    method: Method,
    origin: Provenance,
    label: str,
    truth: Mapping[str, str],
    predictions: Mapping[str, Mapping[str, str]],
    *,
    folds: int = 1,
) -> Classification:
    """Score predictions: `truth` has the label of every test video, `predictions` those of each column."""
    right = {column: np.array([each[video] == truth[video] for video in truth]) for column, each in predictions.items()}
    measures = np.stack(list(right.values())).astype(np.float64)
    pairs = bootstrap(measures, generator(origin.seed, "bootstrap", method, label))
    of_class = np.array(list(truth.values()))
    return Classification(
        method,
        origin,
        label,
        folds,
        len(truth),
        {column: float(each.mean()) for column, each in right.items()},
        {column: (float(low), float(high)) for column, (low, high) in zip(right, pairs, strict=True)},
        {
            name: {column: float(each[of_class == name].mean()) for column, each in right.items()}
            for name in sorted(set(truth.values()))
        },
        {video: {column: each[video] for column, each in predictions.items()} for video in truth},
    )


def write_classifications(path: Path, results: Sequence[Classification]) -> None:
    """Write the results as JSON, whole or not at all."""
    write_whole(path, json.dumps({"format": FORMAT, "classifications": [asdict(each) for each in results]}))


def read_classifications(path: Path) -> list[Classification]:
    """Read what `write_classifications` wrote.

    Raises:
        CollectionError: the file is missing or not one of ours.
    """
    return read_json(path, _Classifications, made_by("unreel evaluate knn, or linear"), format=FORMAT).classifications


@dataclass(frozen=True)
class _Classifications:
    classifications: list[Classification]
