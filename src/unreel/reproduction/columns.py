"""The columns of a table: each plans the jobs that its numbers need, and reads what they leave.

A column of another kind is one more class here; nothing else asks what a column is.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

from unreel.evaluation.classification import Classification, read_classifications
from unreel.evaluation.finetune_results import Finetuned, read_finetuned
from unreel.evaluation.recognition import read_recognition
from unreel.evaluation.results import Provenance, Retrieval, Score, read_retrievals
from unreel.reproduction.budget import words_of
from unreel.reproduction.estimates import bytes_of_run, clips_embedded
from unreel.reproduction.planner import Evaluation, Planner
from unreel.reproduction.rows import UNTRAINED, PaperRow
from unreel.video.collection.manifest import Manifest

PROTOCOL = "vcop"
"""The paper follows the clip-order paper in its retrieval (Sec. 4.3)."""
Rights = Mapping[str, float]
"""By video: 1 where it was right, 0 where not; over several seeds the mean."""


@dataclass(frozen=True)
class FigureOrigin:
    """Where a figure is from: all that must be the same for two to compare, and how many videos were `seen`.

    `missing` are the others, each with the reason.
    """

    collection: str
    split: str
    protocol: str
    encoder: str
    checkpoint: str
    seed: int
    seen: int
    expected: int
    missing: Mapping[str, str]


@dataclass(frozen=True)
class Figure:
    """One number of one run on one split, in percent."""

    row: str
    column: str
    percent: float
    origin: FigureOrigin


@dataclass(frozen=True)
class Column(ABC):
    """`head` is unique in its table, `data` the name of the data set that evaluates."""

    head: str
    data: str

    @abstractmethod
    def plan(self, planner: Planner, row: PaperRow, seed: int) -> tuple[Path, ...]:
        """Plan what the number of a row needs; the results of which it is the mean. Several columns may share a job."""

    @abstractmethod
    def read(self, path: Path, row: PaperRow, label: str | None) -> Figure | None:
        """Read the figure of one result, by a label or the first; None where it has none."""

    @abstractmethod
    def rights(self, paths: Sequence[Path], label: str | None, videos: Path) -> Rights:
        """Which of the prepared videos were right, in all results together."""

    def on(self, _folder: str) -> "Column":
        """The column for a labelled folder that stands for the data set."""
        return self


@final
@dataclass(frozen=True)
class FineTuned(Column):
    """Top-1 accuracy after fine-tuning: one result of each split, or of all folds; its head names the data.

    Baselines have none.
    """

    def plan(self, planner: Planner, row: PaperRow, seed: int) -> tuple[Path, ...]:
        if row.is_baseline:
            return ()
        return tuple(self._tuned(planner, row, seed, split) for split in planner.splits or (None,))

    def _tuned(self, planner: Planner, row: PaperRow, seed: int, split: str | None) -> Path:
        budget, source = planner.budget, planner.evaluated[self.data]
        settings, encoder = budget.finetuning, budget.pretraining(row.pretrained_by).encoder_settings
        parts = 1 if split else budget.folds
        tested = (source.parts or {}).get(split, {}).get("test", 0) if split else source.files
        options = {
            "split": split,
            "folds": None if split else budget.folds,
            "seed": seed,
            "label": budget.label,
            "allow_leaks": budget.allow_leaks,
        }
        evaluation = Evaluation(
            "finetune",
            words_of(options) + budget.finetuning_words,
            settings.steps * settings.batch_size * parts + clips_embedded(tested),
            part=f"split{split}" if split else f"folds{budget.folds}",
            size=parts * bytes_of_run(encoder, settings.keep),
        )
        return planner.evaluate(evaluation, row, self.data, seed)

    def read(self, path: Path, row: PaperRow, _label: str | None) -> Figure:
        found = read_finetuned(path)
        missing = {name: why for part in found.parts for name, why in part.missing.items()}
        origin = _origin(found, found.protocol, missing)
        return Figure(row.name, self.head, 100 * found.figures["video/top1"], origin)

    def rights(self, paths: Sequence[Path], _label: str | None, _videos: Path) -> Rights:
        tests = [read_recognition(each) for path in paths for each in path.parent.glob("*/recognition.json")]
        return {each.id: float(each.place == 1) for test in tests for each in test.predictions}

    def on(self, folder: str) -> Column:
        return replace(self, head=folder)


@final
@dataclass(frozen=True)
class LinearProbe(Column):
    """Accuracy of a linear classifier on features as they are."""

    protocol: str = "gap"

    def plan(self, planner: Planner, row: PaperRow, seed: int) -> tuple[Path, ...]:
        return (_frozen("linear", self.protocol, planner, row, self.data, seed),)

    def read(self, path: Path, row: PaperRow, label: str | None) -> Figure:
        found = _classification(path, label)
        origin = _of_frozen(found.origin, "linear, ")
        return Figure(row.name, self.head, 100 * found.accuracy, origin)

    def rights(self, paths: Sequence[Path], label: str | None, videos: Path) -> Rights:
        found = [_classification(path, label) for path in paths]
        truth = {video.id: video.labels for video in Manifest.read(videos)}
        return {
            video: float(truth[video][each.label] in guesses.values())
            for each in found
            for video, guesses in each.predictions.items()
        }


@final
@dataclass(frozen=True)
class HitRate(Column):
    """R@k: whether one of the k nearest is right; `beside`: the untrained encoder is evaluated with the row's."""

    k: int
    protocol: str = PROTOCOL
    beside: bool = False

    def plan(self, planner: Planner, row: PaperRow, seed: int) -> tuple[Path, ...]:
        return (_frozen("retrieval", self.protocol, planner, row, self.data, seed, beside=self.beside),)

    def read(self, path: Path, row: PaperRow, label: str | None) -> Figure | None:
        """Read it; a small gallery has no R@50."""
        every = read_retrievals(path)
        found = next(each for each in every if (each.origin.encoder == UNTRAINED) == (row.recipe == UNTRAINED))
        hits = _score(found, label).hits
        origin = _of_frozen(found.origin)
        return Figure(row.name, self.head, 100 * hits[self.k], origin) if self.k in hits else None

    def rights(self, paths: Sequence[Path], label: str | None, _videos: Path) -> Rights:
        outcomes = [_score(read_retrievals(path)[-1], label).outcomes for path in paths]
        return {
            video: float(each.first_right is not None and each.first_right <= self.k)
            for of_path in outcomes
            for video, each in of_path.items()
        }


def _frozen(
    verb: str, protocol: str, planner: Planner, row: PaperRow, data: str, seed: int, *, beside: bool = False
) -> Path:
    """Plan an evaluation of an encoder as it is, alone or beside the same untrained, which a baseline is itself."""
    splits = planner.splits[:1]
    part = "".join(f"split{split}" for split in splits)
    if row.is_baseline:
        words = words_of({"protocol": protocol, "split": splits})
        return planner.evaluate_baseline(Evaluation(verb, words, 0.0, protocol, part), row, data)
    clips = (2 if beside else 1) * clips_embedded(planner.evaluated[data].files, crops=1)
    words = words_of({"protocol": protocol, "split": splits, "untrained": None if beside else False})
    way = f"{protocol}-beside-untrained" if beside else protocol
    return planner.evaluate(Evaluation(verb, words, clips, way, part), row, data, seed)


def _classification(path: Path, label: str | None) -> Classification:
    return next(each for each in read_classifications(path) if label in (None, each.label))


def _score(found: Retrieval, label: str | None) -> Score:
    return found.score(label) if label else found.scores[0]


def _of_frozen(found: Provenance, way: str = "") -> FigureOrigin:
    return _origin(found, f"{way}{found.protocol}, level {found.level}", found.missing)


def _origin(found: Provenance | Finetuned, protocol: str, missing: Mapping[str, str]) -> FigureOrigin:
    names = ("collection", "split", "encoder", "checkpoint", "seed", "seen", "expected")
    return FigureOrigin(**{name: getattr(found, name) for name in names}, protocol=protocol, missing=missing)
