"""The figures of training runs as charts: geometry only, in percent of the plot; the page draws the lines.

Of one run, a chart holds the metrics that share a prefix: `loss`, `loss/spatial_5` and `loss/temporal_5` are one chart.
Of several, it holds one metric and a line for each run.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, isfinite, log10

import numpy as np

MOST_POINTS = 400

Point = tuple[float, float]
Range = tuple[float, float]
Rows = Sequence[Mapping[str, int | float]]
_Drawn = tuple[str, int | None, Mapping[float, float]]
"""Name, colour and values by step of a line."""

_TITLES = {
    "loss": "Loss",
    "knn": "k-NN accuracy",
    "test": "Test accuracy",
    "accuracy": "Share of right answers",
    "rank": "Effective rank",
    "learning_rate": "Learning rate",
    "memory": "Most memory so far, GB",
}
BESIDE = {"chance": "accuracy"}
"""Groups that are drawn among the lines of another."""
_PERCENT = ("knn", "test", "accuracy")
_EVALUATED = ("knn", "test")


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: `at` percent from the left or from the top."""

    at: float
    text: str


@dataclass(frozen=True)
class MetricCurve:
    """One metric, thinned; `path` is SVG path data in a box of 100 × 100.

    `colour` counts from 0 and is None for the sum of the others.
    """

    name: str
    colour: int | None
    steps: list[float]
    values: list[float]
    path: str


@dataclass(frozen=True)
class CurveChart:
    """Lines that share their axes; `omitted` values were not finite and are not drawn.

    Only a `minor` chart may be folded away: it shows a part of a loss, or something else that says nothing.
    """

    title: str
    percent: bool
    lines: list[MetricCurve]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_range: Range
    omitted: int
    minor: bool = False


def charts(metrics: Rows) -> list[CurveChart]:
    """The charts of one run, one per group of metrics: the well-known groups first, then the others as they appear.

    A step that was logged twice (a resumed run) counts with its last value.
    """
    series = _series(metrics)
    x_range = _step_range([metrics])
    drawn = []
    for group, every in _grouped(series).items():
        keys = [key for key in every if key == group or series[key] != series.get(group)]  # no part that is the whole
        names = [key.removeprefix(f"{group}/").replace("_", " ") for key in keys]
        colours = [None if key == group else number for number, key in enumerate(keys)]
        lines = [*zip(names, colours, (series[key] for key in keys), strict=True)]
        drawn.append(_chart(_title(group), group, lines, x_range))
    return drawn


def compared_charts(runs: Mapping[str, Rows]) -> list[CurveChart]:
    """The charts of several runs by name, one per metric; a run that has it is a line, of one colour in all charts."""
    series = {name: _series(metrics) for name, metrics in runs.items()}
    x_range = _step_range(runs.values())
    drawn = []
    for group, keys in _grouped(dict.fromkeys(key for each in series.values() for key in each)).items():
        for key in keys:
            part = key.removeprefix(group).strip("/").replace("_", " ")
            title = f"{_title(group)}: {part}" if part else _title(group)
            lines = [(name, colour, each[key]) for colour, (name, each) in enumerate(series.items()) if key in each]
            drawn.append(replace(_chart(title, group, lines, x_range), minor=key != "loss" and group not in _EVALUATED))
    return drawn


def _series(metrics: Rows) -> dict[str, dict[float, float]]:
    """The values of every metric by step."""
    series: dict[str, dict[float, float]] = {}
    for row in metrics:
        for key, value in row.items():
            if key != "step":
                series.setdefault(key, {})[float(row["step"])] = float(value)
    return series


def _grouped(keys: Iterable[str]) -> dict[str, list[str]]:
    """The metrics by their prefix, sorted within it."""
    groups: dict[str, list[str]] = {prefix: [] for prefix in _TITLES}
    for key in keys:
        prefix = key.split("/")[0]
        groups.setdefault(BESIDE.get(prefix, prefix), []).append(key)
    return {group: sorted(found) for group, found in groups.items() if found}


def _title(group: str) -> str:
    return _TITLES.get(group, group.replace("_", " ").capitalize())


def _step_range(runs: Iterable[Rows]) -> Range:
    return _padded([float(row["step"]) for metrics in runs for row in metrics])


def _chart(title: str, group: str, lines: Sequence[_Drawn], x_range: Range) -> CurveChart:
    finite = [[(step, value) for step, value in sorted(points.items()) if isfinite(value)] for _, _, points in lines]
    percent = group in _PERCENT
    values = [value for points in finite for _, value in points] + [0.0] * percent
    y_values = ticks(*_padded(values), around=True)
    y_range = y_values[0], y_values[-1]
    return CurveChart(
        title=title,
        percent=percent,
        lines=[
            _line(name, colour, thin(points), x_range, y_range)
            for (name, colour, _), points in zip(lines, finite, strict=True)
        ],
        x_ticks=_marks(ticks(*x_range), x_range),
        y_ticks=[Tick(100 - tick.at, tick.text) for tick in _marks(y_values, y_range, percent)],
        x_range=x_range,
        omitted=sum(len(points) for _, _, points in lines) - sum(map(len, finite)),
    )


def _line(name: str, colour: int | None, points: list[Point], x_range: Range, y_range: Range) -> MetricCurve:
    places = [f"{_share(step, x_range):.2f} {100 - _share(value, y_range):.2f}" for step, value in points]
    path = "M" + "L".join(places) if len(places) > 1 else "".join(f"M{place}h0" for place in places)
    return MetricCurve(name, colour, [step for step, _ in points], [value for _, value in points], path)


def thin(points: list[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most `most` of the points, in order: the first, the last, and the lowest and highest of equal stretches.

    A single spike between thousands of calm steps stays visible.
    """
    if len(points) <= most:
        return points
    values = np.array([value for _, value in points])
    kept = {0, len(points) - 1}
    for stretch in np.array_split(np.arange(len(points)), most // 2 - 1):
        kept |= {int(stretch[values[stretch].argmin()]), int(stretch[values[stretch].argmax()])}
    return [points[index] for index in sorted(kept)]


def ticks(low: float, high: float, around: bool = False) -> list[float]:
    """Two to seven round numbers (1, 2 or 5 times a power of ten) within [low, high], or just `around` it."""
    rough = (high - low) / 5
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = (floor(low / step), ceil(high / step)) if around else (ceil(low / step), floor(high / step))
    return [index * step for index in range(first, last + 1)]


def _marks(values: list[float], over: Range, percent: bool = False) -> list[Tick]:
    scale, unit = (100, " %") if percent else (1, "")
    step = (values[1] - values[0]) * scale if len(values) > 1 else 1.0
    places = max(0, -floor(log10(step) + 1e-9))
    return [
        Tick(
            _share(value, over),
            (f"{value * scale + 0.0:,.{places}f}" if places <= 4 and abs(value) < 1e7 else f"{value:.3g}") + unit,
        )
        for value in values
    ]


def _padded(values: Sequence[float]) -> Range:
    """Lowest and highest value, kept apart where they are (almost) the same."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    size = max(abs(low), abs(high))
    if high - low > 1e-6 * size:
        return low, high
    margin = size / 10 or 1.0
    return low - margin, high + margin


def _share(value: float, over: Range) -> float:
    """Where the value lies between the ends of the range, in percent."""
    return 100 * (value - over[0]) / (over[1] - over[0])
