"""A list of videos instead of a folder: one path a line, or a table with labels. Opens no video.

    clips/a.mp4                 path,action,scene
    clips/b c.mp4  walk         clips/a.mp4,run,park
    /far/d.avi,walk             clips/b c.mp4,walk,
    "clips/e, f.mp4",walk

Paths are absolute or relative to the list's folder. Where a path ends is what the disk says: the longest beginning of
a line that is a file.
"""

import re
from pathlib import Path, PurePath

from unreel.annotations.cells import read_text
from unreel.errors import CollectionError
from unreel.text import quoted
from unreel.video.collection.discover import VIDEO_SUFFIXES, Collection, CollectionFile, find_videos
from unreel.video.collection.file_names import file_named, is_folder, printable
from unreel.video.collection.label_tables import PATH_COLUMNS, Labels, Names, labels_of
from unreel.video.collection.labelling import NONE

_SUFFIX = "|".join(sorted(suffix[1:] for suffix in VIDEO_SUFFIXES))
_MISSING = re.compile(rf".*\.(?:{_SUFFIX})(?![^\s,;])|.*\.\w{{1,5}}\Z", re.IGNORECASE)
_END = r"(?:\r\n|[\r\n]|\Z)"
_IN_QUOTES = r'"([^"]*(?:""[^"]*)*)"'
_QUOTED_LINE = re.compile(rf"[ \t]*{_IN_QUOTES}((?:[ \t,;][^\r\n]*)?){_END}")
_LINE = re.compile(rf"([^\r\n]*){_END}")
_SEVERAL = re.compile(r".*[,;\t]|[-+]?\d+(\.\d+)?\s+[-+]?\d+(\.\d+)?(\s|\Z)")
_LONGEST = 4096
"""Letters of a path."""


def collected(source: Path) -> Collection:
    """The videos of a folder (see `find_videos`), or those that a list names, whatever their suffix; or one video.

    The label after a path is the label "class"; a table with a header names its labels. A file that is not there is
    listed all the same, for the preparation to reject it by name.

    Raises:
        CollectionError: there is no such folder or list, no video in it, or its labels do not fit.
    """
    if not source.is_file():
        return find_videos(source)
    if source.suffix.lower() in VIDEO_SUFFIXES:
        return Collection(source.absolute().parent, (CollectionFile(printable(Path(source.name)), source, {}),))
    labels = _read(source)
    if not labels:
        raise CollectionError(f"{source} names no video, expected one path a line.")
    files = (CollectionFile(name, file_named(str(source.parent / name)), labels[name]) for name in sorted(labels))
    labelled = source.name if any(labels.values()) else NONE
    return Collection(source.absolute().parent, tuple(files), labelled=labelled)


def _read(source: Path) -> Labels:
    """The labels of every path of a list."""
    try:
        text = read_text(source)
    except (OSError, ValueError) as error:
        raise CollectionError(
            f"{source} is neither a folder of videos nor a list of them in UTF-8 ({error}). "
            "Name a folder, a text file with one path a line, or a table saved as CSV in UTF-8."
        ) from error
    names = Names(source, "line")
    if names.found(_line_at(text, 0)[1]) is None:
        labels = labels_of(source, text)
        if labels is not None:
            return labels
    position, number = 0, 1
    while position < len(text):
        end, line = _line_at(text, position)
        whole = _QUOTED_LINE.match(text, position)
        if whole and not names.found(line):
            end, path, rest = whole.end(), whole[1].replace('""', '"'), whole[2]
            names.add(number, names.found(path) or names.missing(number, path), _label(names, number, rest))
        elif line.strip():
            name, rest = _split(names, number, line)
            names.add(number, name, _label(names, number, rest))
        number += len(re.findall(r"\r\n|[\r\n]", text[position:end]))
        position = end
    return names.labels


def _line_at(text: str, position: int) -> tuple[int, str]:
    """Where the line ends that begins there, and what it says."""
    match = _LINE.match(text, position)
    assert match
    return match.end(), match[1]


def _split(names: Names, number: int, line: str) -> tuple[str, str]:
    """The name at the beginning of a line, and what follows it.

    Raises:
        CollectionError: nothing there is a file, or looks as if it were to be one.
    """
    found = _on_disk(names, line)
    if found is not None:
        return found
    line = line.strip()
    first, *rest = re.split(r"[\s,;]+", line, maxsplit=1)
    if rest and not PurePath(first).suffix and _on_disk(names, rest[0]):
        raise names.error(number, f"{quoted(first)} stands before a path, expected it behind, or a header: label,path.")
    missing = _MISSING.match(line)
    if missing:
        return names.missing(number, missing[0]), line[missing.end() :]
    for path in (line, first):
        if is_folder(names.folder / path):
            return names.missing(number, path), ""
    raise names.error(
        number,
        f"got {quoted(line)}, expected the path of a video and perhaps a label after it, or a header with a column of "
        f"paths ({PATH_COLUMNS}). No file is called so.",
    )


def _on_disk(names: Names, line: str) -> tuple[str, str] | None:
    """The longest name at the beginning of a line that is a file, and what follows it; None where there is none."""
    ends = [len(line), *(match.start() for match in re.finditer(r"[\s,;]", line[:_LONGEST]))]
    for end in sorted(ends, reverse=True):
        name = names.found(line[:end])
        if name is not None and not _goes_on(line[:end], line[end:]):
            return name, line[end:]
    return None


def _goes_on(path: str, rest: str) -> bool:
    """Whether a name may not end there, for another suffix follows: `IMG_1.MOV` is not `IMG_1.MOV - Trim.mp4`."""
    suffix = PurePath(rest.strip()).suffix.lower()
    return suffix != "" and (suffix in VIDEO_SUFFIXES or suffix == PurePath(path.strip()).suffix.lower())


def _label(names: Names, number: int, rest: str) -> dict[str, str]:
    """What stands after a path, as the label "class".

    Raises:
        CollectionError: it is several labels.
    """
    label = re.sub(r"\A[\s,;]+|[\s,;]+\Z", "", rest)
    whole = re.fullmatch(_IN_QUOTES, label)
    if whole:
        label = whole[1].replace('""', '"').strip()
    elif _SEVERAL.match(label):
        raise names.error(
            number,
            f"{quoted(label)} are several labels, expected one. Write a table whose header names each "
            "(path,action,scene), or put quotes around a label that is one.",
        )
    return {"class": label} if label else {}
