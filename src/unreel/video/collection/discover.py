"""A folder of videos as it lies on the disk: which files, with which labels, in which groups. Opens no video.

FOLDER/
├── labels.csv            optional:  path,action,scene
├── run/anna_run.avi                 run/anna_run.avi,run,park
└── walk/ben_walk.avi     without it the first folder is the label "class"
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from unreel.annotations.segments import gives_times
from unreel.errors import CollectionError, SettingsError
from unreel.text import first_of
from unreel.video.collection.file_names import file_named, printable
from unreel.video.collection.image_folders import advice
from unreel.video.collection.label_tables import read_table
from unreel.video.collection.labelling import FOLDERS, LABELS_NAME, NONE, SEGMENTS, labels_of_folders, no_classes

# Lies in every folder that `unreel prepare` writes, from the beginning: such a folder is no source of videos.
PREPARED_MARK = "prepared.json"

# What is no video by chance. Other suffixes must be named by a list, and PyAV then decides: small copies of other
# files (.lrv), halves of spheres (.insv), bare streams without times (.h264), what is mostly a picture (.gif, .webp).
_SUFFIXES = (
    "3g2 3gp 3gp2 3gpp asf avi dav divx dv f4v flv gxf ismv ivf m1v m2p m2t m2ts m2v m4v mjpeg mjpg mk3d mkv mov mp4 "
    "mpe mpeg mpg mts mxf nut ogm ogv qt rm rmvb tod ts vob vro webm wmv wtv y4m"
)
VIDEO_SUFFIXES = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
_SHOWN = 5


@dataclass(frozen=True)
class CollectionFile:
    """One file with a video's name.

    `id` is its path inside the collection, POSIX style, with `\\xff` for bytes that are not UTF-8; `path` is where it
    is. `splits` gives its part ("train", "test" or "val") of the official splits that it is in.
    """

    id: str
    path: Path
    labels: dict[str, str]
    group: str = ""
    splits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Collection:
    """The files of a folder with a video's name, sorted by id, and the `ignored` others, counted by kind.

    `missing` are the names of the videos that official lists name but the folder does not hold, sorted, and
    `missing_splits` has the part of every split that these would be in. `labelled` says where the labels come from.
    """

    folder: Path
    files: tuple[CollectionFile, ...]
    ignored: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    missing_splits: dict[str, dict[str, str]] = field(default_factory=dict)
    labelled: str = NONE


def find_videos(folder: Path) -> Collection:
    """The files with a video's name in `folder` and below, through links, but not in folders of prepared videos.

    The labels come from `labels.csv` if there is one, otherwise from folders that look like classes; what it names is a
    video whatever its suffix. A folder that cannot be read is listed like a file, for the preparation to reject it by
    name.

    Raises:
        CollectionError: there is no such folder, no video in it, or its labels do not fit.
    """
    if not folder.exists():
        raise CollectionError(f"{folder} does not exist. Name a folder of videos.")
    if not folder.is_dir():
        raise CollectionError(f"{folder} is a file, expected a folder of videos.")
    if (folder / PREPARED_MARK).exists():
        raise CollectionError(
            f"{folder} holds prepared videos already. Use it as it is, or name the folder that it was prepared from."
        )
    paths: dict[str, Path] = {}
    others: list[Path] = []
    for path in _walk(folder):
        if path.suffix.lower() in VIDEO_SUFFIXES or path.is_dir():
            name = printable(path.relative_to(folder))
            if name in paths:
                raise CollectionError(f"{folder} holds two files that are both called {name!r}. Rename one.")
            paths[name] = path
        elif path != folder / LABELS_NAME:
            others.append(path)
    if (folder / LABELS_NAME).exists():
        labels, labelled = _labels_of_table(folder, paths)
        others = [path for path in others if printable(path.relative_to(folder)) not in paths]
    else:
        labels, labelled = ({}, NONE) if no_classes(paths) else (labels_of_folders(paths), FOLDERS)
    if not paths:
        raise CollectionError(_nothing_found(folder, others))
    files = tuple(CollectionFile(name, paths[name], labels.get(name, {})) for name in sorted(paths))
    return Collection(folder, files, kinds_of(others), labelled=labelled)


def select(collection: Collection, include: str | None, exclude: str | None) -> Collection:
    """The files whose id the regular expression `include` is found in and `exclude` is not; None: as if not asked.

    Raises:
        CollectionError: no file is left.
        SettingsError: one is no regular expression.
    """
    if include is None and exclude is None:
        return collection
    wanted = None if include is None else expression_of("include", include)
    unwanted = None if exclude is None else expression_of("exclude", exclude)
    files = tuple(
        file
        for file in collection.files
        if (wanted is None or wanted.search(file.id)) and not (unwanted and unwanted.search(file.id))
    )
    if not files:
        raise CollectionError(
            f"none of the {len(collection.files)} videos of {collection.folder} is left by include {include!r} and "
            f"exclude {exclude!r}; the first is {collection.files[0].id!r}. Change the patterns."
        )
    return replace(collection, files=files)


def expression_of(name: str, pattern: str) -> re.Pattern[str]:
    """The regular expression that a setting called `name` gives.

    Raises:
        SettingsError: it is none.
    """
    try:
        return re.compile(pattern)
    except re.error as error:
        raise SettingsError(f"{name} {pattern!r} is not a regular expression: {error}.") from error


def grouped(collection: Collection, pattern: str | None) -> Collection:
    """The files with the groups that `groups_of` finds; as they are without a pattern.

    Raises:
        CollectionError: the pattern is not found in an id.
        SettingsError: the pattern is no regular expression with parentheses.
    """
    if pattern is None:
        return collection
    groups = groups_of([file.id for file in collection.files], pattern)
    return replace(collection, files=tuple(replace(file, group=groups[file.id]) for file in collection.files))


def groups_of(ids: Iterable[str], pattern: str) -> dict[str, str]:
    """The group of every id: what the first parentheses of `pattern` find in it.

    Raises:
        CollectionError: the pattern is not found in an id.
        SettingsError: the pattern is no regular expression with parentheses.
    """
    expression = expression_of("group pattern", pattern)
    if not expression.groups:
        raise SettingsError(
            f"group pattern {pattern!r} has no parentheses. Put them around what names the group, as in '(g[0-9]+)_'."
        )
    groups: dict[str, str] = {}
    for name in ids:
        match = expression.search(name)
        if match is None or match[1] is None:
            raise CollectionError(
                f"group pattern {pattern!r} does not match {name!r}; it must match the id of every video. "
                "Widen the pattern or take that file out."
            )
        groups[name] = match[1]
    return groups


def _walk(folder: Path) -> Iterator[Path]:
    """The visible files below `folder`, and those folders that cannot be read."""
    unreadable: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for here, folders, names in os.walk(
        folder, followlinks=True, onerror=lambda error: unreadable.append(Path(error.filename))
    ):
        facts = Path(here).stat()
        identity = (facts.st_dev, facts.st_ino)
        if identity in seen or PREPARED_MARK in names:  # links can lead to one folder twice, or round and round
            folders.clear()
            continue
        seen.add(identity)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(here, name) for name in names if not name.startswith("."))
    yield from unreadable


def kinds_of(paths: Iterable[Path]) -> Counter[str]:
    """How many files there are of each suffix, the most frequent first."""
    kinds = Counter(_kind(path.suffix.lower()) for path in paths)
    return Counter(dict(sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))))


def _kind(suffix: str) -> str:
    return suffix if re.fullmatch(r"\.[a-z0-9_+-]{1,12}", suffix) else "other" if suffix else "no suffix"


def kinds_text(kinds: Mapping[str, int]) -> str:
    """The same in words, as in "3 .txt, 1 no suffix"."""
    shown = [f"{count:,} {kind}" for kind, count in kinds.items()]
    others = sum(list(kinds.values())[_SHOWN:])
    return ", ".join(shown[:_SHOWN]) + (f" and {others:,} of other kinds" if others else "")


def _nothing_found(folder: Path, others: list[Path]) -> str:
    if not others:
        return f"{folder} is empty, expected videos in it or in its sub-folders."
    told = f"{folder} holds no video among its {len(others)} files ({kinds_text(kinds_of(others))})."
    return f"{told} " + (
        advice(others, folder)
        or "Videos are known by their suffix, and others are taken where a list names them (one path a line): "
        f"{' '.join(sorted(VIDEO_SUFFIXES))}."
    )


def _labels_of_table(folder: Path, paths: dict[str, Path]) -> tuple[dict[str, dict[str, str]], str]:
    """The labels that `labels.csv` gives, and where they come from; what it names is added to `paths` if it is new.

    Segments of videos are no labels of the whole: they are taken where they are asked for.
    """
    root, table = folder.absolute(), folder / LABELS_NAME
    if gives_times(table):
        return {}, SEGMENTS
    labels: dict[str, dict[str, str]] = {}
    missing: list[str] = []
    for name, values in read_table(table).items():
        inside = Path(os.path.relpath(root / name, root)).as_posix()
        path = paths.get(inside) or file_named(str(folder / inside))
        if inside.startswith("../") or not (inside in paths or path.is_file()):
            missing.append(name)
        paths[inside], labels[inside] = path, values
    if missing:
        raise CollectionError(
            f"{table} names {len(missing)} videos that are not in {folder}: {first_of(missing, _SHOWN)}. "
            "Paths are relative to that folder. Mend the table or bring the files back."
        )
    return labels, LABELS_NAME
