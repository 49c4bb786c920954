"""A list of videos instead of a folder: one path a line, or a table with labels. Opens no video.

    clips/a.mp4                 path,action,scene
    clips/b c.mp4  walk         clips/a.mp4,run,park
    /far/d.avi,walk             clips/b c.mp4,walk,

Paths are absolute or relative to the list's folder.
"""

import re
from pathlib import Path, PurePosixPath

from unreel.errors import CollectionError
from unreel.video.collection import (
    VIDEO_SUFFIXES,
    Collection,
    CollectionFile,
    find_videos,
    read_table,
)

_SUFFIX = "|".join(sorted(suffix[1:] for suffix in VIDEO_SUFFIXES))
_LINE = re.compile(rf"(?P<path>.*?\.(?:{_SUFFIX}))(?:[\s,;]+(?P<label>\S.*))?", re.IGNORECASE)
_TABLE_HEADER = re.compile(r"path\s*,")


def collected(source: Path) -> Collection:
    """The videos of a folder (see `find_videos`), or those that a list names, each as it is written there.

    The label after a path is the label "class"; a table that begins with `path,…` names its labels. A file that is not
    there is listed all the same, for the preparation to refuse it by name.

    Raises:
        CollectionError: there is no such folder or list, no video in it, or its labels do not fit.
    """
    if not source.is_file():
        return find_videos(source)
    labels = _read(source)
    if not labels:
        raise CollectionError(f"{source} names no video, expected one path a line.")
    files = (CollectionFile(name, source.parent / name, labels[name]) for name in sorted(labels))
    return Collection(source.absolute().parent, tuple(files), 0)


def _read(source: Path) -> dict[str, dict[str, str]]:
    """The labels of every path of a list."""
    try:
        lines = source.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CollectionError(
            f"{source} is neither a folder of videos nor a list of them in UTF-8 ({error}). "
            "Name a folder, or a text file with one path a line."
        ) from error
    if lines and _TABLE_HEADER.match(lines[0]):
        return read_table(source)
    labels: dict[str, dict[str, str]] = {}
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line.strip())
        if match is None and line.strip():
            raise CollectionError(
                f"{source}, line {number}: got {line.strip()!r}, expected the path of a video and perhaps a label "
                f"after it. Videos are known by their suffix: {' '.join(sorted(VIDEO_SUFFIXES))}."
            )
        if match is not None:
            name = PurePosixPath(match["path"]).as_posix()
            if name in labels:
                raise CollectionError(f"{source}, line {number}: names {name!r} again. Keep one line for each video.")
            labels[name] = {"class": match["label"]} if match["label"] else {}
    return labels
