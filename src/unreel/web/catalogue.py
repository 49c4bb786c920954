"""What is shown: the videos of one collection, and the tables of one or more encoders that have seen them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from unreel.errors import CollectionError, SettingsError
from unreel.search.filters import parse_filter
from unreel.search.rows import EmbeddingRow
from unreel.search.table import EmbeddingTable

ORDERS: Final = {"name": "", "label": "label", "shortest": "end", "longest": "-end", "largest": "-size"}
"""What videos can be sorted by: a column, with "-" before it from the largest on."""

NEXT: Final = "next"
"""The order in which to label videos: see `web.guesses`."""

KEY: Final = "^[0-9a-f]{16}$"
LONGEST_TEXT: Final = 200


@dataclass(frozen=True)
class Video:
    """A video of the collection; `key` is all that a browser knows of where it is, the same for ever."""

    key: str
    row: EmbeddingRow


@dataclass(frozen=True)
class CatalogueEncoder:
    """One encoder: its number, a `name` that no other has, its table, and the `ids` of the videos in it."""

    number: int
    name: str
    table: EmbeddingTable
    ids: frozenset[str] = field(repr=False, compare=False)


@dataclass(frozen=True)
class VideoFilter:
    """Which videos: with `text` in their name or label, of a `label`, and under a condition (`where`)."""

    text: str = ""
    label: str = ""
    where: str = ""

    def condition(self, *, but: str = "") -> str | None:
        """The condition, for a table; the video with the id `but` is left out.

        Raises:
            SettingsError: `where` is no condition by itself.
        """
        parts = []
        if self.text:
            pattern = quoted(f"%{self.text.replace(chr(92), '_')}%")
            parts.append(f"(id ILIKE {pattern} OR label ILIKE {pattern})")
        if self.label:
            parts.append(f"label = {quoted(self.label)}")
        if self.where.strip():
            parse_filter(self.where)  # or it could reach beyond its parentheses
            parts.append(f"({self.where})")
        if but:
            parts.append(f"id != {quoted(but)}")
        return " AND ".join(parts) or None


def quoted(text: str) -> str:
    """A text as a condition holds it."""
    return "'" + text.replace("'", "''") + "'"


def key_of(identity: str) -> str:
    """The key of a video."""
    return sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()[:16]


@final
class Catalogue:
    """The tables, opened once: what is embedded later is shown after a new start."""

    def __init__(self, tables: Sequence[EmbeddingTable]) -> None:
        self.shown: list[CatalogueEncoder] = []
        self.videos: dict[str, Video] = {}
        for number, (name, table) in enumerate(zip(_names(tables), tables, strict=True)):
            rows = table.rows(kind="video")
            table.load("video")  # what is wrong with the vectors is told now
            self.shown.append(CatalogueEncoder(number, name, table, frozenset(row.id for row in rows)))
            for row in rows:
                video = self.videos.setdefault(key_of(row.id), Video(key_of(row.id), row))
                if (video.row.id, video.row.path) != (row.id, row.path):
                    raise CollectionError(
                        f"{table.place} has {row.id!r} at {row.path}, expected {video.row.path} as {tables[0].place} "
                        "has it: only tables of one collection are shown together. Serve them apart."
                    )
        if not self.videos:
            raise CollectionError(f"{tables[0].place} holds no video. Embed some: unreel embed RUN FOLDER --out TABLE")
        self._listed = [video for video in self.videos.values() if video.row.id in self.shown[0].ids]
        self.labels = Counter(video.row.label for video in self.videos.values() if video.row.label)

    @property
    def sources(self) -> list[str]:
        """The folders or lists that the videos come from."""
        return sorted({video.row.source for video in self.videos.values()})

    @property
    def title(self) -> str:
        """What to call the collection."""
        return ", ".join(Path(source).name or source for source in self.sources)

    @classmethod
    def open(cls, places: Sequence[Path | str]) -> "Catalogue":
        """The tables at these places.

        Raises:
            CollectionError: one is no table, holds nothing, or is of another collection than the first.
        """
        return cls([EmbeddingTable.open(place) for place in places])

    def video(self, identity: str) -> Video:
        """The video with an id that a table has told."""
        return self.videos[key_of(identity)]

    def find(self, wanted: VideoFilter, order: str, given: Mapping[str, str]) -> list[Video]:
        """The wanted videos of the first table; a text is also looked for in `given` labels (by key).

        Raises:
            SettingsError: there is no such order, or `where` is no condition.
        """
        if order not in ORDERS:
            raise SettingsError(f"order is {order!r}, expected one of: {', '.join(ORDERS)}.")
        text, condition = wanted.text.lower(), VideoFilter(where=wanted.where).condition()
        rows = None if condition is None else self.shown[0].table.rows(condition, kind="video")
        videos = self._listed if rows is None else [self.video(row.id) for row in rows]
        found = [
            video
            for video in videos
            if wanted.label in ("", video.row.label)
            and text in f"{video.row.id}\n{video.row.label}\n{given.get(video.key, '')}".lower()
        ]
        column = ORDERS[order].removeprefix("-")
        if not column:
            return found
        return sorted(found, key=lambda video: getattr(video.row, column), reverse=ORDERS[order].startswith("-"))


def _names(tables: Sequence[EmbeddingTable]) -> list[str]:
    """A name for each: the encoder's, with level and weights where these tell it from others."""
    names = [table.facts.encoder for table in tables]
    told = [
        (f"{facts.encoder}, level {facts.level}", f"{facts.encoder} {facts.checkpoint[:6]}, level {facts.level}")
        for facts in (table.facts for table in tables)
    ]
    for finer in (0, 1):
        names = [told[place][finer] if names.count(name) > 1 else name for place, name in enumerate(names)]
    return [f"{name} ({place + 1})" if names.count(name) > 1 else name for place, name in enumerate(names)]
