"""Charts: grouped by prefix, thinned without losing spikes, on axes with round numbers."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from unreel.reporting.curves import MOST_POINTS, charts, compared_charts, thin, ticks

numbers = st.floats(-1e9, 1e9, allow_subnormal=False)


def test_metrics_with_the_same_prefix_share_a_chart() -> None:
    drawn = charts(
        [
            {"step": 1, "speed/clips": 9.0, "learning_rate": 0.1, "loss": 3.0, "loss/spatial_5": 2.0},
            {"step": 2, "loss": 2.5, "knn/appearance": 0.4},
        ]
    )
    assert [chart.title for chart in drawn] == ["Loss", "k-NN accuracy", "Learning rate", "Speed"]
    assert [(line.name, line.colour) for line in drawn[0].lines] == [("loss", None), ("spatial 5", 1)]
    assert (drawn[0].lines[0].steps, drawn[0].lines[0].values) == ([1, 2], [3.0, 2.5])
    assert drawn[0].lines[0].path == "M0.00 0.00L100.00 50.00"
    assert [chart.percent for chart in drawn] == [False, True, False, False]
    assert drawn[1].y_ticks[-1].text == "40 %"


def test_several_runs_share_the_charts_of_each_metric() -> None:
    one = [{"step": 1, "loss": 3.0, "loss/spatial_5": 3.0, "knn/a": 0.2}, {"step": 9, "loss": 1.0}]
    other = [{"step": 1, "loss": 5.0, "loss/temporal_5": 5.0}, {"step": 4, "test/video/top1": 0.5}]
    drawn = compared_charts({"loss": one, "b_2": other})
    titles = ["Loss", "Loss: spatial 5", "Loss: temporal 5", "k-NN accuracy: a", "Test accuracy: video/top1"]
    assert [chart.title for chart in drawn] == titles
    assert [chart.minor for chart in drawn] == [False, True, True, False, False]
    assert [[(line.name, line.colour) for line in chart.lines] for chart in drawn[:3]] == [
        [("loss", 0), ("b_2", 1)],
        [("loss", 0)],
        [("b_2", 1)],
    ]
    assert {chart.x_range for chart in drawn} == {(1.0, 9.0)}
    assert compared_charts({"a": [], "b": []}) == []


def test_nothing_measured_nothing_drawn() -> None:
    assert charts([]) == charts([{"step": 3}]) == []


def test_a_single_value_is_a_dot() -> None:
    (chart,) = charts([{"step": 7, "loss": 2.0}])
    assert chart.lines[0].path == "M50.00 50.00h0"


def test_values_that_are_not_finite_are_counted_and_left_out() -> None:
    (chart,) = charts([{"step": step, "loss": value} for step, value in enumerate([1.0, nan, inf, 2.0])])
    assert chart.omitted == 2
    assert chart.lines[0].values == [1.0, 2.0]


def test_a_chart_of_nothing_finite_has_no_line() -> None:
    (chart,) = charts([{"step": 1, "loss": nan}])
    assert (chart.omitted, chart.lines[0].path, chart.lines[0].values) == (1, "", [])


def test_a_resumed_run_counts_its_last_value() -> None:
    (chart,) = charts(
        [{"step": 1, "loss": 4.0}, {"step": 2, "loss": 3.0}, {"step": 2, "loss": 3.5}, {"step": 3, "loss": 1.0}]
    )
    assert chart.lines[0].values == [4.0, 3.5, 1.0]


@given(st.lists(st.tuples(st.integers(0, 10**7), numbers), min_size=1), st.sampled_from(["loss", "knn/a", "rank/b"]))
def test_every_chart_fits_its_box(points: list[tuple[int, float]], key: str) -> None:
    (chart,) = charts([{"step": step, key: value} for step, value in points])
    places = [pair.split() for pair in chart.lines[0].path.replace("h0", "")[1:].replace("M", "L").split("L")]
    assert all(-0.01 <= float(number) <= 100.01 for place in places for number in place)
    assert all(-0.01 <= tick.at <= 100.01 for tick in chart.x_ticks + chart.y_ticks)
    assert len({tick.text for tick in chart.y_ticks}) == len(chart.y_ticks) >= 2


@given(count=st.integers(1, 5000), seed=st.integers(0, 1000))
def test_thinning_keeps_the_ends_and_the_extremes(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=count).tolist()
    points = [(float(step), value) for step, value in enumerate(values)]
    kept = thin(points)
    assert len(kept) <= MOST_POINTS
    assert kept == sorted(set(kept) & set(points))
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert min(value for _, value in kept) == min(values)
    assert max(value for _, value in kept) == max(values)


def test_thinning_keeps_a_spike() -> None:
    points = [(float(step), 100.0 if step == 7777 else 0.0) for step in range(20_000)]
    assert (7777.0, 100.0) in thin(points)


@given(numbers, numbers)
def test_ticks_are_round_few_and_around(low: float, high: float) -> None:
    assume(high - low > 1e-6 * max(abs(low), abs(high)))
    around, inside = ticks(low, high, around=True), ticks(low, high)
    step = around[1] - around[0]
    assert around[0] <= low + 1e-6 * step
    assert around[-1] >= high - 1e-6 * step
    assert 3 <= len(around) <= 8
    assert f"{step:.0e}"[0] in "125"
    assert all(low - 1e-6 * step <= tick <= high + 1e-6 * step for tick in inside)
    assert inside


def test_ticks_by_hand() -> None:
    assert ticks(0.0, 100.0) == [0, 20, 40, 60, 80, 100]
    assert ticks(1.0, 2999.0) == [1000, 2000]
    assert ticks(0.31, 0.58, around=True) == pytest.approx([0.3, 0.4, 0.5, 0.6])
