"""Learning curves of the rows of a table: how far the contrast is solved, and what k-NN finds, step by step."""

from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path
from statistics import mean

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from unreel.reporting.paper_figure import COLOURS, DOTS_PER_INCH, INK, PAGE_WIDTH, RULE, save_figures
from unreel.reproduction.plan import ReproductionPlan
from unreel.training.metrics import read_metrics
from unreel.training.run_summary import read_loosely

HEIGHT = 2.8
"""Inches."""
NOTE = 7.0
SUFFIXES = (".png", ".pdf")
TITLES = ("Loss, as a share of that of guessing", "Nearest neighbour right, %")

Curve = Mapping[int, float]


def write_curves(plan: ReproductionPlan, folder: Path) -> list[Path]:
    """The two charts of the pretraining runs that are there, if they are watched; each line is a mean over seeds."""
    curves = _curves(plan) if plan.table.watched else {}
    if not curves:
        return []
    figure = Figure(figsize=(PAGE_WIDTH, HEIGHT), dpi=DOTS_PER_INCH, facecolor="white", layout="constrained")
    for axes, number in zip(figure.subplots(1, 2), (0, 1), strict=True):
        _draw(axes, TITLES[number], {row: pair[number] for row, pair in curves.items()})
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=NOTE)
    return [save_figures([figure], folder / f"{plan.table.name}-curves{suffix}") for suffix in SUFFIXES]


def _draw(axes: Axes, title: str, curves: Mapping[str, Curve]) -> None:
    for number, (row, curve) in enumerate(curves.items()):
        style = ("-", "--")[number // len(COLOURS) % 2]
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(list(curve), list(curve.values()), style, color=colour, linewidth=1.0, label=row)
    axes.set_title(title, fontsize=NOTE + 1, color=INK)
    axes.set_xlabel("step", fontsize=NOTE)
    axes.tick_params(labelsize=NOTE)
    axes.grid(color=RULE, linewidth=0.4)
    axes.spines[["top", "right"]].set_visible(False)


def _curves(plan: ReproductionPlan) -> dict[str, tuple[Curve, Curve]]:
    """Of each row, its loss and its k-NN figure by step; rows that learn nothing have none."""
    found = {}
    for row in dict.fromkeys(name for name, _ in plan.pretrained):
        runs = [run for (name, _), run in plan.pretrained.items() if name == row and (run / "metrics.csv").exists()]
        losses, evaluated = zip(*map(_of_run, runs), strict=True) if runs else ((), ())
        if any(losses):
            found[row] = (_mean(losses), _mean(evaluated))
    return found


def _of_run(run: Path) -> tuple[Curve, Curve]:
    """The loss over that of guessing, and the share of right neighbours in percent.

    Guessing costs HDC ln b for every unit of weight; of other methods the first loss is taken for it.
    """
    settings, rows = read_loosely(run), read_metrics(run)
    losses = {int(row["step"]): float(row["loss"]) for row in rows if "loss" in row}
    weights = (*settings.get("alpha", ()), *settings.get("beta", ()))
    guessing = log(settings["batch_size"]) * sum(weights) if weights else abs(next(iter(losses.values()), 1.0))
    loss = {step: each / guessing for step, each in losses.items()}
    right = {int(row["step"]): [row[name] for name in row if name.startswith("knn/")] for row in rows}
    return loss, {step: 100 * mean(shares) for step, shares in right.items() if shares}


def _mean(curves: Sequence[Curve]) -> Curve:
    """The mean at the steps that all have."""
    steps = sorted(set.intersection(*(set(curve) for curve in curves)))
    return {step: mean(curve[step] for curve in curves) for step in steps}
