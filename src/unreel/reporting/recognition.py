"""Tests of recognition on a page: their figures, and the videos that were most surely taken for something else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unreel.evaluation.recognition import Prediction, Recognition
from unreel.reporting.previews import Preview
from unreel.video.collection.manifest import Manifest

WORST = 12
_NAMES = {
    "video/top1": "Videos, top-1",
    "video/top5": "Videos, top-5",
    "clip/top1": "Clips, top-1",
    "clip/top5": "Clips, top-5",
}


@dataclass(frozen=True)
class ShownTest:
    """The test of one run, by the name it is shown under, and the collection that its videos are in."""

    name: str
    recognition: Recognition
    manifest: Manifest


@dataclass(frozen=True)
class RecognitionRow:
    """The figures of one test in percent by column, None where one was not measured; `best` of its rivals or not."""

    name: str
    recognition: Recognition
    cells: list[float | None]
    best: list[bool]


@dataclass(frozen=True)
class RecognitionTable:
    """All tests; the best are marked among those of the same videos."""

    columns: list[str]
    rows: list[RecognitionRow]


@dataclass(frozen=True)
class Error:
    """A video, what it is and what it was taken for, and the share (0 to 1) that the classifier gave to each."""

    preview: Preview
    label: str
    predicted: str
    own_share: float
    given_share: float


def recognition_table(tests: Sequence[ShownTest]) -> RecognitionTable:
    """The figures of all tests, in their order."""
    figures = [test.recognition.figures for test in tests]
    measured = [name for name in _NAMES if any(name in each for each in figures)]
    rows = []
    for test, own in zip(tests, figures, strict=True):
        rivals = [
            each for other, each in zip(tests, figures, strict=True) if _same(other.recognition, test.recognition)
        ]
        best = [
            len(rivals) > 1 and name in own and own[name] == max(each[name] for each in rivals) for name in measured
        ]
        cells = [100 * own[name] if name in own else None for name in measured]
        rows.append(RecognitionRow(test.name, test.recognition, cells, best))
    return RecognitionTable([_NAMES[name] for name in measured], rows)


def worst(recognition: Recognition) -> list[Prediction]:
    """The wrong ones that gave least to the right class, at most `WORST` of them."""
    row = {name: number for number, name in enumerate(recognition.classes)}
    wrong = [each for each in recognition.predictions if each.predicted != each.label]
    return sorted(wrong, key=lambda each: (each.probabilities[row[each.label]], each.id))[:WORST]


def errors(recognition: Recognition, previews: Mapping[str, Preview]) -> list[Error]:
    """The worst videos as they are shown."""
    row = {name: number for number, name in enumerate(recognition.classes)}
    return [
        Error(
            previews[each.id],
            each.label,
            each.predicted,
            each.probabilities[row[each.label]],
            each.probabilities[row[each.predicted]],
        )
        for each in worst(recognition)
    ]


def _same(one: Recognition, other: Recognition) -> bool:
    """Whether two tests saw the same videos."""
    return {each.id for each in one.predictions} == {each.id for each in other.predictions}
