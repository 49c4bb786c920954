"""Features for other tools: a folder with a file of vectors for each video, and one that says how they were made.

FEATURES/
├── walk/daria.npy      float32 (windows, channels), of windows from every `every` seconds on
├── features.json       the facts of a table, and in "database" by the name of each file its video
└── embed.lock          held by who writes

A file is written whole, and its video is noted before: what is noted and there is done. Tools for temporal action
localisation find a video by its name in a "database", as ActivityNet's annotations have it, and its file by that name.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from unreel.engine.files import check_free, is_unfinished, whole, write_whole, writing
from unreel.engine.locks import locked
from unreel.errors import CollectionError, OverwriteError
from unreel.reading import FileSchema, brief, check_regular, parse_json, read_text
from unreel.search.metadata import TableFacts
from unreel.search.rows import vectors_of
from unreel.text import excerpt, first_of
from unreel.video.collection.manifest import VideoRecord

LISTING, _LOCK, _SUFFIX = "features.json", "embed.lock", ".npy"
_WANTED = FileSchema(CollectionError, "Embed the videos again, into a new folder.")
_FILE_WANTED = FileSchema(CollectionError, "Remove it, and the same command makes it again.")


@dataclass(frozen=True)
class FeatureEntry:
    """A video in features.json: row k of its file is shown from k · every to k · every + `window` seconds.

    `duration` (seconds), `frame` (how many there are), `fps`, `subset` (the part of the official splits, where it is
    the same in all) and `annotations` are as tools read them; annotations that others have added are kept.
    """

    id: str
    source: str
    checksum: str
    duration: float
    fps: float
    frame: int
    windows: int
    window: float
    subset: str = ""
    annotations: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class _Listing:
    database: dict[str, FeatureEntry]


def is_feature_folder(place: Path | str) -> bool:
    """Whether a place means a file for each video: FOLDER/*.npy."""
    return Path(place).name == f"*{_SUFFIX}"


def file_names(ids: Iterable[str]) -> dict[str, str]:
    """The file of each video inside the folder, without its suffix: the video's name and folders.

    Where two would have the same, the video's own suffix or a checksum of its name tells them apart.
    """
    paths = {identity: _inside(identity) for identity in ids}
    names = {identity: str(path.with_suffix("")) for identity, path in paths.items()}
    for attempt in range(2):
        counts = Counter(names.values())
        for identity, path in paths.items():
            if counts[names[identity]] > 1:
                names[identity] = f"{path}.{sha256(identity.encode()).hexdigest()[:12]}" if attempt else str(path)
    return names


def _inside(identity: str) -> PurePosixPath:
    """A relative path that leads nowhere else: of a list, a video may lie anywhere."""
    parts = (part for part in PurePosixPath(identity).parts if part.strip("/"))
    return PurePosixPath(*("_" if part == ".." else part for part in parts))


@contextmanager
def claimed_folder(place: Path | str, videos: Mapping[str, VideoRecord], source: str) -> "Iterator[FeatureFolder]":
    """The features at FOLDER/*.npy of these videos of a source, kept from other processes that would write there.

    Raises:
        OverwriteError: the folder holds something else.
        CollectionError: it is damaged.
        OutputError: it cannot be written.
    """
    folder = Path(place).parent
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir() if not is_unfinished(path)}
    if LISTING not in names and (others := names - {_LOCK}):
        raise OverwriteError(f"{folder} holds {first_of(sorted(others), 3)} and no features: name a new folder.")
    with locked(folder / _LOCK, of=folder):
        yield FeatureFolder(folder, videos, source)


@final
class FeatureFolder:
    """Writes the features of `videos`, the usable ones of `source`, as `LanceStore` writes a table."""

    def __init__(self, folder: Path, videos: Mapping[str, VideoRecord], source: str) -> None:
        self.place = str(folder / f"*{_SUFFIX}")
        self._folder, self._path, self._records = folder, folder / LISTING, videos
        self._facts: TableFacts | None = None
        self._held: dict[str, FeatureEntry] = {}
        if self._path.exists():
            self._read()
        others = [entry.id for entry in self._held.values() if entry.source != source]
        self._names = file_names(dict.fromkeys([*others, *videos]))

    def _read(self) -> None:
        text = read_text(self._path, _WANTED)
        self._held = parse_json(text, _Listing, self._path, _WANTED).database
        for name in self._held:
            if str(_inside(name)) != name or "\0" in name:
                raise _WANTED.error_for(self._path, f"names the file {brief(name)}, expected one in its folder")
        content = json.loads(text)
        del content["database"]
        self._facts = TableFacts.from_json(json.dumps(content), str(self._path))

    @property
    def exists(self) -> bool:
        """Whether there are features."""
        return self._facts is not None

    def facts(self) -> TableFacts:
        """How the vectors were made; only where there are features."""
        assert self._facts is not None
        return self._facts

    def check(self) -> None:
        """Look at every file.

        Raises:
            CollectionError: one is another than was written.
        """
        with writing(self._folder):
            files = [(self._file(name), entry) for name, entry in self._held.items() if self._file(name).exists()]
        for path, entry in files:
            check_regular(path, _FILE_WANTED)
            expected = f"float32 ({entry.windows}, {self.facts().width})"
            if (found := _kind_of(path)) != expected:
                raise _FILE_WANTED.error_for(path, f"is not as `unreel embed` wrote it: {found}, not {expected}")

    def videos(self) -> Iterator[dict[str, str]]:
        """Of each video its id, source and checksum; without one where its file is not there, or not in its place."""
        for name, entry in self._held.items():
            done = self._names.get(entry.id, name) == name and self._file(name).exists()
            checksum = entry.checksum if done else ""
            yield {"id": entry.id, "source": entry.source, "checksum": checksum, "path": "", "labels": ""}

    def begin(self, facts: TableFacts) -> None:
        """Note the facts, and which videos there are."""
        self._facts = facts
        content = json.loads(facts.to_json())
        content["database"] = {name: asdict(entry) for name, entry in sorted(self._held.items())}
        write_whole(self._path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def remove(self, ids: Sequence[str]) -> None:
        """Remove the files of these videos."""
        gone = set(ids)
        with writing(self._folder):
            for name in [name for name, entry in self._held.items() if entry.id in gone]:
                self._file(name).unlink(missing_ok=True)
                del self._held[name]

    def append(self, rows: pa.Table) -> None:
        """Write a file for each of the videos of these rows.

        Raises:
            OverwriteError: there is one already, which is not of `unreel embed`.
        """
        windows = rows.filter(pc.equal(rows["kind"], "clip"))
        new = {
            identity: windows.filter(pc.equal(windows["id"], identity)) for identity in rows["id"].unique().to_pylist()
        }
        for identity, own in new.items():
            check_free(self._file(self._names[identity]))
            self._held[self._names[identity]] = self._entry(own)
        self.begin(self.facts())
        for identity, own in new.items():
            with whole(self._file(self._names[identity])) as unfinished, unfinished.open("wb") as file:
                np.save(file, vectors_of(own), allow_pickle=False)

    def finish(self) -> None:
        """Nothing is left to do."""

    def _entry(self, windows: pa.Table) -> FeatureEntry:
        """What is noted of the video of these rows."""
        first = windows.slice(0, 1).to_pylist()[0]
        record = self._records[first["id"]]
        parts = set(record.splits.values())
        return FeatureEntry(
            id=record.id,
            source=first["source"],
            checksum=record.checksum,
            duration=record.duration,
            fps=record.fps,
            frame=record.frames,
            windows=len(windows),
            window=round(first["end"] - first["start"], 6),
            subset=parts.pop() if len(parts) == 1 else "",
        )

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"


def _kind_of(path: Path) -> str:
    """Type and shape of the array of a file, or why there is none."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        return f"{array.dtype} {array.shape}"
    except (OSError, ValueError, EOFError) as error:
        return excerpt(error)
