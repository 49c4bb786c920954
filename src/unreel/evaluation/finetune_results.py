"""Fine-tuning on several splits or folds (Sec. 4): their tests together.

splits   each of them tests other videos of one collection, some twice: mean ± standard deviation of the accuracies
folds    each video is tested in one of them: the accuracy over all videos
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Literal

from unreel.engine.files import write_whole
from unreel.evaluation.recognition import Recognition
from unreel.evaluation.results import Fraction, Natural, check_columns, made_by
from unreel.reading import read_json

FORMAT = "unreel-finetuned-1"
RESULT = "finetune.json"

SplitKind = Literal["splits", "folds"]


@dataclass(frozen=True)
class PartResult:
    """One split or fold: accuracies (0 to 1) as those of `Recognition`, and why videos of it were not seen."""

    split: str
    figures: dict[str, Fraction]
    seen: Natural
    expected: Natural
    missing: dict[str, str]


@dataclass(frozen=True)
class Finetuned:
    """What fine-tuning from one encoder has come to.

    `encoder` is the recipe of the weights begun with and `checkpoint` their hash, "scratch" and "random" without any;
    `protocol` says how much was learnt and how it is tested. `figures` are those of all parts together, `deviations`
    their standard deviations over the splits where there are several.
    """

    encoder: str
    checkpoint: str
    collection: str
    label: str
    protocol: str
    division: SplitKind
    seed: Natural
    parts: tuple[PartResult, ...]
    figures: dict[str, Fraction]
    deviations: dict[str, Fraction]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("it has no part")
        check_columns(self.figures, *([self.deviations] if self.deviations else []))

    @property
    def seen(self) -> int:
        """How many videos were tested, those of all parts added."""
        return sum(part.seen for part in self.parts)

    @property
    def expected(self) -> int:
        """How many should have been."""
        return sum(part.expected for part in self.parts)

    @property
    def split(self) -> str:
        """All splits or folds in words."""
        if self.division == "folds":
            return f"{len(self.parts)} folds"
        return ", ".join(part.split.removesuffix(", test") for part in self.parts)


def combine(
    tests: Sequence[Recognition], division: SplitKind, *, encoder: str, checkpoint: str, protocol: str, seed: int
) -> Finetuned:
    """Put the tests of all splits or folds together, in their order."""
    own = [test.figures for test in tests]
    names = [name for name in own[0] if all(name in figures for figures in own)]
    if division == "folds":
        whole = replace(tests[0], predictions=tuple(each for test in tests for each in test.predictions)).figures
        figures, deviations = {name: whole[name] for name in names}, {}
    else:
        figures = {name: mean(each[name] for each in own) for name in names}
        deviations = {name: stdev(each[name] for each in own) for name in names} if len(own) > 1 else {}
    parts = (PartResult(test.split, test.figures, test.seen, test.expected, dict(test.missing)) for test in tests)
    first = tests[0]
    return Finetuned(
        encoder,
        checkpoint,
        first.collection,
        first.label,
        protocol,
        division,
        seed,
        tuple(parts),
        figures,
        deviations,
    )


def write_finetuned(path: Path, found: Finetuned) -> None:
    """Write it as JSON, whole or not at all."""
    content = {"format": FORMAT, "seen": found.seen, "expected": found.expected, **asdict(found)}
    write_whole(path, json.dumps(content, indent=1))


def read_finetuned(path: Path) -> Finetuned:
    """Read what `write_finetuned` wrote.

    Raises:
        CollectionError: the file is missing or not one of ours.
    """
    return read_json(path, Finetuned, made_by("unreel evaluate finetune"), format=FORMAT)
