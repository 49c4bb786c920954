"""The figures of a training run as charts: geometry only, in percent of the plot; the page draws the lines.

A chart holds the metrics that share a prefix: `loss`, `loss/spatial_5` and `loss/temporal_5` are one chart.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

import numpy as np

MOST_POINTS = 400

Point = tuple[float, float]
Range = tuple[float, float]

_TITLES = {
    "loss": "Loss",
    "knn": "k-NN accuracy",
    "accuracy": "Accuracy of the contrast",
    "rank": "Effective rank",
    "learning_rate": "Learning rate",
}
_PERCENT = ("knn", "accuracy")


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: `at` percent from the left or from the top."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """One metric, thinned; `path` is SVG path data in a box of 100 × 100."""

    name: str
    steps: list[float]
    values: list[float]
    path: str


@dataclass(frozen=True)
class Chart:
    """One group of metrics; `omitted` values were not finite and are not drawn."""

    prefix: str
    title: str
    percent: bool
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_range: Range
    omitted: int


def charts(metrics: Sequence[Mapping[str, int | float]]) -> list[Chart]:
    """One chart per group of metrics: the well-known groups first, then the others in order of appearance.

    A step that was logged twice (a resumed run) counts with its last value.
    """
    series: dict[str, dict[float, float]] = {}
    for line in metrics:
        for key, value in line.items():
            if key != "step":
                series.setdefault(key, {})[float(line["step"])] = float(value)
    groups: dict[str, list[str]] = {prefix: [] for prefix in _TITLES}
    for key in series:
        groups.setdefault(key.split("/")[0], []).append(key)
    x_range = _padded([float(line["step"]) for line in metrics]) if series else (0.0, 1.0)
    return [
        _chart(prefix, {key.removeprefix(f"{prefix}/"): series[key] for key in sorted(keys)}, x_range)
        for prefix, keys in groups.items()
        if keys
    ]


def _chart(prefix: str, series: dict[str, dict[float, float]], x_range: Range) -> Chart:
    finite = {
        name: [(step, value) for step, value in sorted(points.items()) if isfinite(value)]
        for name, points in series.items()
    }
    percent = prefix in _PERCENT
    drawn = [value for points in finite.values() for _, value in points] + [0.0] * percent
    y_values = ticks(*_padded(drawn), around=True)
    lines = [_line(name, thinned(points), x_range, (y_values[0], y_values[-1])) for name, points in finite.items()]
    return Chart(
        prefix=prefix,
        title=_TITLES.get(prefix, prefix.replace("_", " ").capitalize()),
        percent=percent,
        lines=lines,
        x_ticks=_marks(ticks(*x_range), x_range),
        y_ticks=[Tick(100 - tick.at, tick.text) for tick in _marks(y_values, (y_values[0], y_values[-1]), percent)],
        x_range=x_range,
        omitted=sum(map(len, series.values())) - sum(map(len, finite.values())),
    )


def _line(name: str, points: list[Point], x_range: Range, y_range: Range) -> Line:
    places = [f"{_share(step, x_range):.2f} {100 - _share(value, y_range):.2f}" for step, value in points]
    path = "M" + "L".join(places) if len(places) > 1 else "".join(f"M{place}h0" for place in places)
    return Line(name, [step for step, _ in points], [value for _, value in points], path)


def thinned(points: list[Point], most: int = MOST_POINTS) -> list[Point]:
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
