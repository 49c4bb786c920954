"""The collections that a table needs: where they lie, how many videos they hold. Opens no video."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from unreel.errors import CollectionError
from unreel.video.collection.discover import CollectionFile
from unreel.video.collection.manifest import Manifest, VideoRecord, is_prepared
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
    return _source(name, folder, CollectionOptions(layout=name, lists=lists))


def folder_of_videos(name: str, folder: Path, group_pattern: str | None = None) -> Source:
    """Any folder of videos, or of prepared ones.

    Raises:
        CollectionError: no video is in it, or the group pattern does not fit.
    """
    return _source(name, folder.absolute(), CollectionOptions(group_pattern=group_pattern))


def _source(name: str, folder: Path, options: CollectionOptions) -> Source:
    begin = (name, folder, options.layout, options.lists, options.group_pattern)
    if is_prepared(folder):
        manifest = Manifest.read(folder)
        size = sum(each.size for each in manifest)
        counts = (len(manifest), len(manifest.missing), size, _parts(manifest))
        return Source(*begin, *counts, prepared=True, origin=Path(manifest.source))
    collection = options.collection(folder)
    size = sum(each.path.stat().st_size for each in collection.files if each.path.is_file())
    return Source(*begin, len(collection.files), len(collection.missing), size, _parts(collection.files))


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


def _parts(videos: Iterable[VideoRecord | CollectionFile]) -> dict[str, dict[str, int]] | None:
    """How many videos each part of each split has; None without splits."""
    counts = Counter((split, part) for video in videos for split, part in video.splits.items())
    parts: dict[str, dict[str, int]] = {}
    for (split, part), count in sorted(counts.items()):
        parts.setdefault(split, {})[part] = count
    return parts or None
