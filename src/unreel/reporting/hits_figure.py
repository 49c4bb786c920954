"""Figures 1 and 4 on paper: a row per query, a column per encoder, and of each video a few frames side by side."""

from dataclasses import dataclass
from statistics import median
from typing import final

import numpy as np
from matplotlib.figure import Figure

from unreel.reporting.coverage import some_of
from unreel.reporting.gallery import GalleryQuery, Verdict
from unreel.reporting.paper_figure import INCH, INK, PAGE_WIDTH, RIGHT, RULE, WRONG, Sheet, print_remarks
from unreel.reporting.previews import Preview
from unreel.reporting.side_by_side import SideBySide

FRAMES = 3
NARROWEST, WIDEST = 3 / 4, 16 / 9
"""Widths of a frame's place, as shares of its height: that of the videos, within these bounds."""
MARGIN, GAP, BETWEEN_FRAMES, MARK = 0.05, 0.12, 0.012, 0.11
NAME, LINE = 7.0, 1.3
"""Points of class names; lines of them are so many times that apart."""
_COLOURS: dict[Verdict, str] = {"right": RIGHT, "wrong": WRONG, "unscored": INK}


def print_side_by_side(figure: SideBySide, frames: int = FRAMES) -> Figure:
    """The figure with so many frames of every video; what has to be said of it is printed below."""
    layout = _layout(figure, frames)
    rows = [max(1, *(len(tiles) for _, tiles in query.found)) for query in figure.rows]
    head = MARGIN + NAME * LINE / INCH + 0.03
    below = head + sum(rows) * layout.cell
    sheet = print_remarks((PAGE_WIDTH, below), _remarks(figure), _texts(figure), MARGIN)
    for left, title in zip(layout.lefts, ("Query", *figure.encoders), strict=True):
        sheet.text(left + layout.width / 2, MARGIN + NAME / INCH, title, NAME, ha="center", weight="bold")
    pen, top = _Pen(sheet, layout), head
    for query, count in zip(figure.rows, rows, strict=True):
        if count > 1:
            sheet.line([(MARGIN, top - 0.04), (PAGE_WIDTH - MARGIN, top - 0.04)], RULE)
        pen.query(query, top)
        top += count * layout.cell
    return sheet.figure


@dataclass(frozen=True)
class _Layout:
    """Where the columns begin, how large a clip is, of how many frames, and how far the next one below it is."""

    lefts: list[float]
    width: float
    height: float
    frames: int
    cell: float


def _layout(figure: SideBySide, frames: int) -> _Layout:
    columns = 1 + len(figure.encoders)
    width = (PAGE_WIDTH - 2 * MARGIN - GAP * (columns - 1)) / columns
    aspects = [each.strip.width / each.strip.height for each in figure.previews.values() if each.strip]
    aspect = min(max(median(aspects or [4 / 3]), NARROWEST), WIDEST)
    height = (width - BETWEEN_FRAMES * (frames - 1)) / frames / aspect
    measure, names = Sheet(1.0, 1.0, _texts(figure)), dict.fromkeys(_names(figure))
    lines = max(len(measure.wrapped(name, NAME, width - MARK, most=2)) for name in names)
    lefts = [MARGIN + column * (width + GAP) for column in range(columns)]
    return _Layout(lefts, width, height, frames, height + (0.3 + lines) * NAME * LINE / INCH + GAP / 2)


@final
class _Pen:
    """Draws clips and their names."""

    def __init__(self, sheet: Sheet, layout: _Layout) -> None:
        self._sheet, self._layout = sheet, layout

    def query(self, query: GalleryQuery, top: float) -> None:
        """One row: the query, and under each encoder its hits, the nearest on top."""
        self._clip(query.preview, query.value, "unscored", self._layout.lefts[0], top)
        for left, (_, tiles) in zip(self._layout.lefts[1:], query.found, strict=True):
            for place, tile in enumerate(tiles):
                self._clip(tile.preview, tile.value, tile.verdict, left, top + place * self._layout.cell)

    def _clip(self, preview: Preview, value: str, verdict: Verdict, left: float, top: float) -> None:
        """Frames of a video, equally spaced, or a grey box that says so where it cannot be read; below, its class."""
        width, height, frames = self._layout.width, self._layout.height, self._layout.frames
        if preview.strip is None:
            self._sheet.boxes([(left, top, width, height)], [RULE])
            self._sheet.text(left + width / 2, top + height / 2, "⚠ no preview", NAME, ha="center")
        else:
            pictures = preview.strip.pictures()
            each = (width - BETWEEN_FRAMES * (frames - 1)) / frames
            for number, place in enumerate(np.linspace(0, len(pictures) - 1, frames).round().astype(int)):
                self._sheet.picture(pictures[place], (left + number * (each + BETWEEN_FRAMES), top, each, height))
        self._name(value or "no label", verdict, left, top + height)

    def _name(self, name: str, verdict: Verdict, left: float, top: float) -> None:
        """With a tick and underlined where right, with a cross where wrong."""
        colour, mark = _COLOURS[verdict], 0.0 if verdict == "unscored" else MARK
        for number, line in enumerate(self._sheet.wrapped(name, NAME, self._layout.width - MARK, most=2)):
            long = self._sheet.width_of(line, NAME)
            start = left + (self._layout.width - long + mark) / 2
            base = top + (1.2 + number * LINE) * NAME / INCH + 0.02
            self._sheet.text(start, base, line, NAME, colour=colour)
            if verdict == "right":
                self._sheet.line([(start, base + 0.018), (start + long, base + 0.018)], colour)
            if number == 0 and mark:
                self._sign(verdict, start - mark, base - 0.07, colour)

    def _sign(self, verdict: Verdict, left: float, top: float, colour: str) -> None:
        if verdict == "right":
            self._sheet.line([(left, top + 0.04), (left + 0.025, top + 0.07), (left + 0.075, top)], colour, 1.1)
        else:
            self._sheet.line([(left, top), (left + 0.065, top + 0.065)], colour, 1.1)
            self._sheet.line([(left + 0.065, top), (left, top + 0.065)], colour, 1.1)


def _remarks(figure: SideBySide) -> list[str]:
    lost = [each.id for each in figure.lost]
    fewer = [f"⚠ {each.sentence}" for each in figure.shortfalls]
    count = f"⚠ {len(lost)} of the {len(figure.previews)} videos shown cannot be shown: {some_of(lost)}"
    return [*figure.remarks, *fewer, *[count] * bool(lost)]


def _names(figure: SideBySide) -> list[str]:
    found = [tile.value for query in figure.rows for _, tiles in query.found for tile in tiles]
    return [value or "no label" for value in (*found, *(query.value for query in figure.rows))]


def _texts(figure: SideBySide) -> list[str]:
    """All that is written on it."""
    return [*figure.encoders, *_names(figure), "⚠"]
