"""Where the labels of a collection come from: a table beside it, its folders, another table, or nowhere.

    auto       labels.csv in the folder of videos, else folders where they look like classes, else none
    none       none: nothing is evaluated by labels
    folders    the first folder of each video is its label "class"
    TABLE      a table of labels (see `label_tables`), wherever it lies; or of segments, in any format that
               `annotations` reads: then the pieces of videos take their place (see `pieces`)

Folders look like classes where every video lies one folder deep, in two folders or more, of two videos or more each.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from unreel.annotations.media import match_media
from unreel.annotations.segments import gives_times
from unreel.errors import CollectionError
from unreel.text import first_of, quoted
from unreel.video.collection.label_tables import read_table
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.pieces import cut_by

AUTO, NONE, FOLDERS = "auto", "none", "folders"
LABELS_NAME = "labels.csv"
OFFICIAL = "official lists"
SEGMENTS = f"segments in {LABELS_NAME}"
"""Where the table beside the videos labels pieces of them, which are taken where they are asked for."""

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
    path = Path(labels)
    if path.is_file() and gives_times(path):
        return cut_by(manifest, path)
    found, others = given_by(path, {record.id: manifest.original(record) for record in manifest})
    not_here = f" ({len(others)} of its videos are not here: {first_of(others, _SHOWN)})" if others else ""
    return _with_labels(manifest, found, f"{labels}{not_here}")


def given_by(table: Path, places: Mapping[str, Path]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The labels that a table gives to videos by id, which lie at `places`, and what it names beside them.

    Raises:
        CollectionError: there is no such table, it makes no sense, or names none of the videos.
    """
    if not table.is_file():
        raise CollectionError(
            f"labels is {str(table)!r}, expected auto, none, folders or a table: there is no such file."
        )
    given = read_table(table)
    names = matched(given, places, table.parent)
    if not names:
        raise CollectionError(
            f"{table} names {len(given)} videos, of which none is among the {len(places)} that there are: "
            f"{first_of(list(given), _SHOWN)} are not {first_of(list(places), 1)}. Name paths as they are there, or "
            "relative to the table's folder."
        )
    found = {names[name]: values for name, values in given.items() if name in names}
    return found, [name for name in given if name not in names]


def matched(names: Iterable[str], places: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """The id of each name that means a video: a path that is absolute or relative to `folder`, or see `match_media`.

    `places` has where the video of each id is.

    Raises:
        CollectionError: two names mean the same video.
    """
    beside, names = folder.resolve(), list(names)
    by_place = {os.path.normpath(place): identity for identity, place in places.items()}
    here = {name: by_place.get(os.path.normpath(beside / name)) for name in names}
    others = match_media([name for name in names if here[name] is None], places).found
    found = {name: identity for name in names if (identity := here[name] or others.get(name))}
    _check_once(found)
    return found


def _check_once(found: Mapping[str, str]) -> None:
    names: dict[str, str] = {}
    for name, identity in found.items():
        if identity in names:
            raise CollectionError(
                f"{quoted(names[identity])} and {quoted(name)} are both {quoted(identity)}, expected each video once. "
                "Keep one row for each video."
            )
        names[identity] = name


def choose_label(names: Sequence[str], label: str | None, place: object, purpose: str) -> str:
    """The name of the label for a purpose: the one asked for, or the only one.

    Raises:
        CollectionError: there are none, or several and none is asked for, or not that one; `place` is named.
    """
    if not names:
        raise CollectionError(f"{place} has no labels, {purpose} needs some: {NO_LABELS}.")
    if label is None and len(names) > 1:
        raise CollectionError(f"{place} has {len(names)} labels, expected one to learn: choose --label {_or(names)}.")
    if label is not None and label not in names:
        raise CollectionError(f"{place} has no label {label!r}. Choose --label {_or(names)}.")
    return label or names[0]


def _or(names: Sequence[str]) -> str:
    return " or ".join(names)


def _with_labels(manifest: Manifest, labels: Mapping[str, dict[str, str]], labelled: str) -> Manifest:
    records = (replace(record, labels=dict(labels.get(record.id, {}))) for record in manifest)
    return replace(manifest, records=tuple(records), labelled=labelled)
