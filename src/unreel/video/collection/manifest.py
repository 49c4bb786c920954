"""The manifest: one row per file of a collection, what it is and whether it can be used.

PREPARED/
├── manifest.parquet      this table
└── videos/xx/….mp4       one prepared file per usable video
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePath
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, Json

from unreel.engine.files import whole
from unreel.errors import CollectionError
from unreel.reading import FileSchema, brief, check_regular, checked
from unreel.text import excerpt
from unreel.video.collection.file_names import file_named
from unreel.video.decoding.timestamps import Times

FILE_NAME = "manifest.parquet"
FORMAT = "unreel-manifest-3"
NOT_THERE = "named by the lists but not in the folder"
_WANTED = FileSchema(CollectionError, "Prepare the collection again.")
_MOST_UNPACKED, _ALWAYS = 100, 1 << 26  # times the size, and bytes besides

Natural = Annotated[int, Field(ge=0, lt=2**63)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class VideoRecord:
    """One file of a collection.

    `id` is its path inside the collection, POSIX style: its name everywhere (draws, tables, reports).
    `path` is the prepared file, relative to the manifest's folder; empty where there is none.
    `frames`, `fps`, `width`, `height` describe the prepared file; `codec`, `source_width`, `source_height`, `rotation`
    (degrees, clockwise), `size` (bytes) and `checksum` (SHA-256) the original, and these when a player shows it:
    `start` and `duration` are when the first frame comes and the last one has gone, in seconds, `constant_rate` that
    all are shown equally long, and `times` holds the times of all where they are not (`shown` reads them). `lost` of
    its frames could not be decoded. `reason` says why it is skipped, or what is to be known of it.
    `fingerprint` is what near duplicates are known by (see `collection.fingerprint`); empty where it was not taken.
    `splits` gives its part ("train", "test" or "val") of the official splits that it is in.
    `modified` is when the original was changed last, in seconds since 1970, 0 where that is not known. `duplicate_of`
    is the id of the one that is kept of its duplicates (see `collection.preference`); empty where that is this one.
    Of a piece of a video (see `collection.pieces`) `piece_of` is the id of the video, and `first` the number of the
    piece's first frame in the prepared file.
    """

    id: str
    status: Literal["ok", "skipped"]
    reason: str = ""
    path: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    group: str = ""
    frames: Natural = 0
    fps: Amount = 0.0
    width: Natural = 0
    height: Natural = 0
    duration: Amount = 0.0
    codec: str = ""
    source_width: Natural = 0
    source_height: Natural = 0
    rotation: int = 0
    size: Natural = 0
    checksum: str = ""
    splits: dict[str, str] = field(default_factory=dict)
    constant_rate: bool = True
    fingerprint: bytes = b""
    start: float = 0.0
    times: bytes = b""
    lost: int = 0
    modified: float = 0.0
    duplicate_of: str = ""
    piece_of: str = ""
    first: Natural = 0

    @property
    def shown(self) -> Times:
        """When a player shows each frame.

        Raises:
            CollectionError: the manifest is damaged.
        """
        if self.times:
            return Times.unpacked(self.times, self.frames, self.duration)
        return Times.even(self.frames, self.fps, self.start, self.duration)


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
        ("start", pa.float64()),
        ("times", pa.binary()),
        ("lost", pa.int64()),
        ("modified", pa.float64()),
        ("duplicate_of", pa.string()),
        ("piece_of", pa.string()),
        ("first", pa.int64()),
    ]
)
_LATER = ("modified", "duplicate_of", "piece_of", "first")
"""Columns that manifests written before lack."""


@dataclass(frozen=True)
class Manifest:
    """The rows of one collection, prepared or only scanned, sorted by id.

    `root` is the folder of the manifest; `source` the folder or the list the videos came from; `side` the shorter side
    of the prepared files in pixels, 0 where they were only scanned; `ignored` how many files of the folder do not even
    have a video's name, and `ignored_kinds` how many of each suffix; `missing` the names of the videos that official
    lists name but the folder does not hold, and `missing_splits` the part of every split that these would be in;
    `labelled` where the labels come from (see `collection.labelling`), empty if an earlier version noted nothing.
    """

    root: Path
    records: tuple[VideoRecord, ...]
    source: str = ""
    side: int = 0
    ignored: int = 0
    missing: tuple[str, ...] = ()
    missing_splits: dict[str, dict[str, str]] = field(default_factory=dict)
    ignored_kinds: dict[str, int] = field(default_factory=dict)
    labelled: str = ""

    def __iter__(self) -> Iterator[VideoRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    @property
    def usable(self) -> tuple[VideoRecord, ...]:
        """The videos that could be decoded."""
        return tuple(record for record in self.records if record.status == "ok")

    @property
    def skipped(self) -> tuple[VideoRecord, ...]:
        """The files that could not, each with its reason."""
        return tuple(record for record in self.records if record.status == "skipped")

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the labels that usable videos carry, sorted."""
        return tuple(sorted({name for record in self.usable for name in record.labels}))

    @property
    def split_names(self) -> tuple[str, ...]:
        """The names of the official splits that usable videos are in, sorted."""
        return tuple(sorted({name for record in self.usable for name in record.splits}))

    @property
    def reasons_to_skip(self) -> Counter[str]:
        """How many files were skipped, by reason."""
        return Counter(record.reason for record in self.skipped)

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
        reasons = {each.id: each.reason for each in self.skipped if split is None or each.splits.get(split) == part}
        absent = self.missing
        if split is not None:
            if self.missing and not self.missing_splits:
                raise CollectionError(
                    f"{self.root} was prepared by an earlier version of unreel, which did not note in which splits the "
                    f"{len(self.missing)} videos are that its lists name but the folder lacks. Prepare it again."
                )
            absent = tuple(name for name in absent if self.missing_splits.get(name, {}).get(split) == part)
        return reasons | dict.fromkeys(absent, NOT_THERE)

    def check_usable(self, place: Path | None = None) -> None:
        """Tell where no video can be used; the list of the reasons is in `place`, if there is one.

        Raises:
            CollectionError: it is so.
        """
        if not self.usable:
            reasons = ", ".join(f"{count} × {reason}" for reason, count in self.reasons_to_skip.most_common())
            told = f" The list is in {place}." if place else ""
            raise CollectionError(f"{self.source} holds no usable video: {reasons}.{told}")

    @property
    def origin(self) -> Path:
        """The folder or list that the videos come from."""
        return file_named(self.source) if self.source else self.root.resolve()

    @property
    def folder(self) -> Path:
        """The folder that the ids are relative to: the origin, or where that list is."""
        return self.origin.parent if self.origin.is_file() else self.origin

    def original(self, record: VideoRecord) -> Path:
        """Where the original of a video is, or was."""
        return file_named(str(self.folder / (record.piece_of or record.id)))

    def file(self, record: VideoRecord) -> Path:
        """Where the prepared file of a usable video is."""
        return file_named(str(self.root / record.path))

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
            "ignored_kinds": json.dumps(self.ignored_kinds),
            "missing": json.dumps(self.missing),
            "missing_splits": json.dumps(self.missing_splits),
            "labelled": self.labelled,
        }
        path = path or self.root / FILE_NAME
        with whole(path) as unfinished:
            pq.write_table(table.replace_schema_metadata(facts), unfinished, write_page_checksum=True)
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
        if path.suffix.lower() in (".csv", ".jsonl"):
            raise CollectionError(
                f"{path} is a table to look at, expected a Parquet manifest: scan to a name that ends in .parquet."
            )
        table = _table(path)
        facts = {key.decode(errors="replace"): value for key, value in (table.schema.metadata or {}).items()}
        if (found := facts.get("unreel", b"").decode(errors="replace")) != FORMAT:
            raise _WANTED.error_for(path, f"has the format {brief(found or None)}, expected {FORMAT!r}")
        told = checked(facts, _Facts, path, _WANTED)
        names = [
            each.name for each in fields(VideoRecord) if each.name not in _LATER or each.name in table.column_names
        ]
        rows = _rows(table, names, path)
        records = checked({"records": rows}, _Records, path, _WANTED).records
        if told.side and (outside := next((each.path for each in records if not _is_inside(each.path)), None)):
            raise _WANTED.error_for(path, f"has the prepared file {brief(outside)}, expected one in its folder")
        return cls(root, records, **vars(told))


@dataclass(frozen=True)
class _Facts:
    """What the file says beside its rows."""

    source: str
    side: Natural
    ignored: Natural
    missing: Json[tuple[str, ...]] = ()
    missing_splits: Json[dict[str, dict[str, str]]] = field(default_factory=dict)
    ignored_kinds: Json[dict[str, Natural]] = field(default_factory=dict)
    labelled: str = ""


@dataclass(frozen=True)
class _Records:
    records: tuple[VideoRecord, ...]

    def __post_init__(self) -> None:
        if len({each.id for each in self.records}) < len(self.records):
            raise ValueError("two rows have the same id")


def _is_inside(path: str) -> bool:
    place = PurePath(path)
    return not (place.is_absolute() or ".." in place.parts or "\0" in path)


def _table(path: Path) -> pa.Table:
    """The table of a file that takes no more memory than its size allows; its pages are as their checksums say."""
    size = check_regular(path, _WANTED)
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            facts = file.metadata
            unpacked = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
            if facts.num_rows > size or unpacked > _MOST_UNPACKED * size + _ALWAYS:  # no two rows have the same id
                raise _WANTED.error_for(path, f"has {facts.num_rows:,} rows in {size:,} bytes, which cannot be right")
            table = file.read(use_threads=False)
            table.validate(full=True)
            return table
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        fault = f"cannot be read as a Parquet table ({excerpt(error)})"
        raise _WANTED.error_for(path, fault) from error


def _rows(table: pa.Table, names: Sequence[str], path: Path) -> list[dict[str, object]]:
    """The rows as plain values, of the types that they were written with."""
    try:
        chosen = table.select(names).cast(pa.schema([_SCHEMA.field(name) for name in names]))
        rows: list[dict[str, object]] = chosen.to_pylist(maps_as_pydicts="strict")
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise _WANTED.error_for(path, f"has other columns ({excerpt(error)})") from None
    return rows


def is_prepared(folder: Path) -> bool:
    """Whether `folder` is the output of `unreel prepare`."""
    return (folder / FILE_NAME).is_file()
