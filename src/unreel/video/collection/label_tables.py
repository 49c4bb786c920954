"""Tables of labels as texts, read and written by one rule: as unreel, pandas, Excel and R write them. Opens no video.

    path,action,scene               ,video_path,action          "path";"action"
    clips/a.mp4,run,park            0,clips/a.mp4,run           "clips\\a.mp4";"run"
    "clips/b, c.mp4",walk,          1,clips/b.mp4,walk          "clips\\b.mp4";"walk"

Columns may have any order; those without a name that only number the rows are no labels.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import final

from unreel.annotations.cells import is_text, read_text, table_of, unreadable
from unreel.annotations.tables import time_columns
from unreel.errors import CollectionError
from unreel.text import comma_separated, quoted, undefused
from unreel.video.collection.file_names import found_on_disk, is_folder
from unreel.video.collection.image_folders import advice

Labels = dict[str, dict[str, str]]
"""The labels of every video, by its name: relative to the folder of the table, or absolute."""

PATH_COLUMNS = "path, file, filename, video or video_path"

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_PLAIN = re.compile(r"[^\s,;\"]+")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


def written_paths(text: str) -> list[str]:
    """What a table's first column of paths holds, or the lines of a list, as it is written: no file is looked for."""
    with suppress(CollectionError):  # of a list whose first line has such a word
        table = table_of(Path("the list"), text)
        if table is not None:
            return [undefused(row[table.place].strip()) for _, row in table.rows]
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
        raise unreadable(path, error) from error
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
    table = table_of(path, text)
    if table is None:
        return None
    _reject_times(path, table.header)
    names = Names(path, "row")
    for number, row in table.rows:
        values = {column: undefused(cell.strip()) for column, cell in zip(table.header, row, strict=True)}
        labels = {column: value for column, value in values.items() if value and column != table.header[table.place]}
        path_cell = row[table.place]
        names.add(number, names.found(path_cell) or names.missing(number, path_cell), labels)
    return names.labels


def list_text(names: Iterable[str]) -> str:
    """A list, one path a line; in quotes where it could be taken for a path and a label."""
    return "".join(f"{name}\n" if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"\n' for name in names)


def table_text(labels: Labels) -> str:
    """A table of these videos."""
    columns = list(dict.fromkeys(name for values in labels.values() for name in values)) or ["class"]
    rows = ([path, *(values.get(name, "") for name in columns)] for path, values in labels.items())
    return comma_separated(["path", *columns], rows)


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
        if not is_text(text):
            raise self.error(number, f"{quoted(text)} is not in UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8).")

    def _folder(self, number: int, place: Path) -> CollectionError:
        try:
            command = advice(sorted(place.iterdir()), place)
        except OSError:
            command = ""
        return self.error(number, f"{quoted(place)} is a folder, expected a video. {command}".rstrip())


def _reject_times(path: Path, header: list[str]) -> None:
    """Raise CollectionError if columns give times: they would become labels of the whole video."""
    times = [time.name for time in time_columns(header)]
    if times:
        raise CollectionError(
            f"{path}: times in a video ({', '.join(map(quoted, times))}) are no labels of the whole. Take "
            "those columns away; or name the table with --labels where videos are read, for pieces to take their place."
        )
