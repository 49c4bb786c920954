"""Where an encoder looks, on paper: frames of two clips, and below them what is alike at every level."""

import numpy as np
from matplotlib.figure import Figure

from unreel.reporting.correspondence_maps import ClipMaps, Looks, shown_frames
from unreel.reporting.paper_figure import INCH, PAGE_WIDTH, QUIET, Sheet, print_remarks

FRAMES = 6
MARGIN, GAP, BETWEEN_FRAMES = 0.05, 0.16, 0.02
ROW_NAME = 0.5
TEXT = 7.0


def print_looks(figure: Looks, frames: int = FRAMES) -> Figure:
    """Both clips beside each other, in rows: as they are, then one level each; one colour bar."""
    width = (PAGE_WIDTH - 2 * MARGIN - ROW_NAME - GAP) / 2
    side = (width - BETWEEN_FRAMES * (frames - 1)) / frames
    top = MARGIN + 2.2 * TEXT / INCH
    rows = 1 + len(figure.sizes)
    below = top + rows * (side + BETWEEN_FRAMES) + 0.35
    texts = [each.video for each in figure.clips]
    sheet = print_remarks((PAGE_WIDTH, below), figure.remarks, texts, MARGIN)
    for number, name in enumerate(("clip", *(f"level {level}" for level in figure.sizes))):
        middle = top + number * (side + BETWEEN_FRAMES) + side / 2
        sheet.text(MARGIN, middle, name, TEXT, va="center_baseline")
    for number, clip in enumerate(figure.clips):
        _clip(sheet, clip, (MARGIN + ROW_NAME + number * (width + GAP), top), (width, side, frames))
    _scale(sheet, figure, below - 0.25)
    return sheet.figure


def _clip(sheet: Sheet, clip: ClipMaps, corner: tuple[float, float], size: tuple[float, float, int]) -> None:
    (left, top), (width, side, frames) = corner, size
    name = sheet.wrapped(f"{clip.role}: {clip.video}", TEXT, width, most=1)[0]
    sheet.text(left + width / 2, MARGIN + TEXT / INCH, name, TEXT, ha="center", weight="bold")
    for row, pictures in enumerate((clip.plain, *clip.levels.values())):
        for column, number in enumerate(shown_frames(len(pictures), frames)):
            corner = left + column * (side + BETWEEN_FRAMES), top + row * (side + BETWEEN_FRAMES)
            sheet.picture(pictures[number], (*corner, side, side))


def _scale(sheet: Sheet, figure: Looks, top: float) -> None:
    """The colour bar, with its ends and its middle in numbers."""
    left, long = MARGIN + ROW_NAME, 2.5
    steps = np.linspace(0, 1, 101)[:-1]
    sheet.boxes([(left + long * step, top, long / 99, 0.09) for step in steps], [figure.colour(step) for step in steps])
    for share in (0.0, 0.5, 1.0):
        value = figure.low + share * (figure.high - figure.low)
        sheet.text(left + long * share, top + 0.2, f"{value:.3f}", TEXT - 1, ha="center", colour=QUIET)
    sheet.text(left + long + 0.15, top + 0.08, "cosine with the mean of the other clip", TEXT - 1, colour=QUIET)
