"""Linear probe: how much of a label a linear classifier reads from frozen features."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unreel.errors import CollectionError
from unreel.evaluation.split_features import SplitFeatures

FOLDS = 5

Fold = tuple[Int[np.ndarray, " _"], Int[np.ndarray, " _"]]
"""Rows to learn from and rows to test."""


def probe(features: SplitFeatures, name: str, *, seed: int = 0) -> tuple[str, int, dict[str, str]]:
    """Predict a label of every query: how the videos were divided, the number of folds, and the predictions by id.

    All videos of `features` have the label `name`.

    Raises:
        CollectionError: fewer than two labels, or too few videos of one for the folds.
    """
    videos, rows = features.gallery, features.gallery_rows
    if features.split.one_out:
        labels = [video.labels[name] for video in videos]
        split, folds = one_out_folds(labels, [video.group for video in videos], name=name, seed=seed)
    else:
        first = len(videos)
        videos, rows = videos + features.queries, np.concatenate([rows, features.query_rows])
        labels = [video.labels[name] for video in videos]
        split, folds = features.split.name, [(np.arange(first), np.arange(first, len(videos)))]
    predictions = linear_probe(features.vectors[rows], labels, folds, name=name)
    return split, len(folds), {videos[row].id: label for row, label in predictions.items()}


def one_out_folds(labels: Sequence[str], groups: Sequence[str], *, name: str, seed: int = 0) -> tuple[str, list[Fold]]:
    """How every video is tested once, and the folds for it: each group once or, without groups, five folds.

    Raises:
        CollectionError: fewer than two labels, or too few videos of one for the folds.
    """
    classes, sources = np.array(labels), np.array(groups)
    counts = np.unique(classes, return_counts=True)[1]
    _check(len(counts), name)
    if len(np.unique(sources)) > 1:
        return "leave one group out", list(LeaveOneGroupOut().split(classes, classes, sources))
    if counts.min() < FOLDS:
        raise CollectionError(f"five folds need 5 videos of each {name!r} label, the rarest has {counts.min()}")
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(classes, classes)
    return f"{FOLDS} stratified folds", list(folds)


def linear_probe(
    vectors: Float[np.ndarray, "n c"], labels: Sequence[str], folds: Sequence[Fold], *, name: str
) -> dict[int, str]:
    """Predict the label of each test row by a logistic regression (L2, C = 1) on standardised features.

    Raises:
        CollectionError: fewer than two labels to learn from.
    """
    classes = np.array(labels)
    predictions: dict[int, str] = {}
    for training, test in folds:
        _check(len(np.unique(classes[training])), name)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        model.fit(vectors[training], classes[training])
        predictions |= dict(zip(test.tolist(), map(str, model.predict(vectors[test])), strict=True))
    return predictions


def _check(classes: int, name: str) -> None:
    if classes < 2:
        raise CollectionError(f"a linear probe needs at least two {name!r} labels, got {classes}")
