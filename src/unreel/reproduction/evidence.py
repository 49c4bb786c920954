"""The evidence on real videos: every row evaluated in several ways, over several seeds, and compared pair by pair.

Pretrained on the videos of a corpus, evaluated on Weizmann, one person out; strictly: pretrained on the others only.
Weizmann is a development set: the recipes were chosen on it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unreel.evaluation.classification import Classification, read_classifications
from unreel.evaluation.comparison import sign_flips
from unreel.evaluation.metrics import bootstrap
from unreel.evaluation.recognition import read_recognition
from unreel.evaluation.results import Retrieval, Score, read_retrievals
from unreel.recipes import PAPER
from unreel.reproduction.paper import Data, PaperRow, PaperTable
from unreel.rng import generator

CORPUS = "street651"
EVALUATED: Data = "weizmann"
PERSONS = 9
GROUP_PATTERN = "/([a-z]+)_"
STRICT = f"^{EVALUATED}/"
"""What strict pretraining leaves out: all videos of all persons that are tested."""
LADDER = ("scratch", "sc", "tc", "sc+tc", "two-level", "two-level-weighted", "three-level", "hdc", "hdc-plus")
SWITCHED_OFF = ("no-colour-jitter", "no-channel-replication", "no-colour-change", "no-flip", "no-scale-jitter")
COLUMNS = ("fine-tuned", "linear", "R@1 gap", "R@1 centred", "R@1 vcop")
ALL = "all columns"
DEVELOPED = (
    "Weizmann is a development set: the recipes, that of fine-tuning too, were chosen on the videos tested here."
)
TESTED = (
    "Intervals and p of differences are over these videos with these seeds: they do not tell what another seed gives."
)
COMPARED = (
    ("sc", ("scratch",)),
    ("tc", ("scratch",)),
    ("sc+tc", ("sc", "tc")),
    ("hdc", ("scratch", "sc", "tc", "sc+tc", *SWITCHED_OFF)),
    ("hdc-plus", ("scratch", "hdc")),
)
"""A row, and those that it is compared with."""

Rights = Mapping[str, float]
"""By video: 1 where it was right, 0 where not; over several seeds the mean."""


@dataclass(frozen=True)
class Pair:
    """Second less first in one column, or in `ALL`, in points: the mean over `videos`, each the mean over seeds.

    `interval` is the 95 % bootstrap interval over videos; `p_value` of two sides, by random changes of sign of the
    videos' differences. Seeds are not drawn again: it says how sure the difference is for other videos of these seeds.
    """

    first: str
    second: str
    column: str
    videos: int
    difference: float
    interval: tuple[float, float]
    p_value: float


def evidence(*, strict: bool = False) -> PaperTable:
    """The rows and columns; beside fine-tuning stands what the paper has for it on UCF101, split 1."""
    rows = tuple(_row(recipe) for recipe in (*LADDER, *SWITCHED_OFF))
    printed = ("UCF101, fine-tuned", *COLUMNS[1:])
    title = f"Evidence: pretrained on real videos{', none of Weizmann' if strict else ''}, evaluated on Weizmann, %"
    return PaperTable(
        "evidence-strict" if strict else "evidence",
        title,
        "evidence",
        (EVALUATED,),
        (),
        ("row",),
        COLUMNS,
        rows,
        printed,
    )


def pairs(
    results: Mapping[tuple[str, str, int], Sequence[Path]], seeds: Sequence[int], label: str | None
) -> Iterator[Pair]:
    """The comparisons for which every seed of both rows has results; by `label`, or the first."""
    known = {
        row: _over_seeds([results[row, EVALUATED, seed] for seed in seeds], label)
        for row in {row for row, _, _ in results}
        if all(path.exists() for seed in seeds for path in results[row, EVALUATED, seed])
    }
    for second, others in COMPARED:
        for first in others:
            if first in known and second in known:
                before, after = known[first], known[second]
                yield from (_pair(first, second, name, before[name], after[name]) for name in before)


def _pair(first: str, second: str, column: str, before: Rights, after: Rights) -> Pair:
    videos = sorted(before.keys() & after.keys())
    differences = np.array([after[video] - before[video] for video in videos])
    low, high = bootstrap(differences[None], generator(0, "pairs", column))[0].tolist()
    return Pair(
        first,
        second,
        column,
        len(videos),
        100 * float(differences.mean()),
        (100 * low, 100 * high),
        sign_flips(differences),
    )


def _over_seeds(runs: Sequence[Sequence[Path]], label: str | None) -> dict[str, Rights]:
    """By column, and the mean of all: the mean over seeds of each video that all of them have."""
    every = [_rights(paths, label) for paths in runs]
    found: dict[str, Rights] = {}
    for column in COLUMNS:
        own = [each[column] for each in every]
        videos = set.intersection(*(set(each) for each in own))
        found[column] = {video: sum(each[video] for each in own) / len(own) for video in videos}
    together = set.intersection(*(set(each) for each in found.values()))
    found[ALL] = {video: sum(found[column][video] for column in COLUMNS) / len(COLUMNS) for video in together}
    return found


def _rights(paths: Sequence[Path], label: str | None) -> dict[str, Rights]:
    """By column: the videos that were right in one run."""
    tuned, linear, *retrieved = paths
    tests = [read_recognition(path) for path in sorted(tuned.parent.glob("*/recognition.json"))]
    said = [each for test in tests for each in test.predictions]
    truth = {each.id: each.label for each in said}
    guesses = classification_of(linear, label).predictions
    rights: dict[str, Rights] = {
        COLUMNS[0]: {each.id: float(each.place == 1) for each in said},
        COLUMNS[1]: {
            video: float(truth[video] in guess.values()) for video, guess in guesses.items() if video in truth
        },
    }
    for column, path in zip(COLUMNS[2:], retrieved, strict=True):
        outcomes = score_of(read_retrievals(path)[-1], label).outcomes
        rights[column] = {video: float(each.first_right == 1) for video, each in outcomes.items()}
    return rights


def classification_of(path: Path, label: str | None) -> Classification:
    """What a file says of a label; None: of the first."""
    return next(each for each in read_classifications(path) if label in (None, each.label))


def score_of(retrieval: Retrieval, label: str | None) -> Score:
    """How a label scores; None: the first."""
    return retrieval.score(label) if label else retrieval.scores[0]


def _row(recipe: str) -> PaperRow:
    numbers = PAPER.get((recipe, "r3d18"), {})
    printed = next((values[0] for place, values in numbers.items() if place in ("Table 1", "Table 2")), None)
    return PaperRow((recipe,), (printed, *(None,) * (len(COLUMNS) - 1)), recipe, "r3d18")
