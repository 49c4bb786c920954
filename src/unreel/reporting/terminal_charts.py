"""The figures of one or several runs as curves in the terminal.

One run: a chart for each group of figures (`loss/spatial_5` and `loss/temporal_5` belong together), a line for each
figure. Several runs: a chart for each group, a line for each run, which shows the mean of the group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from plotille import Canvas
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from unreel.reporting.curves import BESIDE, Point, Range, thin, ticks
from unreel.text import one_line

TITLES = {
    "loss": "Loss",
    "parts": "Parts of the loss",
    "knn": "k-NN accuracy",
    "test": "Test accuracy",
    "learning_rate": "Learning rate",
    "rank": "Effective rank",
    "uniformity": "Uniformity",
    "accuracy": "Share of right answers",
    "seconds": "Seconds per step",
    "memory": "Most memory so far, GB",
}
"""The groups drawn first, in this order; then the others in order of appearance."""
COLOURS = ("bright_cyan", "bright_yellow", "bright_magenta", "bright_green", "bright_red", "bright_blue", "white")
TALL, LOW = 8, 3
"""Rows of a chart's plot where there is room, and the fewest that still show a curve."""
_WHOLE, _HALVES = ("seconds/step",), ("seconds/data", "seconds/compute")
"""A step's seconds are those of its halves: a run is drawn with the halves, several with the whole."""
_LARGEST = 1e300
_CHART_WIDTH = 38
_GAP = 2

Rows = Sequence[Mapping[str, int | float]]


@dataclass(frozen=True)
class Course:
    """A run to draw: its name, what its header says, and its figures, row by row."""

    name: str
    status: str
    metrics: Rows


@dataclass(frozen=True)
class TerminalChart:
    """Named lines that share a plot; none of their values is infinite, not a number or beyond 1e300."""

    group: str
    title: str
    lines: Mapping[str, list[Point]]


def drawing(courses: Sequence[Course], width: int, height: int | None = None) -> RenderableType:
    """Headers and charts in `width` columns; with a `height` in rows only as many charts as it holds."""
    several = len(courses) > 1
    headers = [_header(course, COLOURS[row % len(COLOURS)] if several else "") for row, course in enumerate(courses)]
    found = charts(courses)
    if not found:
        return Group(*headers, Text("nothing measured yet"))
    across = max(1, (width + _GAP) // (_CHART_WIDTH + _GAP))
    chart_width = (width + _GAP) // across - _GAP
    legends = {chart.group: _legend(chart, several, chart_width) for chart in found}
    room = None if height is None else height - sum(ceil(max(1, header.cell_len) / width) for header in headers)
    shown, rows = _fitting(found, {group: len(lines) for group, lines in legends.items()}, across, room)
    table = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    for first in range(0, len(shown), across):
        table.add_row(
            *(_drawn(chart, legends[chart.group], chart_width, rows) for chart in shown[first : first + across])
        )
    return Group(*headers, table)


def charts(courses: Sequence[Course]) -> list[TerminalChart]:
    """What there is to draw: the well-known groups first. A step measured twice counts with its last values."""
    several = len(courses) > 1
    groups: dict[str, dict[str, dict[int, float]]] = {group: {} for group in TITLES}
    averaged: set[str] = set()
    for course in courses:
        for row in course.metrics:
            seen = {name: value for name, value in row.items() if not (several and name.split("/")[0] in BESIDE)}
            for group, figures in _grouped(seen, _HALVES if several else _WHOLE).items():
                lines = groups.setdefault(group, {})
                named = {course.name: sum(figures.values()) / len(figures)} if several else figures
                averaged |= {group} if several and len(figures) > 1 else set()
                for name, value in named.items():
                    lines.setdefault(name, {})[int(row["step"])] = value
    return [
        TerminalChart(group, _title(group) + (", mean" if group in averaged else ""), _finite(lines))
        for group, lines in groups.items()
        if lines and (group != "parts" or several or [*lines.values()] != [*groups["loss"].values()])
    ]


def _title(group: str) -> str:
    return TITLES.get(group, one_line(group).replace("_", " ").capitalize())


def _grouped(row: Mapping[str, int | float], left_out: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """The figures of a row by group; the loss and its parts, on different scales, are two."""
    groups: dict[str, dict[str, float]] = {}
    for name, value in row.items():
        group, _, part = name.partition("/")
        if group in BESIDE:
            groups.setdefault(BESIDE[group], {})[name] = float(value)
        elif name != "step" and name not in left_out:
            groups.setdefault("parts" if group == "loss" and part else group, {})[part or group] = float(value)
    return groups


def _finite(lines: Mapping[str, Mapping[int, float]]) -> dict[str, list[Point]]:
    return {
        name: [(float(step), value) for step, value in sorted(points.items()) if abs(value) < _LARGEST]
        for name, points in lines.items()
    }


def _header(course: Course, colour: str) -> Text:
    return Text.assemble((one_line(course.name), f"bold {colour}"), "  ", one_line(course.status.replace("\n", " ")))


def _fitting(
    found: list[TerminalChart], legends: Mapping[str, int], across: int, room: int | None
) -> tuple[list[TerminalChart], int]:
    """The charts that fit into `room` rows, at least the first, and how many rows their plots have."""
    if room is None:
        return found, TALL
    for count in range(len(found), 0, -1):
        firsts = range(0, count, across)
        abreast = [found[first : min(first + across, count)] for first in firsts]
        written = sum(2 + max(legends[chart.group] for chart in row) for row in abreast)
        rows = (room - written) // len(firsts)
        if rows >= LOW:
            return found[:count], min(rows, 2 * TALL)
    return found[:1], LOW


def _legend(chart: TerminalChart, several: bool, width: int) -> list[Text]:
    """The lines' names and last values, in as many lines as they take; none for the only line of a run."""
    if len(chart.lines) == 1 and not several and next(iter(chart.lines)) == chart.group:
        return []
    wrapped, line = [], Text()
    for row, (name, points) in enumerate(chart.lines.items()):
        entry = Text(
            f"{one_line(name)} {_number(points[-1][1], chart.group) if points else '–'}", COLOURS[row % len(COLOURS)]
        )
        entry.truncate(width, overflow="ellipsis")
        if line and line.cell_len + 2 + entry.cell_len > width:
            wrapped.append(line)
            line = Text()
        line = Text.assemble(line, "  " if line else "", entry)
    return [*wrapped, line]


def _drawn(chart: TerminalChart, legend: list[Text], width: int, rows: int) -> Text:
    """Title, legend, plot and the range of the steps, as one block of text."""
    points = [point for line in chart.lines.values() for point in line]
    title = Text(chart.title, "bold", overflow="ellipsis")
    if not points:
        return Text("\n").join([title, *legend, Text("no finite value")])
    if not legend:
        title.append(f" {_number(points[-1][1], chart.group)}")
    steps, values = [step for step, _ in points], [value for _, value in points]
    marks = ticks(*_apart(min(values), max(values)), around=True)
    x_range, y_range = _apart(min(steps), max(steps)), (marks[0], marks[-1])
    labels: dict[int, str] = {}
    for mark in (marks[-1], marks[0], *marks[1:-1]):  # the ends come first where there is no room for all
        row = round((rows - 1) * (1 - _share(mark, y_range)))
        labels.setdefault(row, _number(mark, chart.group))
    margin = max(map(len, labels.values()))
    plot = _plotted(chart, (width - margin - 1, rows), x_range, y_range)
    lines = [Text.assemble(labels.get(row, "").rjust(margin), ("│", "dim"), line) for row, line in enumerate(plot)]
    first, last = f"{min(steps):.0f}", f"{max(steps):.0f}" if len(set(steps)) > 1 else ""
    below = Text(" " * (margin + 1) + first + last.rjust(width - margin - 1 - len(first)), "dim")
    return Text("\n").join([title, *legend, *lines, below])


def _plotted(chart: TerminalChart, size: tuple[int, int], x_range: Range, y_range: Range) -> list[Text]:
    """The lines in braille, one text per row; a character has 2 × 4 dots, and the ends of the ranges are the edges."""
    across, up = 2 * size[0], 4 * size[1]
    canvas = Canvas(*size, xmin=0, ymin=0, xmax=across, ymax=up, mode="names")  # which excludes its largest values
    for row, line in enumerate(chart.lines.values()):
        colour = COLOURS[row % len(COLOURS)]
        dots = [
            ((across - 1) * _share(step, x_range), (up - 1) * _share(value, y_range))
            for step, value in thin(line, 2 * across)
        ]
        for dot in dots[:1]:
            canvas.point(*dot, color=colour)
        for start, end in pairwise(dots):
            canvas.line(*start, *end, color=colour)
    return [Text.from_ansi(line) for line in canvas.plot(linesep="\n").split("\n")]


def _share(value: float, over: Range) -> float:
    """Where the value lies between the ends of the range, from 0 to 1."""
    return (value - over[0]) / (over[1] - over[0])


def _apart(low: float, high: float) -> Range:
    """The range, widened where its ends are (almost) the same."""
    size = max(abs(low), abs(high), 1 / _LARGEST)
    if high - low > 1e-6 * size:
        return low, high
    margin = size / 10 if size > 1 / _LARGEST else 1.0
    return low - margin, high + margin


def _number(value: float, group: str) -> str:
    """Four digits, or three and per cent for accuracies."""
    if group in ("knn", "test", "accuracy"):
        return f"{100 * value:.3g} %"
    return f"{value + 0.0:.4g}"  # no minus before zero
