"""Figures by class on paper: bars, and confusion matrices of any number of classes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from unreel.reporting.classes import ClassTable
from unreel.reporting.confusion import Confusion
from unreel.reporting.coverage import MissingVideos
from unreel.reporting.paper_figure import (
    COLOURS,
    INCH,
    INK,
    PAGE_WIDTH,
    QUIET,
    RIGHT,
    RULE,
    WRONG,
    Box,
    Sheet,
    print_remarks,
)

MARGIN = 0.1
LABEL = 7.0
SMALLEST_CELL, LARGEST_CELL = 0.14, 0.4
"""Inches, in a matrix."""
BAR, BETWEEN = 0.075, 0.08
"""Inches of a bar, and between classes."""


def print_confusion(confusion: Confusion) -> Figure:
    """The matrix: rows are what the videos are, columns what they were taken for, shades the shares of a row."""
    classes = confusion.classes
    cell = min(LARGEST_CELL, max(SMALLEST_CELL, (PAGE_WIDTH - 2) / len(classes)))
    size = min(LABEL, 0.75 * cell * INCH)
    measure = Sheet(1.0, 1.0, classes)
    margin = max(measure.width_of(name, size) for name in classes) + 0.12
    left, top = MARGIN + margin, MARGIN + 0.25 + margin
    side = cell * len(classes)
    remarks = [
        f"{confusion.name}: {confusion.caption}: {confusion.right:,} of {confusion.total:,} right. Rows are what the "
        "videos are, columns what they were taken for; the shade is the share of the row.",
        *(f"⚠ {each.sentence}" for each in confusion.shortfalls),
    ]
    width = max(left + side + MARGIN, PAGE_WIDTH / 2)
    sheet = print_remarks((width, top + side), remarks, [*classes, confusion.name], MARGIN)
    title = sheet.wrapped(confusion.name, LABEL, 0.9 * (width - 2 * MARGIN), most=1)[0]  # bold is a little wider
    sheet.text(MARGIN, MARGIN + LABEL / INCH, title, LABEL, weight="bold")
    for number, name in enumerate(classes):
        middle = (number + 0.5) * cell
        sheet.text(left - 0.06, top + middle, name, size, ha="right", va="center_baseline")
        sheet.text(left + middle, top - 0.06, name, size, ha="center", va="bottom", rotation=90)
    _grid(sheet, (left, top, side, side), len(classes))
    _cells(sheet, confusion, left, top, cell)
    return sheet.figure


def _grid(sheet: Sheet, box: Box, count: int) -> None:
    left, top, width, height = box
    for share in np.linspace(0, 1, count + 1):
        sheet.line([(left, top + share * height), (left + width, top + share * height)], RULE, 0.3)
        sheet.line([(left + share * width, top), (left + share * width, top + height)], RULE, 0.3)


def _cells(sheet: Sheet, confusion: Confusion, left: float, top: float, cell: float) -> None:
    boxes, colours = [], []
    for row, column in np.argwhere(confusion.counts).tolist():
        box = left + column * cell, top + row * cell, cell, cell
        boxes.append(box)
        colours.append(_shade(RIGHT if row == column else WRONG, 0.1 + 0.55 * float(confusion.shares[row, column])))
        sheet.text(
            box[0] + cell / 2,
            box[1] + cell / 2,
            str(confusion.counts[row, column]),
            min(LABEL, 0.5 * cell * INCH),
            ha="center",
            va="center_baseline",
            weight="bold" if row == column else "normal",
        )
    sheet.boxes(boxes, colours)


def _shade(colour: str, share: float) -> tuple[float, ...]:
    """The colour mixed with white, of which `share` is the colour's."""
    own = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return tuple(1 - share * (1 - each) for each in own)


def print_classes(table: ClassTable, remarks: Sequence[str], shortfalls: Sequence[MissingVideos]) -> Figure:
    """Bars of every class, one for each encoder or run, and a panel for each measure."""
    measure = Sheet(1.0, 1.0, [*(row.name for row in table.rows), *table.columns])
    key = _key(measure, table.columns)
    names = min(2.2, max(measure.width_of(f"{row.name}  {row.count:,}", LABEL) for row in table.rows) + 0.1)
    panel = (PAGE_WIDTH - 2 * MARGIN - names) / len(table.measures) - 0.25
    step = max(len(table.columns) * BAR + BETWEEN, 1.25 * LABEL / INCH)
    top = MARGIN + key[-1][1] + 0.4
    below = top + step * len(table.rows) + 0.25
    below_it = [f"{table.caption}.", *remarks, *(f"⚠ {each.sentence}" for each in shortfalls)]
    texts = [*(row.name for row in table.rows), *table.columns]
    sheet = print_remarks((PAGE_WIDTH, below), below_it, texts, MARGIN)
    for (left, down), column, colour in zip(key, table.columns, table.colours, strict=True):
        sheet.boxes([(left, MARGIN + down, 0.12, 0.08)], [COLOURS[colour]])
        sheet.text(left + 0.17, MARGIN + down + 0.08, column, LABEL)
    for place in range(len(table.measures)):
        left = MARGIN + names + place * (panel + 0.25)
        _panel(sheet, table, place, (left, top, panel, step * len(table.rows)))
    for number, row in enumerate(table.rows):
        middle = top + (number + 0.5) * step
        shown = measure.wrapped(row.name, LABEL, names - 0.1 - measure.width_of(f"  {row.count:,}", LABEL), most=1)[0]
        sheet.text(MARGIN, middle, shown, LABEL, va="center_baseline")
        sheet.text(
            MARGIN + names - 0.1, middle, f"{row.count:,}", LABEL, va="center_baseline", ha="right", colour=QUIET
        )
    return sheet.figure


def _key(measure: Sheet, columns: Sequence[str]) -> list[tuple[float, float]]:
    """Where the colour and the name of each column are, from the left and from the first line of them."""
    places: list[tuple[float, float]] = []
    left, down = MARGIN, 0.0
    for column in columns:
        long = 0.37 + measure.width_of(column, LABEL)
        if places and left + long > PAGE_WIDTH - MARGIN:
            left, down = MARGIN, down + 0.15
        places.append((left, down))
        left += long
    return places


def _panel(sheet: Sheet, table: ClassTable, place: int, box: Box) -> None:
    """The bars of one measure from 0 to 100 per cent."""
    left, top, width, height = box
    sheet.text(left, top - 0.12, f"{table.measures[place]}, percent", LABEL, weight="bold")
    for percent in (0, 25, 50, 75, 100):
        across = left + width * percent / 100
        sheet.line([(across, top), (across, top + height)], RULE, 0.4)
        sheet.text(across, top + height + 0.12, str(percent), LABEL - 1, ha="center", colour=QUIET)
    step = height / len(table.rows)
    boxes: list[Box] = []
    colours = []
    for number, row in enumerate(table.rows):
        first = top + number * step + (step - len(table.columns) * BAR) / 2
        for column, values in enumerate(row.values):
            if (found := values[place]) is not None:
                boxes.append((left, first + column * BAR, max(width * found / 100, 0.01), BAR * 0.85))
                colours.append(COLOURS[table.colours[column]])
    sheet.boxes(boxes, colours)
    sheet.line([(left, top), (left, top + height)], INK, 0.6)
