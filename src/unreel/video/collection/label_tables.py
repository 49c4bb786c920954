"""Tables of labels as texts, read and written by one rule: as unreel, pandas, Excel and R write them. Opens no video.

    path,action,scene               ,video_path,action          "path";"action"
    clips/a.mp4,run,park            0,clips/a.mp4,run           "clips\\a.mp4";"run"
    "clips/b, c.mp4",walk,          1,clips/b.mp4,walk          "clips\\b.mp4";"walk"

Columns may have any order; those without a name that only number the rows are no labels.
"""

import csv
import os
import re
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import final

from unreel.errors import CollectionError
from unreel.text import quoted, undefused
from unreel.video.collection.file_names import found_on_disk, is_folder
from unreel.video.collection.image_folders import advice

Labels = dict[str, dict[str, str]]
"""The labels of every video, by its name: relative to the folder of the table, or absolute."""

PATH_COLUMNS = "path, file, filename, video or video_path"

_PATH = re.compile("(full|abs|absolute|rel|relative)?path|(file|video|clip)(path|file|name|filename|filepath)?")
_UNNAMED = re.compile(r"(Unnamed: ?\d+(\.\d+)?(_level_\d+)?)?")  # pandas calls so what had no name when it was read
_UNIT = "(time|s|sec|secs|seconds|ms|frame)"
_TIME = re.compile(f"(t|time|clip|video|segment)?(start|end){_UNIT}?|(begin|stop){_UNIT}")
_BEGINNINGS = frozenset({"start", "begin", "onset", "from", "in", "tmin"})  # some are times only where these two meet
_ENDS = frozenset({"end", "stop", "offset", "to", "out", "tmax", "duration", "length"})

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SURROGATE = re.compile("[\udc80-\udcff]")
_ALL_QUOTED = re.compile(r'\s*"[^"]*"( +"[^"]*")*\s*$', re.MULTILINE)
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_PLAIN = re.compile(r"[^\s,;\"]+")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BLOCK = 4096
_NO_TEXT = "it holds bytes that are no text"


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 as Excel writes it; other bytes are left for `Names` to find out about.

    Raises:
        OSError, ValueError: it cannot be read, or is no text.
    """
    with path.open("rb") as file:
        content = file.read(_BLOCK)
        if b"\0" in content and not content.startswith(_UTF16):  # a video, say, which need not be read to its end
            raise ValueError(_NO_TEXT)
        return text_of(content + file.read())


def text_of(content: bytes) -> str:
    """The same of bytes.

    Raises:
        ValueError: they are no text.
    """
    if content.startswith(_UTF16):
        text = content.decode("utf-16")
    else:
        text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if "\0" in text:
        raise ValueError(_NO_TEXT)
    return text


def written_paths(text: str) -> list[str]:
    """What a table's first column of paths holds, or the lines of a list, as it is written: no file is looked for."""
    text = re.sub(r"\Asep=.\r?\n", "", text)  # a line for Excel
    delimiter = _delimiter(text)
    try:
        if delimiter is not None:
            header, *rows = (row for row in _cells(text, delimiter) if any(row))
            place = next(place for place, name in enumerate(header) if _is_path(name))
            return [undefused(row[place].strip()) for row in rows if len(row) > place]
    except csv.Error:
        pass  # a list, perhaps, whose first line has such a word
    lines = (line.strip() for line in text.splitlines())
    return [found[1].replace('""', '"') if (found := _QUOTED.match(line)) else line for line in lines if line]


def read_table(path: Path) -> Labels:
    """The labels of every video of a table, as in `labels.csv`; an empty cell is no label.

    Raises:
        CollectionError: it is no such table, or names a video twice.
    """
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    labels = labels_of(path, text)
    if labels is None:
        first = "".join(text.lstrip().splitlines()[:1])
        raise CollectionError(
            f"{path} begins with {quoted(first)}, expected a header with a column of paths ({PATH_COLUMNS}) and one "
            "for each label, with commas between them."
        )
    return labels


def labels_of(path: Path, text: str) -> Labels | None:
    """The labels of a table with this text, or None where its header has no column of paths.

    Raises:
        CollectionError: it makes no sense, or names a video twice.
    """
    text = re.sub(r"\Asep=.\r?\n", "", text)  # a line for Excel
    delimiter = _delimiter(text)
    if delimiter is None:
        return None
    try:
        numbered = [(number, row) for number, row in enumerate(_cells(text, delimiter), start=1) if any(row)]
    except csv.Error as error:
        raise _unreadable(path, error) from error
    header, rows = _named_columns(path, numbered[0][1], numbered[1:])
    place = _place_of_paths(path, header)
    _reject_times(path, header)
    names = Names(path, "row")
    for number, row in rows:
        values = {column: undefused(cell.strip()) for column, cell in zip(header, row, strict=True)}
        labels = {column: value for column, value in values.items() if value and column != header[place]}
        names.add(number, names.found(row[place]) or names.missing(number, row[place]), labels)
    return names.labels


def list_text(names: Iterable[str]) -> str:
    """A list, one path a line; in quotes where it could be taken for a path and a label."""
    return "".join(f"{name}\n" if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"\n' for name in names)


@final
class Names:
    """The videos that a table or list names, each once, with their labels; its `unit` is a row or a line."""

    def __init__(self, source: Path, unit: str) -> None:
        self.labels: Labels = {}
        self.folder = source.parent
        self._source, self._unit, self._place = source, unit, str(source.parent)
        self._seen: dict[str, tuple[int, str]] = {}

    def found(self, text: str) -> str | None:
        """The name of the file that a text means; None where there is none."""
        plain = undefused(text)
        return found_on_disk(self._place, plain) or (found_on_disk(self._place, text) if plain != text else None)

    def missing(self, number: int, text: str) -> str:
        """The name of a file that is not there, for the preparation to reject it.

        Raises:
            CollectionError: it is not a file that is meant, or the text is not UTF-8.
        """
        name = undefused(text.strip())
        if not name:
            raise self.error(number, "names no video")
        if _ADDRESS.match(name):
            raise self.error(number, f"{quoted(name)} is an address, expected a path. Download it, name its path.")
        self._check(number, name)
        if is_folder(self.folder / name):
            raise self._folder(number, self.folder / name)
        return PurePosixPath(name).as_posix()

    def add(self, number: int, name: str, labels: dict[str, str]) -> None:
        """Take a row or line in.

        Raises:
            CollectionError: it names a file again, perhaps by another name, or is not UTF-8.
        """
        for text in (*labels, *labels.values()):
            self._check(number, text)
        place = os.path.normpath(f"{self._place}/{name}" if name[0] != "/" else name)
        if place in self._seen:
            before, same = self._seen[place]
            unit = self._unit
            other = "" if labels == self.labels[same] else " and with other labels"
            raise self.error(
                number, f"names {quoted(name)} again, after {unit} {before}{other}. Keep one {unit} for each video."
            )
        self._seen[place] = number, name
        self.labels[name] = labels

    def error(self, number: int, why: str) -> CollectionError:
        """The error of a row or line."""
        return CollectionError(f"{self._source}, {self._unit} {number}: {why}")

    def _check(self, number: int, text: str) -> None:
        if _SURROGATE.search(text):
            raise self.error(number, f"{quoted(text)} is not in UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8).")

    def _folder(self, number: int, place: Path) -> CollectionError:
        try:
            command = advice(sorted(place.iterdir()), place)
        except OSError:
            command = ""
        return self.error(number, f"{quoted(place)} is a folder, expected a video. {command}".rstrip())


def _unreadable(path: Path, error: Exception) -> CollectionError:
    return CollectionError(f"{path} cannot be read as a table of labels: {error}. Save it as CSV in UTF-8.")


def _cells(text: str, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)


def _delimiter(text: str) -> str | None:
    """What stands between the cells: what gives most columns, one of them of paths."""
    found: dict[str, int] = {}
    for delimiter in ",;\t ":
        try:
            header = next((row for row in _cells(text, delimiter) if any(row)), [])
        except csv.Error:
            continue
        if any(map(_is_path, header)) and (delimiter != " " or _ALL_QUOTED.match(text)):
            found[delimiter] = len(header)
    return max(found, key=found.__getitem__, default=None)


def _named_columns(
    path: Path, header: list[str], rows: list[tuple[int, list[str]]]
) -> tuple[list[str], list[tuple[int, list[str]]]]:
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


def _reject_times(path: Path, header: list[str]) -> None:
    """Raise CollectionError if columns give times: they would become labels of the whole video."""
    words = {name: _word(name) for name in header}
    with_partners = _BEGINNINGS | _ENDS if _BEGINNINGS & set(words.values()) and _ENDS & set(words.values()) else set()
    times = [name for name, word in words.items() if _TIME.fullmatch(word) or word in with_partners]
    if times:
        raise CollectionError(
            f"{path}: times in a video ({', '.join(map(quoted, times))}) are no labels of the whole. Cut the pieces "
            "out (ffmpeg -ss START -to END -i VIDEO PIECE), name these, and take those columns away."
        )


def _number_rows(cells: list[str]) -> bool:
    """Whether the cells are 0, 1, 2 …, or what is left of these when rows were chosen or shuffled."""
    return all(re.fullmatch("[0-9]+", cell) for cell in cells) and len(set(cells)) == len(cells)


def _word(name: str) -> str:
    return re.sub(r"[\s_.-]", "", name).lower()


def _is_path(name: str) -> bool:
    return _PATH.fullmatch(_word(name)) is not None
