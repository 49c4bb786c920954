"""The collections that a table needs: where they lie, how many videos they hold. Opens no video."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unreel.errors import CollectionError
from unreel.video.collection.discover import Collection
from unreel.video.collection.manifest import Manifest, is_prepared
from unreel.video.collection.options import CollectionOptions

FOLDERS: Mapping[str, tuple[str, ...]] = {
    "kinetics400": ("kinetics400", "kinetics-400", "Kinetics-400", "k400"),
    "ucf101": ("UCF-101", "UCF101", "ucf101"),
    "hmdb51": ("hmdb51", "HMDB51", "hmdb51_org"),
}
TRAINING_PART = "train"
"""Where Kinetics keeps the videos to learn from."""


@dataclass(frozen=True)
class Source:
    """A collection: its name among the jobs, its folder, and what is known of it without opening a video.

    `files` counts its videos, `missing` those that its lists name but the folder lacks, `size` is in bytes; `parts` are
    the sizes of the parts of its official splits. `prepared` says that it is used as it is; its videos came from
    `origin`.
    """

    name: str
    folder: Path
    layout: str = "folder"
    lists: Path | None = None
    group_pattern: str | None = None
    files: int = 0
    missing: int = 0
    size: int = 0
    parts: Mapping[str, Mapping[str, int]] | None = None
    prepared: bool = False
    origin: Path | None = None

    @property
    def seen(self) -> str:
        """How many videos there are of those that there should be."""
        expected = self.files + self.missing
        return f"{self.files:,} of {expected:,} videos{' (!)' if self.missing else ''}"

    def may_hold(self, other: "Source") -> bool:
        """Whether the other's videos lie in the folder that these came from."""
        return (other.origin or other.folder).resolve().is_relative_to((self.origin or self.folder).resolve())


def pretraining(given: Path | None, data: Path) -> Source:
    """The videos to pretrain on: of Kinetics those of its training part, where it has a folder; labels play no part.

    Raises:
        CollectionError: there are none.
    """
    folder = _folder("kinetics400", given, data, "--pretrain-data")
    part = folder / TRAINING_PART
    return folder_of_videos("pretraining", part if part.is_dir() and not is_prepared(folder) else folder)


def official(name: str, given: Path | None, data: Path, lists: Path | None, splits: tuple[str, ...]) -> Source:
    """A data set with its official lists: the folder that was given, or the one in `data` that has a usual name.

    Raises:
        CollectionError: there is none, it does not fit its lists, or it was prepared without them.
    """
    folder = _folder(name, given, data, f"--{name}")
    if is_prepared(folder):
        manifest = Manifest.read(folder)
        for split in splits:
            manifest.parts(split)
        known = {each.id: each.splits for each in manifest}
        size = sum(each.size for each in manifest)
        return Source(
            name, folder, name, None, None, len(known), len(manifest.missing), size, _parts(known), prepared=True
        )
    collection = CollectionOptions(layout=name, lists=lists).collection(folder)
    parts = _parts({each.id: each.splits for each in collection.files})
    return Source(
        name, folder, name, lists, None, len(collection.files), len(collection.missing), _size(collection), parts
    )


def folder_of_videos(name: str, folder: Path, group_pattern: str | None = None) -> Source:
    """Any folder of videos, or of prepared ones.

    Raises:
        CollectionError: no video is in it, or the group pattern does not fit.
    """
    folder = folder.absolute()
    if is_prepared(folder):
        manifest = Manifest.read(folder)
        files, size, origin = len(manifest), sum(each.size for each in manifest), Path(manifest.source)
        return Source(name, folder, group_pattern=group_pattern, files=files, size=size, prepared=True, origin=origin)
    collection = CollectionOptions(group_pattern=group_pattern).collection(folder)
    return Source(name, folder, group_pattern=group_pattern, files=len(collection.files), size=_size(collection))


def _folder(name: str, given: Path | None, data: Path, option: str) -> Path:
    places = [given] if given else [data / each for each in FOLDERS[name]]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        looked = str(given) if given else f"{data} under the name {' or '.join(FOLDERS[name])}"
        raise CollectionError(
            f"{name} is not there: looked for {looked}. Bring it (unreel fetch {name}), or name its folder: {option} "
            "FOLDER"
        )
    return folder.absolute()


def _parts(splits: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, int]]:
    """How many videos each part of each split has."""
    counts = Counter((split, part) for own in splits.values() for split, part in own.items())
    parts: dict[str, dict[str, int]] = {}
    for (split, part), count in sorted(counts.items()):
        parts.setdefault(split, {})[part] = count
    return parts


def _size(collection: Collection) -> int:
    return sum(each.path.stat().st_size for each in collection.files if each.path.is_file())
