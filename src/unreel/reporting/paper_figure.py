"""Figures on paper: PDF whose text is text, with its fonts inside, or PNG at 300 dots per inch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import UInt8
from matplotlib import font_manager, get_data_path, rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font

from unreel.engine.files import whole
from unreel.errors import SettingsError

DOTS_PER_INCH = 300
RIGHT, WRONG, INK, QUIET, RULE = "#177245", "#b8321f", "#1d1c1a", "#66635d", "#d0ccc4"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0599b", "#3493cc", "#b97a00", "#6b5bb5", "#6f6a4c", "#9a968e")
"""Those of the pages, made for colour-blind readers; the last is grey."""
FORMATS = (".html", ".pdf", ".png")
FAMILY = "DejaVu Sans"
BOX = "□"
INCH = 72.0
"""Points in one."""

PAGE_WIDTH = 7.16
"""Inches: the text of a page in two columns, as IEEE and CVF set it."""
REMARK, REMARK_LINE = 6.0, 8.0
"""Points of what is said below a figure, and between its lines."""

Box = tuple[float, float, float, float]
"""Left, top, width and height in inches."""


@final
class Sheet:
    """A sheet of so many inches; places are inches from its upper left corner, sizes of text are points."""

    def __init__(self, width: float, height: float, texts: Iterable[str] = ()) -> None:
        self.figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
        self._renderer = FigureCanvasAgg(self.figure).get_renderer()  # type: ignore[no-untyped-call]
        self._fonts = fonts_for(texts)
        self._axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self._axes.set_axis_off()
        self._limits = (0.0, width), (height, 0.0)
        self._keep_limits()

    def picture(self, image: UInt8[np.ndarray, "h w 3"], box: Box) -> None:
        """An image in the middle of a box, as large as its aspect allows."""
        left, top, width, height = box
        rows, columns, _ = image.shape
        scale = min(width / columns, height / rows)
        left, top = left + (width - scale * columns) / 2, top + (height - scale * rows) / 2
        extent = (left, left + scale * columns, top + scale * rows, top)
        self._axes.imshow(image, extent=extent, interpolation="none", aspect="auto")
        self._keep_limits()

    def boxes(self, boxes: Sequence[Box], colours: Sequence[Any]) -> None:
        """Filled boxes, each of its colour, over lines and under text."""
        corners = [
            [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
            for left, top, width, height in boxes
        ]
        self._axes.add_collection(PolyCollection(corners, facecolors=colours, edgecolors="none", zorder=2.1))

    def line(self, places: Sequence[tuple[float, float]], colour: str, width: float = 0.6) -> None:
        """A line from place to place, `width` points wide."""
        across, down = zip(*places, strict=True)
        self._axes.plot(across, down, color=colour, linewidth=width, solid_capstyle="round", solid_joinstyle="round")
        self._keep_limits()

    def text(self, left: float, base: float, text: str, size: float, *, colour: str = INK, **more: Any) -> None:
        """One line of text that begins on its base line; `more` as matplotlib takes it (weight, ha, rotation)."""
        self._axes.text(
            left, base, self._fonts.shown(text), size=size, color=colour, family=self._fonts.families, **more
        )

    def width_of(self, text: str, size: float, weight: str = "normal") -> float:
        """How wide a line of text is."""
        drawn = self._axes.text(0, 0, self._fonts.shown(text), size=size, family=self._fonts.families, weight=weight)
        width = drawn.get_window_extent(self._renderer).width / self.figure.dpi
        drawn.remove()
        return float(width)

    def wrapped(self, text: str, size: float, width: float, most: int = 1000) -> list[str]:
        """The text in lines no wider than `width`, at most so many; what is left out is an ellipsis."""
        lines, line = [], ""
        for word in text.split():
            longer = f"{line} {word}".strip()
            if line and self.width_of(longer, size) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
        if len(lines) > most:
            lines = [*lines[: most - 1], f"{lines[most - 1]} {lines[most]}"]
        return [self._shorten(each, size, width) for each in lines]

    def _shorten(self, line: str, size: float, width: float) -> str:
        if self.width_of(line, size) <= width:
            return line
        while line and self.width_of(f"{line}…", size) > width:
            line = line[:-1]
        return f"{line}…"

    def _keep_limits(self) -> None:
        self._axes.set_xlim(*self._limits[0])
        self._axes.set_ylim(*self._limits[1])


def print_remarks(size: tuple[float, float], remarks: Sequence[str], texts: Iterable[str], margin: float) -> Sheet:
    """A sheet with room of `size` inches (width, height) for a figure with these texts; the remarks are below it."""
    width, height = size
    written = [*texts, *remarks, "…"]
    measure = Sheet(1.0, 1.0, written)
    lines = [line for remark in remarks for line in measure.wrapped(remark, REMARK, width - 2 * margin)]
    sheet = Sheet(width, height + len(lines) * REMARK_LINE / INCH + 0.1 + margin, written)
    for number, line in enumerate(lines, start=1):
        sheet.text(margin, height + 0.05 + number * REMARK_LINE / INCH, line, REMARK, colour=QUIET)
    return sheet


def check_format(out: Path) -> None:
    """Nothing, if figures can be written to a file of that name.

    Raises:
        SettingsError: its suffix is none of `FORMATS`.
    """
    if out.suffix.lower() not in FORMATS:
        raise SettingsError(f"got the figure's name {out}, expected one that ends in {', '.join(FORMATS)}.")


def save_figures(figures: Sequence[Figure], out: Path) -> Path:
    """Write a figure to `out` (.pdf or .png), whole or not at all; in a PDF several are its pages.

    Raises:
        OutputError: it cannot be written.
        SettingsError: it is a PNG, and there are several figures.
    """
    suffix = out.suffix.lower()
    if suffix == ".png" and len(figures) > 1:
        raise SettingsError(f"{out} can hold one figure, got {len(figures)}: choose one, or write a PDF or a page.")
    with whole(out) as unfinished:
        if suffix == ".png":
            figures[0].savefig(unfinished, format="png", metadata={"Software": None})
        else:
            # Type 42: fonts go into the file as they are, so that text can be searched and edited.
            with rc_context({"pdf.fonttype": 42}), PdfPages(unfinished, metadata={"CreationDate": None}) as pages:
                for figure in figures:
                    pages.savefig(figure)
    return out


@dataclass(frozen=True)
class Fonts:
    """Font families that have all characters wanted, but for the `missing`, of which no font here has any."""

    families: list[str]
    missing: frozenset[str]

    def shown(self, text: str) -> str:
        """The text as it is drawn: without mathematics between dollar signs, and with a box for what cannot be."""
        spelled = text.encode("utf-8", "backslashreplace").decode().replace("$", r"\$")
        return "".join(BOX if each in self.missing or not each.isprintable() else each for each in spelled)


def fonts_for(texts: Iterable[str]) -> Fonts:
    """The fonts for these texts: matplotlib's own, and then what else has to be."""
    missing = {character for text in texts for character in text if character.isprintable()}
    missing -= _characters(font_manager.findfont(FAMILY))
    families = [FAMILY]
    for font in sorted(font_manager.fontManager.ttflist, key=lambda each: each.name):
        if not missing:
            break
        if not Path(font.fname).is_relative_to(get_data_path()) and (found := missing & _characters(font.fname)):
            families.append(font.name)
            missing -= found
    return Fonts(families, frozenset(missing))


def _characters(font: str) -> set[str]:
    return set(map(chr, FT2Font(font).get_charmap()))
