"""The evidence on a folder of one's own: every row evaluated in several ways, over several seeds, pair by pair."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from unreel.evaluation.comparison import sign_flips
from unreel.evaluation.metrics import bootstrap
from unreel.recipes import PAPER, RIVALS, shorter
from unreel.reproduction.columns import FineTuned, HitRate, LinearProbe, Rights
from unreel.reproduction.paper import ABLATION, SWITCHED_OFF, PaperTable
from unreel.reproduction.plan import ReproductionPlan
from unreel.reproduction.rows import PaperRow
from unreel.rng import generator
from unreel.settings.encoder import BASELINES

DATA = "videos"
COLUMNS = (
    FineTuned("fine-tuned", DATA),
    LinearProbe("linear", DATA),
    *(HitRate(f"R@1 {protocol}", DATA, 1, protocol) for protocol in ("gap", "centred", "vcop")),
)
ALL = "all columns"
TESTED = (
    "Intervals and p of differences are over these videos with these seeds: they do not tell what another seed gives."
)
RIVALS_FRAMES = 32
"""What every rival at the short size does with."""
COMPARED = (
    ("sc", ("scratch",)),
    ("tc", ("scratch",)),
    ("sc+tc", ("sc", "tc")),
    ("hdc", ("scratch", *BASELINES, "sc", "tc", "sc+tc", *SWITCHED_OFF)),
    ("hdc-plus", ("scratch", "hdc")),
)
"""A row, and those that it is compared with."""


@dataclass(frozen=True)
class Pair:
    """Second less first in one column, or in `ALL`, in points: the mean over `videos`, each the mean over seeds.

    Where one of them lacks some columns, `ALL` is followed by those that are left out.

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


def evidence(pretraining: str, evaluated: str, exclude: str | None = None) -> PaperTable:
    """The rows and columns for two folders; beside fine-tuning stands what the paper has for it on UCF101, split 1."""
    less = f", none of {exclude}" if exclude else ""
    return PaperTable(
        "evidence-strict" if exclude else "evidence",
        f"Evidence: pretrained on {pretraining}{less}, evaluated on {evaluated}, %",
        COLUMNS,
        tuple(map(_row, (*BASELINES, *ABLATION, "hdc-plus", *SWITCHED_OFF))),
        splits=(),
        printed=("UCF101, fine-tuned", *(column.head for column in COLUMNS[1:])),
        watched=True,
        compared=COMPARED,
    )


def rivals(pretraining: str, evaluated: str, exclude: str | None = None) -> PaperTable:
    """The same of the methods that the paper compares with, as far as they go, beside HDC and its parts.

    All learn from the same videos, those of `RIVALS_FRAMES` frames or more, for the same steps, with the same encoder.
    """
    table = evidence(pretraining, evaluated, exclude)
    rows = tuple(map(_row, (*BASELINES, "scratch", *map(shorter, RIVALS), "sc", "tc", "sc+tc", "hdc")))
    return replace(
        table,
        name=table.name.replace("evidence", "rivals"),
        title=table.title.replace("Evidence", "Rivals"),
        rows=rows,
        compared=(("hdc", tuple(row.recipe for row in rows[:-1])),),
    )


def pairs(plan: ReproductionPlan) -> Iterator[Pair]:
    """The comparisons that a table wants, of rows that have the results of every seed."""
    known = {row.name: _over_seeds(plan, row.name) for row in plan.table.ours if plan.table.compared and plan.has(row)}
    for second, others in plan.table.compared:
        for first in others:
            if first in known and second in known:
                before, after = known[first], known[second]
                shared = [name for name in before if name in after]
                yield from (_pair(first, second, name, before[name], after[name]) for name in shared)
                means = (_mean([each[name] for name in shared]) for each in (before, after))
                left_out = [head for head in plan.table.heads if head not in shared]
                yield _pair(first, second, ALL + f" but {', '.join(left_out)}" * bool(left_out), *means)


def _pair(first: str, second: str, column: str, before: Rights, after: Rights) -> Pair:
    videos = sorted(before.keys() & after.keys())
    differences = np.array([after[video] - before[video] for video in videos])
    low, high = bootstrap(differences[None], generator(0, "pairs", column))[0].tolist()
    mean, interval = 100 * float(differences.mean()), (100 * low, 100 * high)
    return Pair(first, second, column, len(videos), mean, interval, sign_flips(differences))


def _over_seeds(plan: ReproductionPlan, row: str) -> dict[str, Rights]:
    """By column that the row has: the mean over seeds of each video that all of them have."""
    paths = {
        column: [paths for (name, head, _), paths in plan.results.items() if (name, head) == (row, column.head)]
        for column in plan.table.columns
    }
    return {
        column.head: _mean([column.rights(each, plan.budget.label, plan.prepared[column.data]) for each in seeds])
        for column, seeds in paths.items()
        if any(seeds)
    }


def _mean(every: list[Rights]) -> Rights:
    """The mean of each video that all have."""
    videos = set.intersection(*(set(each) for each in every))
    return {video: sum(each[video] for each in every) / len(every) for video in videos}


def _row(recipe: str) -> PaperRow:
    numbers: Mapping[str, tuple[float, ...]] = PAPER.get((recipe, "r3d18"), {})
    printed = next((values[0] for place, values in numbers.items() if place in ("Table 1", "Table 2")), None)
    return PaperRow((recipe,), (printed, *(None,) * (len(COLUMNS) - 1)), recipe, "r3d18")
