"""Data sets from their official addresses, brought into a folder that `prepare` takes as it is.

    FOLDER/                                    ucf101        hmdb51                       kinetics400
    ├── archives/    what is being unpacked
    ├── videos       UCF-101/Archery/…avi      hmdb51_org/wave/…avi                       train/…mp4, val/…mp4
    └── lists        ucfTrainTestlist/         testTrainMulti_7030_splits/                annotations/train.csv

Stopped at any point, it resumes where it was. Nothing is downloaded or unpacked twice.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from unreel.engine.files import writing
from unreel.engine.locks import locked
from unreel.errors import CollectionError, SettingsError
from unreel.extras import require
from unreel.video.collection.discover import PREPARED_MARK, find_videos
from unreel.video.collection.layouts import arranged
from unreel.video.fetch.archives import is_unpacked, rar_tool, unpack
from unreel.video.fetch.download import Patience, download, size_of
from unreel.video.fetch.remote import RemoteFile

DataSetName = Literal["ucf101", "hmdb51", "kinetics400"]
SplitName = Literal["train", "val", "test"]

ARCHIVES = "archives"
_LOCK_NAME = "fetch.lock"
_UCF101 = "https://www.crcv.ucf.edu/data/UCF101/"
_UCF101_HOMEPAGE = "https://www.crcv.ucf.edu/data/UCF101.php"
_HMDB51_HOMEPAGE = "https://serre.lab.brown.edu/hmdb51.html"
_DRIVE = "https://drive.usercontent.google.com/download?export=download&confirm=t&id="
_BROWN = "https://serre-lab.clps.brown.edu/wp-content/uploads/2013/10/"
_KINETICS = "https://s3.amazonaws.com/kinetics/400/"
_KINETICS_HOMEPAGE = "https://github.com/cvdfoundation/kinetics-dataset"
_KINETICS_ARCHIVE = re.compile(r"https?://\S+/([\w.-]+\.tar\.gz)")


@dataclass(frozen=True)
class DownloadItem:
    """A file of a data set: an archive and the folder that it is unpacked into, or a list and the folder it lies in.

    `flat` says that the folders in the archive mean nothing.
    """

    file: RemoteFile
    folder: str = "."
    flat: bool = False

    def path(self, folder: Path) -> Path:
        """Where it is downloaded to."""
        return folder / (ARCHIVES if self.file.is_archive else self.folder) / self.file.name

    def is_done(self, folder: Path) -> bool:
        """Whether there is nothing left to do for it."""
        path = self.path(folder)
        return is_unpacked(path) if self.file.is_archive else path.exists()


# The checksums are those of torchvision's prototype datasets (torchvision/prototype/datasets/_builtin: ucf101.py,
# hmdb51.py); TensorFlow Datasets (url_checksums/ucf101.txt) has the one of UCF101's lists too, with their size.
_SHA256 = {
    "UCF101TrainTestSplits-RecognitionTask.zip": "5c0d1a53b8ed364a2ac830a73f405e51bece7d98ce1254fd19ed4a36b224bd27",
    "UCF101.rar": "ca8dfadb4c891cb11316f94d52b6b0ac2a11994e67a0cae227180cd160bd8e55",
    "test_train_splits.rar": "229c94f845720d01eb3946d39f39292ea962d50a18136484aa47c1eba251d2b7",
    "hmdb51_org.rar": "9e714a0d8b76104d76e932764a7ca636f929fff66279cda3f2e326fa912a328e",
}


def _ucf101(name: str, size: int | None = None) -> DownloadItem:
    return DownloadItem(RemoteFile(name, (_UCF101 + name,), size, _SHA256[name], _UCF101_HOMEPAGE))


def _hmdb51(name: str, drive: str, folder: str = ".") -> DownloadItem:
    """Its homepage names the files at Google Drive; the older addresses are what everybody wrote down."""
    addresses = (_DRIVE + drive, _BROWN + name)
    return DownloadItem(RemoteFile(name, addresses, None, _SHA256[name], _HMDB51_HOMEPAGE), folder)


def _kinetics(place: str, folder: str, name: str = "", *, flat: bool = False) -> DownloadItem:
    file = RemoteFile(name or Path(place).name, (_KINETICS + place,), homepage=_KINETICS_HOMEPAGE)
    return DownloadItem(file, folder, flat)


_OFFICIAL = {
    "ucf101": (_ucf101("UCF101TrainTestSplits-RecognitionTask.zip", 113_943), _ucf101("UCF101.rar")),
    "hmdb51": (
        _hmdb51("test_train_splits.rar", "1NQxJWJSYWefyNS-LFYCenFih4gRDUPCX"),
        _hmdb51("hmdb51_org.rar", "17anw5Oxp7lmp9cMwXPOyOpL5olDLmPpj", "hmdb51_org"),
    ),
}

TERMS: dict[str, str] = {
    "ucf101": f"UCF101 names no licence. Its videos are YouTube's users'; see {_UCF101_HOMEPAGE} and cite Soomro, "
    "Zamir, Shah: UCF101, 2012.",
    "hmdb51": f"HMDB51 is under CC BY 4.0; see {_HMDB51_HOMEPAGE} and cite Kuehne, Jhuang, Garrote, Poggio, Serre: "
    "HMDB, 2011.",
    "kinetics400": "The lists of Kinetics-400 are under CC BY 4.0; its videos are YouTube's users', for research. See "
    f"{_KINETICS_HOMEPAGE} and cite Kay et al.: The Kinetics Human Action Video Dataset, 2017.",
}


@dataclass(frozen=True)
class FetchOptions:
    """What to take from where.

    `parts` are those of Kinetics (none named: train and val); `mirror` is an address whose folder holds the files in
    place of the official ones; with `keep_archives` they stay after they are unpacked; with `unverified` a file is
    taken whatever its size and checksum.

    Raises:
        SettingsError: a part or an address that makes no sense.
    """

    parts: tuple[SplitName, ...] = ()
    mirror: str | None = None
    keep_archives: bool = False
    unverified: bool = False
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        for part in self.parts:
            if part not in get_args(SplitName):
                raise SettingsError(f"got the part {part!r}, expected some of: {', '.join(get_args(SplitName))}.")
        if self.mirror is not None and not re.match("https?://[^/]", self.mirror):
            raise SettingsError(f"got the address {self.mirror!r}, expected http://… or https://….")


@dataclass(frozen=True)
class Fetched:
    """What a folder holds of a data set: its videos, and how many the official lists name that it does not hold."""

    folder: Path
    videos: int
    missing: int


def fetch(name: DataSetName, folder: Path, options: FetchOptions) -> Fetched:
    """Bring a data set, its videos and official lists, into `folder`.

    Raises:
        CollectionError: something cannot be downloaded or unpacked, or another process fetches into the folder.
        SettingsError: parts of a data set that has none.
        MissingExtraError: requests or rarfile is not installed.
    """
    _check(name, folder, options)
    if name != "kinetics400" and options.mirror is None:  # what a mirror holds need not be compressed
        rar_tool()
    held = CollectionError(f"another process fetches into {folder}. Let it come to its end, or name another folder.")
    with writing(folder), locked(folder / ARCHIVES / _LOCK_NAME, held, of=folder):
        for item in items(name, options):
            path = item.path(folder)
            ours = path.with_name(f".{path.name}.ours")  # and not brought by the user, of whom nothing is removed
            if not item.is_done(folder):
                if not path.exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    ours.touch()
                download(item.file, path, options.patience)
                if item.file.is_archive:
                    unpack(path, folder / item.folder, flat=item.flat)
            if ours.exists() and item.file.is_archive and not options.keep_archives:
                path.unlink(missing_ok=True)
            ours.unlink(missing_ok=True)
    collection = arranged(find_videos(folder), name)
    return Fetched(folder, len(collection.files), len(collection.missing))


def items(name: DataSetName, options: FetchOptions) -> Sequence[DownloadItem]:
    """The files of a data set in the order they are taken: lists first, for they are small. Kinetics' are asked for.

    Raises:
        CollectionError: the server does not tell the archives of Kinetics.
    """
    official = _of_kinetics(options) if name == "kinetics400" else _OFFICIAL[name]
    return tuple(_from(item, options) for item in official)


def left_to_do(name: DataSetName, folder: Path, options: FetchOptions) -> list[tuple[DownloadItem, int | None]]:
    """What `fetch` would take now, each with its size in bytes where that is known. Writes nothing.

    Raises:
        CollectionError, SettingsError, MissingExtraError: as `fetch`.
    """
    _check(name, folder, options)
    wanted = [item for item in items(name, options) if not item.is_done(folder)]
    return [(item, size_of(item.file, options.patience)) for item in wanted]


def _of_kinetics(options: FetchOptions) -> Iterator[DownloadItem]:
    parts = options.parts or ("train", "val")
    for part in parts:
        yield _kinetics(f"annotations/{part}.csv", "annotations")
    for part in parts:
        for archive in _archives_of_kinetics(part, options):
            yield _kinetics(f"{part}/{archive}", part, f"{part}/{archive}", flat=True)
    if "train" in parts:  # some 1,400 of its videos were damaged and are given anew, under their own names
        yield _kinetics("replacement_for_corrupted_k400.tgz", "train", flat=True)


def _archives_of_kinetics(part: SplitName, options: FetchOptions) -> list[str]:
    """The names of the archives of a part, as its list on the server tells them."""
    file = _from(_kinetics(f"{part}/k400_{part}_path.txt", "."), options).file
    with TemporaryDirectory() as folder:
        path = Path(folder, file.name)
        download(file, path, options.patience)
        lines = path.read_text(errors="replace").split()
    matches = [_KINETICS_ARCHIVE.fullmatch(line) for line in lines]
    names = [match[1] for match in matches if match]
    if not names or len(names) < len(lines):
        odd = next((line for line, match in zip(lines, matches, strict=True) if not match), "nothing")
        raise CollectionError(
            f"{file.addresses[0]} lists {odd!r}, expected addresses of archives (…/part_0.tar.gz). Try again later."
        )
    return names


def _from(item: DownloadItem, options: FetchOptions) -> DownloadItem:
    """The item at the mirror, if there is one."""
    file = item.file
    if options.mirror is not None:
        official = file.addresses[0]
        place = official.removeprefix(_KINETICS) if official.startswith(_KINETICS) else file.name
        file = replace(file, addresses=(f"{options.mirror.rstrip('/')}/{place}",))
    if options.unverified:
        file = replace(file, size=None, sha256="")
    return replace(item, file=file)


def _check(name: DataSetName, folder: Path, options: FetchOptions) -> None:
    """Reject at once what would otherwise fail after hours."""
    if options.parts and name != "kinetics400":
        raise SettingsError(f"got parts of {name}, which has none: its lists tell them. Leave the parts out.")
    if folder.exists() and not folder.is_dir():
        raise CollectionError(f"{folder} is a file, expected a folder or a new name.")
    if (folder / PREPARED_MARK).exists():
        raise CollectionError(f"{folder} holds prepared videos. Name another folder.")
    require("requests", "fetch")
