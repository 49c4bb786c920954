"""What the page says of a run."""

import pytest

from unreel.cli.contents import training_seconds


def test_the_time_of_training_is_that_of_all_steps() -> None:
    paces = {1: 3.0, 10: 0.5, 20: 0.25, 25: 2.0}
    metrics: list[dict[str, int | float]] = [{"step": 0, "knn/class": 0.2}]
    for step, pace in paces.items():
        metrics += [{"step": step, "seconds/step": pace}, {"step": step, "knn/class": 0.2}]
    assert training_seconds(metrics) == pytest.approx(1 * 3.0 + 9 * 0.5 + 10 * 0.25 + 5 * 2.0)
    assert training_seconds(metrics[:1]) == 0
