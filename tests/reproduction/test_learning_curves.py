"""Learning curves: what is drawn is what the runs measured."""

from dataclasses import replace
from math import log
from pathlib import Path

import pytest

from unreel.reproduction.budget import Budget
from unreel.reproduction.evidence import evidence
from unreel.reproduction.learning_curves import _curves, write_curves
from unreel.reproduction.paper import restricted
from unreel.reproduction.plan import ReproductionPlan
from unreel.settings.hdc import HDCSettings
from unreel.settings.model import written
from unreel.training.metrics import Metrics


def _run(run: Path, losses: dict[int, float], evaluated: dict[int, float]) -> Path:
    run.mkdir(parents=True)
    values = {"folder": "in", "out": run, "steps": 20, "batch_size": 8, "alpha": (0, 0, 1), "beta": (0, 0.5, 1)}
    (run / "settings.yaml").write_text(written(HDCSettings.model_validate(values)))
    metrics = Metrics(run / "metrics.csv")
    for step in sorted(losses | evaluated):
        figures = {"loss": losses[step]} if step in losses else {}
        metrics.write(step, figures | ({"knn/class": evaluated[step]} if step in evaluated else {}))
    metrics.close()
    return run


def _plan(pretrained: dict[tuple[str, int], Path]) -> ReproductionPlan:
    table = restricted(evidence("street", "people"), ("sc", "scratch"))
    return ReproductionPlan(table, Budget(), (), (), {}, {}, pretrained)


def test_curves_are_means_over_seeds_of_shares_of_guessing_and_of_right_neighbours(tmp_path: Path) -> None:
    first = _run(tmp_path / "0", {10: 4.0, 20: 2.0}, {0: 0.25, 20: 0.5})
    second = _run(tmp_path / "1", {10: 6.0, 20: 3.0, 30: 1.0}, {0: 0.35, 20: 0.7})
    scratch = _run(tmp_path / "scratch", {}, {0: 0.25})
    made = _plan({("sc", 0): first, ("sc", 1): second, ("sc", 2): tmp_path / "not begun"})
    assert set(_curves(made)) == {"sc"}
    loss, evaluated = _curves(made)["sc"]
    guessing = 2.5 * log(8)
    assert loss == pytest.approx({10: 5.0 / guessing, 20: 2.5 / guessing})
    assert evaluated == pytest.approx({0: 30.0, 20: 60.0})
    assert [path.name for path in write_curves(made, tmp_path)] == ["evidence-curves.png", "evidence-curves.pdf"]
    assert _curves(_plan({("scratch", 0): scratch})) == {}


def test_other_tables_have_none(tmp_path: Path) -> None:
    made = _plan({("sc", 0): _run(tmp_path / "0", {10: 4.0}, {})})
    assert write_curves(replace(made, table=replace(made.table, watched=False)), tmp_path) == []
