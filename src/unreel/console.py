"""What people read in the terminal: lines and tables, as wide as it is; nobody else prints.

A line is one line whatever stands in it, since names of files, labels and reasons are other people's text. Lines are
broken between words, and a table that is wider than the terminal is folded: its columns below each other, or its rows.
Where nobody looks (a pipe, a file) nothing is broken, unless COLUMNS says how wide it is to be.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from io import StringIO
from itertools import zip_longest
from shlex import quote, split
from typing import IO, TYPE_CHECKING, Any, Protocol, cast, final, runtime_checkable

from unreel.text import HELD, as_json, excerpt, one_line, screened, unbroken, width_of, wrapped

if TYPE_CHECKING:
    from rich.console import Console


@runtime_checkable
class Output(Protocol):
    """What lines are printed on: standard output, standard error, or what stands in their place."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...
    def fileno(self) -> int: ...


PAGE = 80
"""Columns of an explanation that nobody looks at."""
_GAP = 2
_NARROW = 24
"""Columns that a cell may take beside others where the table is too wide."""
_UNBROKEN = 1_000_000
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def say(
    *lines: object,
    to: Output | None = None,
    width: int | None = None,
    hang: int = 4,
    style: str = "",
    colours: Mapping[str, str] | None = None,
) -> None:
    """Print lines, on standard output if nothing else is named.

    On a terminal they have a style, and words that have colours show them.
    """
    stream = to or sys.stdout
    broken = [part for line in lines for part in wrapped(_shown(line), width or columns(stream), hang)]
    if (style or colours) and broken and stream.isatty():
        from rich.text import Text

        text = Text("\n".join(broken), style)
        for word, colour in (colours or {}).items():
            text.highlight_words([word], colour)
        terminal(stream).print(text, soft_wrap=True)
    else:
        stream.write("".join(f"{line}\n" for line in broken))
    stream.flush()


def say_command(command: str) -> None:
    """Print a command to be typed, or pasted: where it is broken, the shell reads on."""
    line = "  " + " ".join(unbroken(quote(word)) for word in split(command))
    *parts, last = wrapped(line, columns(sys.stdout), room=2)
    say(*(f"{part} \\" for part in parts), last, width=_UNBROKEN)


def say_json(value: Any) -> None:
    """Print a value for programs."""
    sys.stdout.write(f"{as_json(value)}\n")


def complain(what: object) -> None:
    """Print what ends a command, on standard error if that can be: one line, for those who look for it there."""
    with suppress(OSError):
        say(*f"unreel: {what}".split("\n"), to=sys.stderr, width=None if sys.stderr.isatty() else _UNBROKEN)


def explain(text: str) -> None:
    """Print an explanation of ours."""
    say(*re.sub(r"(?<=\S)\n(?=\S)", " ", text).split("\n"), width=columns(sys.stdout) or PAGE, hang=0)


@contextmanager
def explained() -> Iterator[None]:
    """What tyro prints meanwhile is broken between words; it leaves some of its lines as long as they are."""
    streams = (sys.stdout, sys.stderr)
    drafts = [_Draft(stream) for stream in streams]
    try:
        with redirect_stdout(drafts[0]), redirect_stderr(drafts[1]):
            yield
    finally:
        for stream, draft in zip(streams, drafts, strict=True):
            width = columns(stream) or PAGE
            for line in draft.getvalue().splitlines():
                plain = _COLOUR.sub("", line).rstrip()
                parts = [line.rstrip()] if width_of(plain) <= width else wrapped(plain, width, 0)
                _beneath(stream).write("".join(f"{part}\n" for part in parts))


def columns(stream: Output) -> int | None:
    """How wide lines may be: as COLUMNS says, or the terminal; None: as they are."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream.isatty() else None
    except (OSError, ValueError):
        return None


def terminal(stream: Output | None = None) -> "Console":
    """For what moves or has colours; what is given to it must have no foreign text but through `unreel.text`."""
    from rich.console import Console

    return Console(file=cast(IO[str], _beneath(stream or sys.stdout)), highlight=False, markup=False)


def screen() -> None:
    """From here on whatever this process prints is shown and not obeyed, warnings of other packages too."""
    for name in ("stdout", "stderr"):
        if not isinstance(stream := getattr(sys, name), Screen):
            setattr(sys, name, Screen(stream))


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


def show(table: Table, to: Output | None = None) -> None:
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
    yield unbroken(row[0])
    for title, cell in zip(table.columns[1:], row[1:], strict=True):
        if cell:
            yield f"    {title}: {cell}"


def _shown(line: object) -> str:
    """One line; spaces that are held stay so until it is broken."""
    return HELD.join(map(one_line, str(line).split(HELD)))


@final
class _Draft(StringIO):
    """What is to be printed on a stream, which it looks like."""

    def __init__(self, stream: Output) -> None:
        super().__init__()
        self._stream = stream

    def isatty(self) -> bool:
        return self._stream.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._stream, "encoding", None) or "utf-8"


def _beneath(stream: Output) -> Output:
    return stream.stream if isinstance(stream, Screen) else stream


@final
class Screen:
    """A stream that shows what a terminal would obey, colours apart: for what code prints that is not ours."""

    def __init__(self, stream: Output) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write text."""
        colours = _COLOUR.findall(text) if self.stream.isatty() else []
        shown = map(screened, _COLOUR.split(text) if colours else [text])
        self.stream.write("".join(f"{part}{colour}" for part, colour in zip_longest(shown, colours, fillvalue="")))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts."""
        self.write("".join(lines))

    def flush(self) -> None:
        """As the stream."""
        self.stream.flush()

    def isatty(self) -> bool:
        """As the stream."""
        return self.stream.isatty()

    def fileno(self) -> int:
        """As the stream."""
        return self.stream.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)
