"""Confusion matrices: what the videos of each class were taken for, by a classifier or by their nearest neighbour."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import PurePath

import numpy as np
from jaxtyping import Int

from unreel.evaluation.recognition import Recognition
from unreel.evaluation.results import Retrieval
from unreel.reporting.coverage import MissingVideos, recognition_shortfalls, shortfalls
from unreel.reporting.scores import settings

MOST_NAMED = 12


@dataclass(frozen=True)
class Mistake:
    """`count` videos of a class, `share` (0 to 1) of it, that were taken for another."""

    name: str
    taken_for: str
    count: int
    share: float


@dataclass(frozen=True)
class Span:
    """One cell of a row, or several empty ones beside each other (`count` 0)."""

    column: int
    width: int
    count: int
    share: float


@dataclass(frozen=True)
class Confusion:
    """`counts[row, column]` videos of class `row` were taken for class `column`; `caption` says by what and of what."""

    name: str
    caption: str
    classes: tuple[str, ...]
    counts: Int[np.ndarray, "k k"] = field(repr=False)
    shortfalls: list[MissingVideos]

    @property
    def total(self) -> int:
        """How many videos were evaluated."""
        return int(self.counts.sum())

    @property
    def right(self) -> int:
        """How many of them were taken for what they are."""
        return int(self.counts.diagonal().sum())

    @property
    def shares(self) -> np.ndarray:
        """The counts as shares of their row, 0 in rows without a video."""
        return np.asarray(self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1))

    def rows(self) -> Iterator[tuple[str, int, list[Span]]]:
        """Class, number of videos and cells of every row; empty cells beside each other are one, for most are."""
        for name, counts, shares in zip(self.classes, self.counts, self.shares, strict=True):
            spans: list[Span] = []
            for empty, group in groupby(range(len(counts)), key=lambda column: not counts[column]):
                columns = list(group)
                if empty:
                    spans.append(Span(columns[0], len(columns), 0, 0.0))
                else:
                    spans += [Span(column, 1, int(counts[column]), float(shares[column])) for column in columns]
            yield name, int(counts.sum()), spans

    @property
    def mistakes(self) -> list[Mistake]:
        """The most frequent ones, by the number of videos."""
        found = [
            Mistake(
                self.classes[row], self.classes[column], int(self.counts[row, column]), float(self.shares[row, column])
            )
            for row, column in np.argwhere(self.counts).tolist()
            if row != column
        ]
        return sorted(found, key=lambda each: (-each.count, -each.share, each.name, each.taken_for))[:MOST_NAMED]


def recognition_confusion(name: str, test: Recognition) -> Confusion:
    """What a classifier took the videos for."""
    caption = f"{test.label} of {PurePath(test.collection).name}, {test.split}, after {test.step:,} steps"
    return Confusion(name, caption, test.classes, test.confusion, recognition_shortfalls([(name, test)]))


def retrieval_confusion(retrieval: Retrieval, label: str, labels: Mapping[str, str]) -> Confusion | None:
    """The class of every query's nearest neighbour; `labels` gives that of a video. None where no label scores.

    Queries without a label, or without a neighbour that has one, are left out.
    """
    pairs = [
        (labels.get(query, ""), labels.get(hits[0].id, "")) for query, hits in retrieval.neighbours.items() if hits
    ]
    evaluated = [pair for pair in pairs if all(pair)]
    if not evaluated:
        return None
    classes = tuple(sorted({value for pair in evaluated for value in pair}))
    number = {name: place for place, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    for own, found in evaluated:
        counts[number[own], number[found]] += 1
    (setting,) = settings([retrieval])
    caption = f"{label} of the nearest neighbour, {setting.sentence}"
    return Confusion(retrieval.origin.encoder, caption, classes, counts, shortfalls([retrieval]))
