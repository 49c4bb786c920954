"""Where the labels of a collection come from: a table beside it, its folders, another table, or nowhere.

    auto       labels.csv in the folder of videos, else folders where they look like classes, else none
    none       none: nothing is evaluated by labels
    folders    the first folder of each video is its label "class"
    TABLE      a table of labels (see `label_tables`), wherever it lies

Folders look like classes where every video lies one folder deep, in two folders or more, of two videos or more each.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from unreel.errors import CollectionError
from unreel.text import first_of, quoted
from unreel.video.collection.label_tables import read_table
from unreel.video.collection.manifest import Manifest

AUTO, NONE, FOLDERS = "auto", "none", "folders"
LABELS_NAME = "labels.csv"
OFFICIAL = "official lists"
NO_LABELS = "name a table of them with --labels TABLE, or --labels folders if the videos' folders are their classes"
"""What to do where labels are needed."""

_SHOWN = 3


def labels_of_folders(ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The first folder of each video as its label "class"; of one that lies in none, no label."""
    return {name: {"class": name.split("/")[0]} if "/" in name else {} for name in ids}


def no_classes(ids: Collection[str]) -> str:
    """Why folders do not look like classes; empty if they do."""
    other = sum(name.count("/") != 1 for name in ids)
    if other:
        return f"{other} of {len(ids)} videos do not lie one folder deep"
    counts = Counter(name.split("/")[0] for name in ids)
    if len(counts) < 2:
        return "all videos lie in one folder"
    lone = sorted(folder for folder, count in counts.items() if count < 2)
    return f"only one video lies in {first_of(lone, _SHOWN)}" if lone else ""


def relabelled(manifest: Manifest, labels: str = AUTO) -> Manifest:
    """The collection with the labels that are asked for; `auto` leaves those that it was prepared with.

    Raises:
        CollectionError: there is no such table, it makes no sense, or names no video of the collection.
    """
    if labels == AUTO:
        return manifest
    if labels == NONE:
        return _with_labels(manifest, {}, NONE)
    if labels == FOLDERS:
        return _with_labels(manifest, labels_of_folders(record.id for record in manifest), FOLDERS)
    table = Path(labels)
    if not table.is_file():
        raise CollectionError(f"labels is {labels!r}, expected auto, none, folders or a table: there is no such file.")
    given = read_table(table)
    names = matched(given, manifest, table.parent)
    found = {names[name]: values for name, values in given.items() if name in names}
    if not found:
        raise CollectionError(
            f"{table} names {len(given)} videos, of which none is in {manifest.source or manifest.root}: "
            f"{first_of(list(given), _SHOWN)}. Its paths are relative to its own folder or to that one."
        )
    others = [name for name in given if name not in names]
    not_here = f" ({len(others)} of its videos are not here: {first_of(others, _SHOWN)})" if others else ""
    return _with_labels(manifest, found, f"{table}{not_here}")


def matched(names: Iterable[str], manifest: Manifest, folder: Path) -> dict[str, str]:
    """The id of each name of a video: relative to the collection or to `folder`, or absolute; else by its last parts.

    What no video is called is left out, and so is what the last parts of several are.

    Raises:
        CollectionError: two names mean the same video.
    """
    ids = {record.id for record in manifest}
    source = Path(manifest.source or manifest.root)
    root, beside = source.parent if source.is_file() else source, folder.resolve()
    ends: dict[str, list[str]] = {}
    for identity in ids:
        parts = PurePosixPath(identity).parts
        for first in range(len(parts)):
            ends.setdefault("/".join(parts[first:]), []).append(identity)
    found: dict[str, str] = {}
    for name in names:
        place = Path(os.path.relpath(beside / name, root)).as_posix()
        here = next((each for each in (place, name) if each in ids), None) or _by_its_end(name, ends)
        if here is not None:
            found[name] = here
    _check_once(found)
    return found


def _by_its_end(name: str, ends: Mapping[str, list[str]]) -> str | None:
    """The one video whose id ends as a name does, by as many of its last parts as any."""
    parts = PurePosixPath(name).parts
    for first in range(len(parts)):
        alike = ends.get("/".join(parts[first:]))
        if alike:
            return alike[0] if len(alike) == 1 else None
    return None


def _check_once(found: Mapping[str, str]) -> None:
    names: dict[str, str] = {}
    for name, identity in found.items():
        if identity in names:
            raise CollectionError(
                f"{quoted(names[identity])} and {quoted(name)} are both {quoted(identity)}, expected each video once. "
                "Keep one row for each video."
            )
        names[identity] = name


def _with_labels(manifest: Manifest, labels: Mapping[str, dict[str, str]], labelled: str) -> Manifest:
    records = (replace(record, labels=dict(labels.get(record.id, {}))) for record in manifest)
    return replace(manifest, records=tuple(records), labelled=labelled)
