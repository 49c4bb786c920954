"""Tables as texts, as unreel, pandas, Excel and R write them: which cells they have, and which column names videos.

Columns may have any order; those without a name that only number the rows are left out.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from pathlib import Path

from unreel.errors import CollectionError
from unreel.text import quoted, undefused

_PATH = re.compile("(full|abs|absolute|rel|relative)?path|(file|video|clip)(path|file|name|filename|filepath)?")
_UNNAMED = re.compile(r"(Unnamed: ?\d+(\.\d+)?(_level_\d+)?)?")  # pandas calls so what had no name when it was read
_SURROGATE = re.compile("[\udc80-\udcff]")
_ALL_QUOTED = re.compile(r'\s*"[^"]*"( +"[^"]*")*\s*$', re.MULTILINE)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BLOCK = 4096
_NO_TEXT = "it holds bytes that are no text"

Row = tuple[int, list[str]]
"""The number of a row, the header's is 1, and its cells."""


@dataclass(frozen=True)
class CellTable:
    """A header, the place in it of the column that names videos, and the rows, as long as it is."""

    header: list[str]
    place: int
    rows: list[Row]


def read_text(path: Path) -> str:
    """The text of a file, see `decode`, of which no more is read than tells that it is none.

    Raises:
        OSError, ValueError: it cannot be read, or is no text.
    """
    with path.open("rb") as file:
        content = file.read(_BLOCK)
        if b"\0" in content and not content.startswith(_UTF16):  # a video, say
            raise ValueError(_NO_TEXT)
        return decode(content + file.read())


def decode(content: bytes) -> str:
    """The text of UTF-8, or of UTF-16 as Excel writes it; other bytes are left for `is_text` to find out about.

    Raises:
        ValueError: it is no text.
    """
    if content.startswith(_UTF16):
        text = content.decode("utf-16")
    else:
        text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if "\0" in text:
        raise ValueError(_NO_TEXT)
    return text


def is_text(decoded: str) -> bool:
    """Whether what was decoded holds no bytes of another encoding."""
    return _SURROGATE.search(decoded) is None


def unreadable(path: Path, error: Exception) -> CollectionError:
    """The error of a table that is none."""
    return CollectionError(f"{path} cannot be read as a table of labels: {error}. Save it as CSV in UTF-8.")


def table_of(path: Path, text: str) -> CellTable | None:
    """The cells of a table with this text, or None where its header has no column of paths.

    Raises:
        CollectionError: it makes no sense.
    """
    text = re.sub(r"\Asep=.\r?\n", "", text)  # a line for Excel
    delimiter = _delimiter(text)
    if delimiter is None:
        return None
    try:
        numbered = [(number, row) for number, row in enumerate(cells(text, delimiter), start=1) if any(row)]
    except csv.Error as error:
        raise unreadable(path, error) from error
    header, rows = _named_columns(path, numbered[0][1], numbered[1:])
    return CellTable(header, _place_of_paths(path, header), rows)


def cells(text: str, delimiter: str) -> Iterator[list[str]]:
    """The cells of each line.

    Raises:
        csv.Error: quotes are where none may be.
    """
    return csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)


@lru_cache(maxsize=1000)
def word_of(name: str) -> str:
    """The name of a column as it is compared: `Start Time`, `start_time` and `startTime` are one."""
    return re.sub(r"[\s_.-]", "", name).lower()


def _delimiter(text: str) -> str | None:
    """What stands between the cells: what gives most columns, one of them of paths."""
    found: dict[str, int] = {}
    for delimiter in ",;\t ":
        try:
            header = next((row for row in cells(text, delimiter) if any(row)), [])
        except csv.Error:
            continue
        if any(map(_is_path, header)) and (delimiter != " " or _ALL_QUOTED.match(text)):
            found[delimiter] = len(header)
    return max(found, key=found.__getitem__, default=None)


def _named_columns(path: Path, header: list[str], rows: list[Row]) -> tuple[list[str], list[Row]]:
    """The header and the rows without columns that have no name and are empty or only number the rows.

    Raises:
        CollectionError: a row has another length, or a column no name or another's.
    """
    if all(len(row) == len(header) + 1 for _, row in rows) and _number_rows([row[0] for _, row in rows]):
        header = ["", *header]  # R leaves out what is above the names of its rows
    header = [undefused(cell.strip()) for cell in header]
    while not header[-1] and not any(any(row[len(header) - 1 :]) for _, row in rows):
        header.pop()
    for number, row in rows:
        if len(row) < len(header) or any(row[len(header) :]):
            raise CollectionError(
                f"{path}, row {number}: has {len(row)} cells, expected {len(header)} as in the header "
                f"{quoted(','.join(header))}."
            )
    kept = list(range(len(header)))
    for column in [column for column in kept if _UNNAMED.fullmatch(header[column])]:
        cells = [row[column] for _, row in rows]
        if any(cells) and not _number_rows(cells):
            raise CollectionError(
                f"{path}: column {column + 1} of the header {quoted(','.join(header))} has no name and does not "
                "number the rows. Name it, or take it away (pandas: index=False)."
            )
        kept.remove(column)
    header = [header[column] for column in kept]
    if len(set(header)) < len(header):
        raise CollectionError(f"{path} has the header {quoted(','.join(header))}, expected different names.")
    return header, [(number, [row[column] for column in kept]) for number, row in rows]


def _place_of_paths(path: Path, header: list[str]) -> int:
    """Which column holds the paths; in our own tables it is the first, whatever labels are called.

    Raises:
        CollectionError: it may be one or another.
    """
    places = [place for place, name in enumerate(header) if _is_path(name)]
    if header[0] != "path" and len(places) > 1:
        names = " and ".join(quoted(header[place]) for place in places)
        raise CollectionError(f"{path}: {names} may each be the paths of the videos. Call one 'path' and put it first.")
    return places[0]


def _number_rows(cells: list[str]) -> bool:
    """Whether the cells are 0, 1, 2 …, or what is left of these when rows were chosen or shuffled."""
    return all(re.fullmatch("[0-9]+", cell) for cell in cells) and len(set(cells)) == len(cells)


def _is_path(name: str) -> bool:
    return _PATH.fullmatch(word_of(name)) is not None
