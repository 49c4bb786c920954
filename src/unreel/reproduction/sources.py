"""The collections that a table needs: where they lie, how many videos they hold. Opens no video."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unreel.errors import CollectionError
from unreel.video.layouts import LAYOUTS
from unreel.video.manifest import Manifest, is_prepared
from unreel.video.options import CollectionOptions

FOLDERS = {
    "kinetics400": ("kinetics400", "kinetics-400", "k400", "Kinetics-400"),
    "ucf101": ("UCF-101", "UCF101", "ucf101"),
    "hmdb51": ("hmdb51", "HMDB51", "hmdb51_org"),
}


@dataclass(frozen=True)
class Source:
    """A collection: its name here, its folder, its layout, and what is known of it without opening a video.

    `videos` counts the files, `learnt` those of the training part (all without one), `size` is their bytes. `prepared`
    says that it is used as it is.
    """

    name: str
    folder: Path
    layout: str
    group_pattern: str | None
    videos: int
    learnt: int
    size: int
    grouped: bool
    prepared: bool = False


def found(name: str, given: Path | None, data: Path) -> Source:
    """An official data set: the folder that was given, or the one in `data` that has one of its usual names.

    Raises:
        CollectionError: there is none, or it does not fit its lists.
    """
    places = [given] if given else [data / each for each in FOLDERS[name]]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        option = "--pretrain-data" if name == "kinetics400" else f"--{name}"
        raise CollectionError(
            f"{name} is not in {', '.join(map(str, places))}. Put its folder there (unreel fetch {name}), or "
            f"name it: {option} FOLDER"
        )
    return opened(name, folder, layout=name)


def opened(name: str, folder: Path, *, layout: str = "folder", group_pattern: str | None = None) -> Source:
    """A collection in a folder, looked through by names only; a prepared one by its manifest.

    Raises:
        CollectionError: no video is in it, or it does not fit its layout or pattern.
    """
    if is_prepared(folder):
        manifest = Manifest.read(folder)
        learnt = [each for each in manifest.usable if each.splits.get("1", "train") == "train"]
        size, grouped = sum(each.size for each in manifest), any(each.group for each in manifest.usable)
        facts: dict[str, Any] = {"videos": len(manifest.usable), "learnt": len(learnt), "size": size}
        return Source(name, folder, layout, group_pattern, **facts, grouped=grouped, prepared=True)
    if layout == "kinetics400" and not _has_lists(folder, layout):
        layout = "folder"  # pretraining asks for no labels: any folder will do
    collection = CollectionOptions(layout=layout, group_pattern=group_pattern).collection(folder)
    learnt_files = [each for each in collection.files if each.splits.get("1", "train") == "train"]
    return Source(
        name,
        folder,
        layout,
        group_pattern,
        videos=len(collection.files),
        learnt=len(learnt_files),
        size=sum(each.path.stat().st_size for each in collection.files if each.path.is_file()),
        grouped=any(each.group for each in collection.files),
    )


def _has_lists(folder: Path, layout: str) -> bool:
    official = LAYOUTS[layout]
    around = [place / inner for place in (folder, folder.absolute().parent) for inner in ("", *official.folders)]
    return any(official.files.fullmatch(each.name) for place in around if place.is_dir() for each in place.iterdir())
