"""The data sets that come with official lists: how their folders, names and lists are arranged. Opens no video.

    UCF-101/Archery/v_Archery_g01_c01.avi              ucfTrainTestlist/classInd.txt, trainlist01.txt, testlist01.txt …
    hmdb51/wave/TrumanShow_wave_f_nm_np1_fr_med_26.avi testTrainMulti_7030_splits/wave_test_split1.txt …
    train/air_drumming/--nQbRBEz2s_000104_000114.mp4   annotations/train.csv, val.csv, test.csv

A file is known by its name: the folders it lies in and its suffix may differ. One of Kinetics may also be called
--nQbRBEz2s_104_114.mp4, or --nQbRBEz2s.mp4 where the lists name one clip only of that video.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from unreel.errors import CollectionError
from unreel.text import first_of, quoted
from unreel.video.collection.discover import Collection, CollectionFile
from unreel.video.collection.labelling import OFFICIAL
from unreel.video.collection.official_lists import (
    HMDB51_FILES,
    KINETICS_FILES,
    UCF101_FILES,
    ListedVideo,
    read_hmdb51,
    read_kinetics,
    read_ucf101,
)

LayoutName = Literal["folder", "ucf101", "hmdb51", "kinetics400", "kinetics600", "kinetics700"]
_ID_LENGTH = 11
_TIMED = re.compile(r"([A-Za-z0-9_-]{11})_([0-9]+)_([0-9]+)")
_SHOWN = 3


@dataclass(frozen=True)
class Layout:
    """A data set: its lists and the group that a file's name tells.

    `files` are the names of its lists, `folders` those of the folders that the archives keep them in, `example` is one
    of the lists; `group` finds the group in a file's name without its suffix; `timed` says that names are an id and
    two times in six digits, which a file's name may write shorter or leave out.
    """

    read: Callable[[Path], dict[str, ListedVideo]]
    files: re.Pattern[str]
    folders: tuple[str, ...]
    example: str
    group: re.Pattern[str]
    timed: bool = False

    def group_of(self, name: str) -> str:
        """The source that a video was cut from; empty where its name does not tell."""
        match = self.group.fullmatch(name)
        return match[1] if match else ""


def _kinetics(classes: int) -> Layout:
    return Layout(
        partial(read_kinetics, classes=classes),
        KINETICS_FILES,
        ("annotations", f"kinetics{classes}", f"kinetics{classes}_2020"),
        "train.csv",
        _TIMED,
        timed=True,
    )


LAYOUTS: dict[str, Layout] = {
    # v_Archery_g01_c02: the 25 groups are counted for each class anew, so g01 of two classes are two sources.
    "ucf101": Layout(
        read_ucf101, UCF101_FILES, ("ucfTrainTestlist",), "trainlist01.txt", re.compile(r"v_(\w+_g[0-9]+)_c[0-9]+")
    ),
    # TrumanShow_wave_f_nm_np1_fr_med_26: title and class, then body part, camera motion, people, side, quality, number.
    # None of the 2,291 pairs of title and class is on both sides of an official split: they are what it keeps together.
    "hmdb51": Layout(
        read_hmdb51,
        HMDB51_FILES,
        ("testTrainMulti_7030_splits",),
        "wave_test_split1.txt",
        re.compile(r"(.+)_[fhlu]_[cn]m_np[0-9]+_(?:ba|fr|le|ri)_(?:bad|goo|med)_[0-9]+"),
    ),
    "kinetics400": _kinetics(400),
    "kinetics600": _kinetics(600),
    "kinetics700": _kinetics(700),
}


def arranged(collection: Collection, name: str, lists: Path | None = None) -> Collection:
    """The collection with the classes, groups and splits of a data set; as it is with the layout `folder`.

    `lists` is the folder of the official lists or the one around it; without it they are looked for in the folder of
    videos and beside it. A group that a file has already stays, and so do other labels than "class". A file that no
    list names has no splits, and its class is what its folder is called where that is a class of the lists.

    Raises:
        CollectionError: the lists are not found or make no sense, no video of theirs is in the folder, one is twice, or
            a file's name may mean several.
    """
    if name == "folder":
        return collection
    layout = LAYOUTS[name]
    place = _place_of_lists(collection.folder, name, lists)
    listed = layout.read(place)
    known = _listed_names(collection, layout, listed)
    if not known:
        looked_for, held = list(listed), [file.id for file in collection.files]
        raise CollectionError(
            f"{collection.folder} holds none of the {len(listed)} videos that the lists in {place} name: looked for "
            f"{first_of(looked_for, _SHOWN)} with any video's suffix, found {first_of(held, _SHOWN)}. "
            f"Name the folder of the {name} videos, or the layout of these."
        )
    classes = {_folder_name(video.label): video.label for video in listed.values() if video.label}
    names = {file.id: known.get(file.id, _name(file)) for file in collection.files}
    files = tuple(_described(file, names[file.id], layout, listed, classes) for file in collection.files)
    missing = tuple(sorted(listed.keys() - set(known.values())))
    return replace(
        collection,
        files=files,
        missing=missing,
        missing_splits={each: listed[each].splits for each in missing},
        labelled=OFFICIAL,
    )


def _place_of_lists(folder: Path, name: str, lists: Path | None) -> Path:
    layout = LAYOUTS[name]
    around = [folder, folder.absolute().parent] if lists is None else [lists]
    places = [place for outer in around for place in (outer, *(outer / inner for inner in layout.folders))]
    for place in places:
        if _holds(place, layout.files):
            return place
    raise CollectionError(
        f"the official lists of {name} ({layout.example} …) are not in {', '.join(map(str, places))}. "
        "Unpack them there, or name their folder: --lists LISTS"
    )


def _holds(place: Path, names: re.Pattern[str]) -> bool:
    try:
        return any(names.fullmatch(path.name) for path in place.iterdir())
    except OSError:  # no folder, or one that may not be looked into
        return False


def _listed_names(collection: Collection, layout: Layout, listed: dict[str, ListedVideo]) -> dict[str, str]:
    """The files that the lists name: the names there by the files' ids."""
    ordered = sorted(listed) if layout.timed else []
    known: dict[str, str] = {}
    ids: dict[str, str] = {}
    for file in collection.files:
        names = [_name(file)] if _name(file) in listed else _longer(_name(file), ordered) if layout.timed else []
        if len(names) > 1:
            raise CollectionError(
                f"{collection.folder}: {quoted(file.id)} may be several clips that the lists name: "
                f"{first_of(names, _SHOWN)}. Name it after its clip."
            )
        for name in names:
            if name in ids:
                raise CollectionError(
                    f"{collection.folder} holds the video {name!r} twice: {ids[name]!r} and {file.id!r}. Keep one."
                )
            ids[name], known[file.id] = file.id, name
    return known


def _longer(name: str, ordered: Sequence[str]) -> list[str]:
    """Some of the listed names that a short one stands for: `ID_5_15` and `ID` for `ID_000005_000015`."""
    match = _TIMED.fullmatch(name)
    if match:
        start = f"{match[1]}_{int(match[2]):06}_{int(match[3]):06}"
    elif len(name) == _ID_LENGTH:
        start = f"{name}_"
    else:
        return []
    first = bisect_left(ordered, start)
    return [each for each in ordered[first : first + _SHOWN + 1] if each.startswith(start)]


def _described(
    file: CollectionFile, name: str, layout: Layout, listed: dict[str, ListedVideo], classes: dict[str, str]
) -> CollectionFile:
    """A file with what the lists say of it, or with what its name and folder tell."""
    video = listed.get(name, ListedVideo("", {}))
    label = video.label or classes.get(_folder_name(PurePosixPath(file.id).parent.name), "")
    labels = {other: value for other, value in file.labels.items() if other != "class"}
    if label:
        labels["class"] = label
    return replace(file, labels=labels, group=file.group or layout.group_of(name), splits=video.splits)


def _name(file: CollectionFile) -> str:
    return PurePosixPath(file.id).stem


def _folder_name(label: str) -> str:
    """A class as folders spell it: with spaces or underscores."""
    return label.replace("_", " ")
