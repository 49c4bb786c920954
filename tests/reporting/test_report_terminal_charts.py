"""Curves in the terminal: what is drawn, where, and that it fits."""

import io
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from unreel.reporting.terminal_charts import LOW, TALL, Course, charts, drawing

NAMES = ["loss", "loss/spatial_5", "loss/temporal_5", "knn/class", "rank/spatial_5", "seconds/data", "new"]
ROWS = st.lists(
    st.fixed_dictionaries({"step": st.integers(0, 10**6)}, optional=dict.fromkeys(NAMES, st.floats())), max_size=8
)
FULL = [
    {"step": step, "loss": 9.0 - step, "loss/spatial_5": 3.0, "loss/temporal_5": 2.0, "knn/class": 0.1 * step}
    | {"learning_rate": 0.1, "rank/spatial_5": 5.0, "uniformity/spatial_5": -1.0, "gradient_norm": 4.0}
    | {"seconds/data": 0.25, "seconds/compute": 0.5, "seconds/step": 0.75}
    for step in range(1, 6)
]

Row = dict[str, int | float]


def shown(courses: list[Course], width: int, height: int | None = None) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(drawing(courses, width, height))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def dots(lines: list[str]) -> list[list[bool]]:
    """The plot of the only chart as a grid of dots, top row first: 4 × 2 of them in a braille character."""
    plots = [line.partition("│")[2] for line in lines if "│" in line]
    places = [[(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (3, 1)][bit] for bit in range(8)]
    width = max(map(len, plots))
    grid = [[False] * (2 * width) for _ in range(4 * len(plots))]
    for row, line in enumerate(plots):
        for column, character in enumerate(line):
            for bit, (down, right) in enumerate(places):
                grid[4 * row + down][2 * column + right] = bool(ord(character) - 0x2800 >> bit & 1)
    return grid


def test_well_known_groups_come_first_and_others_after() -> None:
    found = charts([Course("a", "", FULL)])
    titles = ["Loss", "Parts of the loss", "k-NN accuracy", "Learning rate", "Effective rank", "Uniformity"]
    assert [chart.title for chart in found] == [*titles, "Seconds per step", "Gradient norm"]
    assert found[0].lines == {"loss": [(1.0, 8.0), (2.0, 7.0), (3.0, 6.0), (4.0, 5.0), (5.0, 4.0)]}
    assert list(found[1].lines) == ["spatial_5", "temporal_5"]
    assert list(found[6].lines) == ["data", "compute"]


def test_several_runs_share_each_chart() -> None:
    found = {chart.group: chart for chart in charts([Course("a", "", FULL), Course("b", "", FULL[:2])])}
    assert found["parts"].title == "Parts of the loss, mean"
    assert found["parts"].lines["b"] == [(1.0, 2.5), (2.0, 2.5)]
    assert found["seconds"].title == "Seconds per step"
    assert found["seconds"].lines["b"] == [(1.0, 0.75), (2.0, 0.75)]


def test_a_step_measured_twice_counts_once_and_what_is_not_finite_not_at_all() -> None:
    metrics: list[Row] = [{"step": step, "loss": loss} for step, loss in [(1, 4.0), (2, 3.0), (2, 3.5), (3, math.nan)]]
    (chart,) = charts([Course("a", "", metrics)])
    assert chart.lines == {"loss": [(1.0, 4.0), (2.0, 3.5)]}


def test_a_falling_line_falls_from_corner_to_corner() -> None:
    grid = dots(shown([Course("a", "", [{"step": 0, "loss": 10.0}, {"step": 100, "loss": 0.0}])], 60))
    assert len(grid) == 4 * TALL
    heights = [[row for row in range(len(grid)) if grid[row][column]] for column in range(len(grid[0]))]
    assert heights[0][0] == 0
    assert heights[-1][-1] == len(grid) - 1
    expected = [column * (len(grid) - 1) / (len(grid[0]) - 1) for column in range(len(grid[0]))]
    assert all(abs(row - near) <= 1 for rows, near in zip(heights, expected, strict=True) for row in rows)
    assert all(heights)


def test_labels_tell_the_range() -> None:
    lines = shown([Course("a", "running", [{"step": 5, "loss": 10.0}, {"step": 100, "loss": 0.0}])], 60)
    assert lines[:2] == ["a  running", "Loss 0"]
    assert lines[2].split("│")[0].strip() == "10"
    assert lines[-2].split("│")[0].strip() == "0"
    assert lines[-1].split() == ["5", "100"]


def test_accuracies_are_in_per_cent_and_named() -> None:
    lines = shown([Course("a", "", [{"step": 5, "knn/class": 0.25}, {"step": 6, "knn/class": 0.5}])], 60)
    assert "class 50 %" in lines
    assert lines[3].startswith("50 %│")


def test_nothing_measured_and_nothing_finite_are_said() -> None:
    assert shown([Course("a", "stopped", [])], 60) == ["a  stopped", "nothing measured yet"]
    assert "no finite value" in shown([Course("a", "", [{"step": 1, "loss": math.nan}])], 60)


@settings(max_examples=50)
@given(
    st.lists(ROWS, min_size=1, max_size=3),
    st.integers(60, 200),
    st.one_of(st.none(), st.integers(3, 60)),
)
def test_every_drawing_fits(runs: list[list[Row]], width: int, height: int | None) -> None:
    lines = shown([Course(f"run {number}", "running", rows) for number, rows in enumerate(runs)], width, height)
    assert max(map(cell_len, lines)) <= width
    least = len(runs) + 2 + LOW + len(runs) * 3  # headers, title, steps, plot and legend of the only chart
    assert height is None or len(lines) <= max(height, least)


@pytest.mark.parametrize(("width", "height", "titles"), [(60, 24, 4), (80, 24, 4), (120, 40, 8)])
def test_what_a_terminal_holds(width: int, height: int, titles: int) -> None:
    lines = shown([Course("a", "running", FULL)], width, height)
    assert len(lines) <= height
    drawn = sum(line.count(chart.title) for line in lines for chart in charts([Course("a", "", FULL)]))
    assert drawn >= titles


def test_no_colours_but_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=60)
    console.print(drawing([Course("a", "", FULL), Course("b", "", FULL)], 60))
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[" in console.file.getvalue()
    assert "\x1b" not in "".join(shown([Course("a", "", FULL), Course("b", "", FULL)], 60))
