"""Figures by class: hit@1 and average precision of a retrieval, or the share of a class that was recognised."""

from collections.abc import Sequence
from dataclasses import dataclass

from unreel.evaluation.recognition import Recognition
from unreel.evaluation.results import ClassScore, Retrieval
from unreel.reporting.scores import AVERAGE_PRECISION, learnt_nothing


@dataclass(frozen=True)
class ClassRow:
    """One class: how many videos were evaluated, and every measure in percent by column; None where not measured."""

    name: str
    count: int
    values: list[list[float | None]]


@dataclass(frozen=True)
class ClassTable:
    """Encoders or runs (`columns`) compared class by class, the best recognised class first."""

    title: str
    columns: list[str]
    measures: list[str]
    rows: list[ClassRow]

    @property
    def colours(self) -> list[int]:
        """The colour of each column, from 0, as runs have theirs; grey (8) where nothing was learnt."""
        learnt = [column for column in self.columns if not learnt_nothing(column)]
        return [learnt.index(column) % 8 if column in learnt else 8 for column in self.columns]

    @property
    def caption(self) -> str:
        """The title and what the numbers are."""
        return f"{self.title}: {', beside it '.join(self.measures)}, in percent"


def retrieval_classes(retrievals: Sequence[Retrieval], label: str) -> ClassTable | None:
    """The classes of a label by encoder; None where no result tells them apart."""
    scores = [(each.origin.encoder, score) for each in retrievals for score in each.scores if score.label == label]
    tables = {encoder: score.classes for encoder, score in scores if score.classes}
    if not tables:
        return None
    ks = [min(each.hits) for classes in tables.values() for each in classes.values() if each.hits]
    k = min(ks, default=1)
    rows = [
        ClassRow(
            name,
            max(classes[name].queries for classes in tables.values() if name in classes),
            [_measured(classes.get(name), k) for classes in tables.values()],
        )
        for name in sorted({name for classes in tables.values() for name in classes})
    ]
    return ClassTable(f"Retrieval by {label}", list(tables), [f"R@{k}", AVERAGE_PRECISION], _sorted(rows))


def recognition_classes(tests: Sequence[tuple[str, Recognition]]) -> list[ClassTable]:
    """The classes of tests of recognition, by name; those that tell the same classes apart share a table."""
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[str, Recognition]]] = {}
    for name, test in tests:
        groups.setdefault((test.label, test.classes), []).append((name, test))
    return [
        ClassTable(f"Recognition of {label}", [name for name, _ in group], ["top-1"], _sorted(_rows(classes, group)))
        for (label, classes), group in groups.items()
    ]


def _rows(classes: Sequence[str], tests: Sequence[tuple[str, Recognition]]) -> list[ClassRow]:
    counts = [test.confusion.sum(axis=1).tolist() for _, test in tests]
    right = [test.confusion.diagonal().tolist() for _, test in tests]
    return [
        ClassRow(
            name,
            max(count[row] for count in counts),
            [[100 * hits[row] / count[row] if count[row] else None] for hits, count in zip(right, counts, strict=True)],
        )
        for row, name in enumerate(classes)
    ]


def _measured(score: ClassScore | None, k: int) -> list[float | None]:
    if score is None:
        return [None, None]
    return [100 * score.hits[k] if k in score.hits else None, 100 * score.average_precision]


def _sorted(rows: list[ClassRow]) -> list[ClassRow]:
    """By the mean of the first measure over the columns, the best first; equal ones by name."""

    def mean(row: ClassRow) -> float:
        known = [values[0] for values in row.values if values[0] is not None]
        return sum(known) / len(known) if known else -1.0

    return sorted(rows, key=lambda row: (-mean(row), row.name))
