"""What the pretraining of each row took, and how far it has solved its own task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from unreel.planning.counting import encoded_frames
from unreel.reproduction.plan import ReproductionPlan
from unreel.training.metrics import read_metrics
from unreel.training.run_summary import pace

LAST = 10
"""Measured steps at the end of a run whose accuracies are averaged."""


@dataclass(frozen=True)
class PretrainingCost:
    """Of one row, means over seeds.

    `frames` are encoded per video and step, copies' included; `memory` is the most that the process had, in GB;
    `solved` says of each of the method's tasks how often it was right at the end, with chance where it is known.
    """

    row: str
    frames: float
    minutes: float
    memory: float
    solved: str


def pretraining_costs(plan: ReproductionPlan) -> list[PretrainingCost]:
    """One for every row that learns and has a finished or begun run for each seed."""
    found = []
    for row in [row for row in plan.table.ours if not row.is_baseline]:
        settings = plan.budget.pretraining(row.pretrained_by, plan.sources[0].files)
        metrics = [_metrics(plan.pretrained[row.name, seed]) for seed in plan.budget.seeds]
        if settings.steps and all(metrics):
            frames = encoded_frames(settings)
            found.append(
                PretrainingCost(
                    row.name,
                    frames.learnt + frames.followed,
                    mean(map(_minutes, metrics)),
                    mean(max(line.get("memory/gigabytes", 0.0) for line in each) for each in metrics),
                    _solved([line for each in metrics for line in each[-LAST:]]),
                )
            )
    return found


def _metrics(run: Path) -> list[dict[str, int | float]]:
    return [line for line in read_metrics(run) if "loss" in line]


def _minutes(metrics: Sequence[Mapping[str, int | float]]) -> float:
    seconds, _ = pace(metrics)
    return (seconds or 0.0) * max(int(line["step"]) for line in metrics) / 60


def _solved(lines: Sequence[Mapping[str, int | float]]) -> str:
    """As `order 83.1 (chance 16.7)`; of several contrasts the mean."""
    right = {name: mean(line[name] for line in lines if name in line) for name in lines[-1] if "accuracy/" in name}
    told = {name: f"{name.removeprefix('accuracy/')} {100 * share:.1f}" for name, share in right.items()}
    if len(told) > 2:
        return f"mean of {len(told)} contrasts {100 * mean(right.values()):.1f}"
    chances = {name: lines[-1].get(f"chance/{name.removeprefix('accuracy/')}") for name in right}
    return "; ".join(
        text + (f" (chance {100 * chance:.1f})" if (chance := chances[name]) is not None else "")
        for name, text in told.items()
    )
