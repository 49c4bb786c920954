"""Trials made of vectors and labels, without any video."""

from collections.abc import Sequence

import numpy as np

from unreel.evaluation.features import Features
from unreel.evaluation.split_features import SplitFeatures, split_features
from unreel.evaluation.splits import Split, SplitPart
from unreel.video.collection.manifest import VideoRecord


def videos(labels: Sequence[str], groups: Sequence[str] | None = None) -> tuple[VideoRecord, ...]:
    """Records called 0, 1, 2 … (with as many digits as the last) of the label "class"; "" gives them none."""
    names = [f"{number:0{len(str(len(labels) - 1))}}" for number in range(len(labels))]
    return tuple(
        VideoRecord(name, "ok", labels={"class": label} if label else {}, group=groups[row] if groups else "")
        for row, (name, label) in enumerate(zip(names, labels, strict=True))
    )


def features_of(records: Sequence[VideoRecord], vectors: np.ndarray) -> Features:
    """Features of one clip each."""
    return Features(tuple(video.id for video in records), np.asarray(vectors)[:, None], {})


def two_sides(vectors: np.ndarray, labels: Sequence[str], *, known: int) -> SplitFeatures:
    """The first `known` videos as gallery, the others as queries."""
    records = videos(labels)
    division = Split("1", SplitPart(records[:known], {}), SplitPart(records[known:], {}))
    return split_features(division, features_of(records, vectors))


def one_out(vectors: np.ndarray, labels: Sequence[str], groups: Sequence[str] | None = None) -> SplitFeatures:
    """Each video asked in its turn."""
    records = videos(labels, groups)
    side = SplitPart(records, {})
    return split_features(Split("leave one out", side, side, one_out=True), features_of(records, vectors))
