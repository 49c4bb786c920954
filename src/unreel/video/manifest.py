"""The manifest: one row per file of a collection, what it is and whether it can be used.

PREPARED/
├── manifest.parquet      this table
└── videos/xx/….mp4       one prepared file per usable video
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from unreel.engine.files import whole
from unreel.errors import CollectionError

FILE_NAME = "manifest.parquet"
FORMAT = "unreel-manifest-1"
NOT_THERE = "named by the lists but not in the folder"


@dataclass(frozen=True)
class VideoRecord:
    """One file of a collection.

    `id` is its path inside the collection, POSIX style: its name everywhere (draws, tables, reports).
    `path` is the prepared file, relative to the manifest's folder; empty where there is none.
    `frames`, `fps`, `width`, `height` describe the prepared file; `codec`, `source_width`, `source_height`, `rotation`
    (degrees, clockwise), `duration` (seconds), `constant_rate`, `size` (bytes) and `checksum` (SHA-256) the original.
    `fingerprint` is what near duplicates are known by (see `unreel.video.fingerprint`); empty where it was not taken.
    `splits` gives its part ("train", "test" or "val") of the official splits that it is in.
    """

    id: str
    status: Literal["ok", "refused"]
    reason: str = ""
    path: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    group: str = ""
    frames: int = 0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    duration: float = 0.0
    codec: str = ""
    source_width: int = 0
    source_height: int = 0
    rotation: int = 0
    size: int = 0
    checksum: str = ""
    splits: dict[str, str] = field(default_factory=dict)
    constant_rate: bool = True
    fingerprint: bytes = b""


_MAPS = ("labels", "splits")
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("path", pa.string()),
        ("labels", pa.map_(pa.string(), pa.string())),
        ("group", pa.string()),
        ("frames", pa.int64()),
        ("fps", pa.float64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("duration", pa.float64()),
        ("codec", pa.string()),
        ("source_width", pa.int32()),
        ("source_height", pa.int32()),
        ("rotation", pa.int32()),
        ("size", pa.int64()),
        ("checksum", pa.string()),
        ("splits", pa.map_(pa.string(), pa.string())),
        ("constant_rate", pa.bool_()),
        ("fingerprint", pa.binary()),
    ]
)


@dataclass(frozen=True)
class Manifest:
    """The rows of one collection, prepared or only scanned, sorted by id.

    `root` is the folder of the manifest; `source` the folder or the list the videos came from; `side` the shorter side
    of the prepared files in pixels, 0 where they were only scanned; `ignored` how many files of the folder do not even
    have a video's name; `missing` the names of the videos that official lists name but the folder does not hold, and
    `missing_splits` the part of every split that these would be in.
    """

    root: Path
    records: tuple[VideoRecord, ...]
    source: str = ""
    side: int = 0
    ignored: int = 0
    missing: tuple[str, ...] = ()
    missing_splits: dict[str, dict[str, str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[VideoRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def usable(self) -> tuple[VideoRecord, ...]:
        """The videos that could be decoded."""
        return tuple(record for record in self.records if record.status == "ok")

    @property
    def refused(self) -> tuple[VideoRecord, ...]:
        """The files that could not, each with its reason."""
        return tuple(record for record in self.records if record.status == "refused")

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the labels that usable videos carry, sorted."""
        return tuple(sorted({name for record in self.usable for name in record.labels}))

    @property
    def split_names(self) -> tuple[str, ...]:
        """The names of the official splits that usable videos are in, sorted."""
        return tuple(sorted({name for record in self.usable for name in record.splits}))

    @property
    def refusals(self) -> Counter[str]:
        """How many files were refused, by reason."""
        return Counter(record.reason for record in self.refused)

    def parts(self, split: str) -> dict[str, tuple[VideoRecord, ...]]:
        """The usable videos of each part ("train", "test", "val") of an official split, sorted by id.

        Raises:
            CollectionError: there is no such split.
        """
        if split not in self.split_names:
            raise self._without(split)
        parts: dict[str, list[VideoRecord]] = {}
        for record in self.usable:
            if split in record.splits:
                parts.setdefault(record.splits[split], []).append(record)
        return {part: tuple(records) for part, records in sorted(parts.items())}

    def chosen_splits(self, names: Sequence[str]) -> tuple[str, ...]:
        """These names of splits; "all" alone stands for all that there are.

        Raises:
            CollectionError: it stands for none.
        """
        if tuple(names) != ("all",):
            return tuple(names)
        if not self.split_names:
            raise self._without("all")
        return self.split_names

    def _without(self, split: str) -> CollectionError:
        held = ", ".join(self.split_names) or "none; prepare the data set with --layout to give it some"
        return CollectionError(f"{self.source or self.root} has no split {split!r}. Its splits are: {held}.")

    def unseen(self, split: str | None = None, part: str = "") -> dict[str, str]:
        """Every video that should be there, or in a part of a split, but is of no use: its name and the reason.

        Raises:
            CollectionError: the manifest does not say in which part the missing videos would be.
        """
        reasons = {each.id: each.reason for each in self.refused if split is None or each.splits.get(split) == part}
        absent = self.missing
        if split is not None:
            if self.missing and not self.missing_splits:
                raise CollectionError(
                    f"{self.root} was prepared by an earlier version of unreel, which did not note in which splits the "
                    f"{len(self.missing)} videos are that its lists name but the folder lacks. Prepare it again."
                )
            absent = tuple(name for name in absent if self.missing_splits.get(name, {}).get(split) == part)
        return reasons | dict.fromkeys(absent, NOT_THERE)

    def file(self, record: VideoRecord) -> Path:
        """Where the prepared file of a usable video is."""
        return self.root / record.path

    def write(self, path: Path | None = None) -> Path:
        """Write `root/manifest.parquet`, or another file, whole or not at all."""
        rows = [asdict(record) for record in self]
        for row in rows:
            row |= {name: list(row[name].items()) for name in _MAPS}
        table = pa.Table.from_pylist(rows, _SCHEMA)
        facts = {
            "unreel": FORMAT,
            "source": self.source,
            "side": str(self.side),
            "ignored": str(self.ignored),
            "missing": json.dumps(self.missing),
            "missing_splits": json.dumps(self.missing_splits),
        }
        path = path or self.root / FILE_NAME
        with whole(path) as unfinished:
            pq.write_table(table.replace_schema_metadata(facts), unfinished)
        return path

    @classmethod
    def read(cls, place: Path) -> "Manifest":
        """The manifest of a prepared folder, or the one that a scan has written.

        Raises:
            CollectionError: there is none, or it is not one of ours.
        """
        root, path = (place.parent, place) if place.is_file() else (place, place / FILE_NAME)
        if not path.is_file():
            raise CollectionError(
                f"{root} is no prepared collection: it holds no {FILE_NAME}. Make one: unreel prepare FOLDER {root}"
            )
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise CollectionError(
                f"{path} cannot be read as a Parquet table ({error}). Prepare the collection again."
            ) from error
        facts = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        if facts.get("unreel") != FORMAT:
            raise CollectionError(
                f"{path} has the format {facts.get('unreel')!r}, expected {FORMAT!r}. Prepare the collection again."
            )
        later = {"splits", "constant_rate", "fingerprint"} - set(table.column_names)  # than the first manifests
        names = [entry.name for entry in fields(VideoRecord) if entry.name not in later]
        rows = table.select(names).to_pylist()
        records = tuple(VideoRecord(**(row | {name: dict(row.get(name, ())) for name in _MAPS})) for row in rows)
        missing = tuple(json.loads(facts.get("missing", "[]")))
        splits = json.loads(facts.get("missing_splits", "{}"))
        return cls(root, records, facts["source"], int(facts["side"]), int(facts["ignored"]), missing, splits)


def is_prepared(folder: Path) -> bool:
    """Whether `folder` is the output of `unreel prepare`."""
    return (folder / FILE_NAME).is_file()
