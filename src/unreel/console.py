"""What people read in the terminal: lines and tables, as wide as it is; nobody else prints.

A line is one line whatever stands in it, since names of files, labels and reasons are other people's text. Lines are
broken between words, and a table that is wider than the terminal is folded: its columns below each other, or its rows.
Where nobody looks (a pipe, a file) nothing is broken, unless COLUMNS says how wide it is to be.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO, final

from unreel.text import HELD, as_json, excerpt, name, one_line, screened, width_of, wrapped

if TYPE_CHECKING:
    from rich.console import Console

PAGE = 80
"""Columns of an explanation that nobody looks at."""
_GAP = 2
_NARROW = 24
"""Columns that a cell may take beside others where the table is too wide."""
_UNBROKEN = 1_000_000


def say(
    *lines: object,
    to: TextIO | None = None,
    width: int | None = None,
    style: str = "",
    colours: Mapping[str, str] | None = None,
) -> None:
    """Print lines, on standard output if nothing else is named.

    On a terminal they have a style, and words that have colours show them.
    """
    stream = to or sys.stdout
    broken = [part for line in lines for part in wrapped(_shown(line), width or columns(stream))]
    if (style or colours) and broken and stream.isatty():
        from rich.text import Text

        text = Text("\n".join(broken), style)
        for word, colour in (colours or {}).items():
            text.highlight_words([word], colour)
        terminal(stream).print(text, soft_wrap=True)
    else:
        stream.write("".join(f"{line}\n" for line in broken))
    stream.flush()


def say_json(value: Any) -> None:
    """Print a value for programs."""
    sys.stdout.write(f"{as_json(value)}\n")


def explain(text: str) -> None:
    """Print an explanation of ours."""
    say(*text.split("\n"), width=columns(sys.stdout) or PAGE)


def columns(stream: TextIO) -> int | None:
    """How wide lines may be: as COLUMNS says, or the terminal; None: as they are."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream.isatty() else None
    except (OSError, ValueError):
        return None


def terminal(stream: TextIO | None = None) -> "Console":
    """For what moves or has colours; what is given to it must have no foreign text but through `unreel.text`."""
    from rich.console import Console

    stream = stream or sys.stdout
    return Console(file=stream.stream if isinstance(stream, Screen) else stream, highlight=False, markup=False)


@dataclass
class Table:
    """Rows of cells under named columns: the first on the left, as those in `left`, the others on the right.

    `lines` say below what is to be known of it; `colours` are those of words.
    """

    title: str
    columns: Sequence[str]
    lines: Sequence[str] = ()
    left: Sequence[str] = ()
    colours: Mapping[str, str] | None = None
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        """Add a row."""
        self.rows.append(tuple(map(excerpt, cells)))


def show(table: Table, to: TextIO | None = None) -> None:
    """Print a table: whole, or with as many columns at a time as there is room for, or row by row."""
    stream = to or sys.stdout
    widths = [max(map(width_of, cells)) for cells in zip(table.columns, *table.rows, strict=True)]
    say(*([table.title] if table.title else []), to=stream, style="bold")
    parts = _parts(widths, columns(stream))
    for part in parts:
        head, *rows = (
            (_GAP * " ").join(_padded(table, number, row[number], widths[number]) for number in part).rstrip()
            for row in (table.columns, ["─" * width for width in widths], *table.rows)
        )
        say(head, to=stream, style="bold", width=_UNBROKEN)
        say(*rows, to=stream, colours=table.colours, width=_UNBROKEN)
    if not parts:
        say(*(line for row in table.rows for line in _stacked(table, row)), to=stream, colours=table.colours)
    say(*table.lines, to=stream)


def _parts(widths: Sequence[int], width: int | None) -> list[list[int]]:
    """The columns that stand beside each other, each time after the first; none where one is too wide for that."""
    if width is None or sum(widths) + _GAP * (len(widths) - 1) <= width:
        return [list(range(len(widths)))]
    parts: list[list[int]] = []
    used = width
    for number, each in enumerate(widths[1:], start=1):
        if each > _NARROW or widths[0] + _GAP + each > width:
            return []
        if used + _GAP + each > width:
            parts.append([0])
            used = widths[0]
        parts[-1].append(number)
        used += _GAP + each
    return parts


def _padded(table: Table, number: int, cell: str, width: int) -> str:
    space = " " * (width - width_of(cell))
    return cell + space if number == 0 or table.columns[number] in table.left else space + cell


def _stacked(table: Table, row: Sequence[str]) -> Iterable[str]:
    """A row by itself: its first cell, and below it the others with the names of their columns."""
    yield name(row[0])
    for title, cell in zip(table.columns[1:], row[1:], strict=True):
        if cell:
            yield f"    {title}: {cell}"


def _shown(line: object) -> str:
    """One line; spaces that are held stay so until it is broken."""
    return HELD.join(map(one_line, str(line).split(HELD)))


@final
class Screen:
    """A stream that shows what a terminal would obey: for what is printed by code that is not ours."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text."""
        self.stream.write(screened(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts."""
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
