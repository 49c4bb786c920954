"""The official lists of UCF101, HMDB51 and Kinetics: the class of every video, and its part of every split.

A video is known by its file name without the suffix, which is unique in each of these data sets.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unreel.errors import CollectionError

UCF101_FILES = re.compile(r"classInd\.txt|(train|test)list0[123]\.txt")
HMDB51_FILES = re.compile(r"(?P<label>.+)_test_split[123]\.txt")
KINETICS_FILES = re.compile(r"((kinetics|k[467]00).*)?(train|val|validate|test)\.csv")

_UCF101_LINE = re.compile(r"(?P<label>\w+)/(?P<name>v_\w+_g\d+_c\d+)\.avi(\s+(?P<number>\d+))?")
_HMDB51_LINE = re.compile(r"(?P<name>.+)\.avi\s+(?P<mark>[012])")
_HMDB51_MARKS = {"0": "", "1": "train", "2": "test"}
_KINETICS_COLUMNS = {"youtube_id", "time_start", "time_end", "split"}
_KINETICS_PARTS = {"train": "train", "val": "val", "validate": "val", "test": "test"}


@dataclass(frozen=True)
class ListedVideo:
    """What the lists say of a video: its class, empty where it is withheld, and its part of the splits that use it."""

    label: str
    splits: dict[str, str]


def read_ucf101(folder: Path) -> dict[str, ListedVideo]:
    """`classInd.txt` (`1 Archery`) and three splits: `trainlist01.txt` … `testlist03.txt` (`Archery/v_….avi 1`).

    Raises:
        CollectionError: a list is missing or has a line that makes no sense.
    """
    classes = _class_numbers(folder / "classInd.txt")
    videos = _Videos()
    for split in "123":
        for part in ("train", "test"):
            for line in _lines(folder / f"{part}list0{split}.txt"):
                match = _UCF101_LINE.fullmatch(line.text)
                if match is None:
                    raise line.error(f"got {line.text!r}, expected Class/v_Class_g01_c01.avi and perhaps a number.")
                label, number = match["label"], match["number"]
                if label not in classes:
                    raise line.error(f"the class {label!r} is not in classInd.txt. Take both from one archive.")
                if number is not None and number != classes[label]:
                    raise line.error(f"{label} has the number {number}, expected {classes[label]} as in classInd.txt.")
                videos.add(line, match["name"], label, split, part)
    return videos.listed()


def read_hmdb51(folder: Path) -> dict[str, ListedVideo]:
    """Three lists for every class: `wave_test_split1.txt` (`name.avi 1`; 1 is train, 2 is test, 0 is neither).

    Raises:
        CollectionError: a list is missing or has a line that makes no sense.
    """
    matches = (HMDB51_FILES.fullmatch(path.name) for path in folder.iterdir())
    videos = _Videos()
    for label in sorted({match["label"] for match in matches if match}):
        for split in "123":
            for line in _lines(folder / f"{label}_test_split{split}.txt"):
                match = _HMDB51_LINE.fullmatch(line.text)
                if match is None:
                    raise line.error(f"got {line.text!r}, expected name.avi and 0 (not used), 1 (train) or 2 (test).")
                videos.add(line, match["name"], label, split, _HMDB51_MARKS[match["mark"]])
    return videos.listed()


def read_kinetics(folder: Path, *, classes: int) -> dict[str, ListedVideo]:
    """Tables of `label,youtube_id,time_start,time_end,split`, as one split "1"; a withheld test list has no `label`.

    Raises:
        CollectionError: a table has a row that makes no sense, or there are more than that many classes.
    """
    videos = _Videos()
    for path in sorted(path for path in folder.iterdir() if KINETICS_FILES.fullmatch(path.name)):
        lines = _lines(path)
        header = next(lines, _Line(path, 1, ""))
        columns = header.cells()
        if not _KINETICS_COLUMNS.issubset(columns):
            raise header.error(f"got {header.text!r}, expected label,youtube_id,time_start,time_end,split.")
        for line in lines:
            videos.add(line, *_clip(line, columns))
    listed = videos.listed()
    found = len({video.label for video in listed.values() if video.label})
    if found > classes:
        raise CollectionError(
            f"the lists in {folder} have {found} classes, more than the {classes} of kinetics{classes}. "
            "Name the layout they belong to."
        )
    return listed


def _clip(line: "_Line", columns: list[str]) -> tuple[str, str, str, str]:
    """Name, class, split and part of a clip of Kinetics."""
    cells = line.cells()
    row = dict(zip(columns, cells, strict=False))
    times = [row.get("time_start", ""), row.get("time_end", "")]
    if (
        len(cells) != len(columns)
        or not re.fullmatch(r"[A-Za-z0-9_-]{11}", row["youtube_id"])
        or not all(re.fullmatch("[0-9]{1,6}", time) for time in times)
        or row["split"] not in _KINETICS_PARTS
        or row.get("label") == ""
    ):
        raise line.error(
            f"got {line.text!r}, expected {','.join(columns)} with an id of 11 characters, whole seconds, "
            f"and a split of {', '.join(_KINETICS_PARTS)}."
        )
    name = "_".join([row["youtube_id"], *(time.zfill(6) for time in times)])
    return name, row.get("label", ""), "1", _KINETICS_PARTS[row["split"]]


def _class_numbers(path: Path) -> dict[str, str]:
    """The classes of UCF101, each with its number."""
    numbers: dict[str, str] = {}
    for line in _lines(path):
        match = re.fullmatch(r"(\d+)\s+(\w+)", line.text)
        if match is None:
            raise line.error(f"got {line.text!r}, expected a number and a class.")
        if match[2] in numbers:
            raise line.error(f"names {match[2]!r} again. Keep one line for each class.")
        numbers[match[2]] = match[1]
    return numbers


@dataclass(frozen=True)
class _Line:
    """A line of a list, without the space around it."""

    path: Path
    number: int
    text: str

    def error(self, why: str) -> CollectionError:
        return CollectionError(f"{self.path}, line {self.number}: {why}")

    def cells(self) -> list[str]:
        try:
            return next(csv.reader([self.text], strict=True), [])
        except csv.Error as error:
            raise self.error(f"got {self.text!r}, expected cells with commas between them ({error}).") from error


def _lines(path: Path) -> Iterator[_Line]:
    """The lines that are not empty."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CollectionError(f"{path} is missing. The official lists belong together: unpack all of them.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CollectionError(f"{path} cannot be read as a list ({error}). Unpack it again.") from error
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _Line(path, number, line.strip())


@dataclass(frozen=True)
class _Videos:
    """The videos of lists that are being read; the part "" is in a list but in no part of the split."""

    labels: dict[str, str] = field(default_factory=dict)
    parts: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, line: _Line, name: str, label: str, split: str, part: str) -> None:
        """Take a line in.

        Raises:
            CollectionError: it repeats or contradicts one before.
        """
        parts = self.parts.setdefault(name, {})
        if parts.get(split) == part:
            raise line.error(f"names {name!r} again for split {split}. Keep one line for each video.")
        if split in parts:
            raise line.error(
                f"puts {name!r} into {part or 'no part'} of split {split}, "
                f"but it is in {parts[split] or 'no part'} already. A video is in one part of a split."
            )
        parts[split] = part
        if self.labels.setdefault(name, label) != label:
            raise line.error(
                f"gives {name!r} the class {label!r}, but it has {self.labels[name]!r} already. A video has one class."
            )

    def listed(self) -> dict[str, ListedVideo]:
        return {
            name: ListedVideo(label, {split: part for split, part in self.parts[name].items() if part})
            for name, label in self.labels.items()
        }
