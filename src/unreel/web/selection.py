"""What can be selected: a video, or a piece of one; as forms, addresses and programs write it.

0123456789abcdef                      a video
0123456789abcdef@1.25-2.5             its piece from 1.25 to 2.5 s
0123456789abcdef@1.25-2.5~0.913       the same, found with that similarity
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from unreel.annotations.cells import decode
from unreel.errors import SettingsError
from unreel.text import quoted
from unreel.video.collection.label_tables import written_paths
from unreel.web.catalogue import Catalogue, Video

PATTERN: Final = r"^[0-9a-f]{16}(@\d{1,7}(\.\d{1,6})?-\d{1,7}(\.\d{1,6})?)?(~-?[01](\.\d{1,6})?)?$"
MOST: Final = 10_000
LARGEST_LIST: Final = 2_000_000
"""Bytes of a list that is opened as a selection."""

LONGEST_CONDITIONS: Final = 8000
"""Letters of the conditions that find what is selected."""

_LONGEST_NAME = 4096
_A_LIST = "Open one with a path a line, or a table with a column of paths, such as the csv of a selection."
_PARTS = re.compile(r"(?P<key>[0-9a-f]{16})(?:@(?P<start>[\d.]+)-(?P<end>[\d.]+))?(?:~(?P<similarity>[-\d.]+))?")


@dataclass(frozen=True)
class SelectedVideo:
    """A video, or its piece from `start` to `end` in seconds where `is_piece`; `similarity` where it was found."""

    video: Video
    start: float
    end: float
    is_piece: bool
    similarity: float | None = None

    @property
    def name(self) -> str:
        """How it is written, without the similarity."""
        return name_of(self.video, (self.start, self.end) if self.is_piece else None)


def name_of(video: Video, piece: tuple[float, float] | None = None) -> str:
    """How a video, or a piece of it, is written."""
    return video.key if piece is None else f"{video.key}@{piece[0]:.3f}-{piece[1]:.3f}"


def read_items(catalogue: Catalogue, names: Sequence[str]) -> list[SelectedVideo]:
    """The items of these names, each once.

    Raises:
        SettingsError: one is no such name or no such video, or there are too many.
    """
    if len(names) > MOST:
        raise SettingsError(f"got {len(names)} selected items, expected at most {MOST}: select fewer.")
    items: dict[str, SelectedVideo] = {}
    for name in names:
        item = _read(catalogue, name)
        items.setdefault(item.name, item)
    return list(items.values())


def _read(catalogue: Catalogue, name: str) -> SelectedVideo:
    found = _PARTS.fullmatch(name) if re.match(PATTERN, name) else None
    if found is None or found["key"] not in catalogue.videos:
        raise SettingsError(
            f"got {quoted(name)} as a selected item, which is not one of this collection. Select it again in the page."
        )
    video = catalogue.videos[found["key"]]
    similarity = None if found["similarity"] is None else float(found["similarity"])
    if found["start"] is None:
        return SelectedVideo(video, 0.0, video.row.end, False, similarity)
    start, end = float(found["start"]), float(found["end"])
    if not start < end:
        raise SettingsError(f"got a piece from {start:g} to {end:g} s, expected one that ends after it begins.")
    return SelectedVideo(video, start, end, True, similarity)


@dataclass(frozen=True)
class ListedVideos:
    """What a list or a table names, each once; `unknown` names are of no video of this collection."""

    videos: list[Video]
    unknown: int


def listed_videos(catalogue: Catalogue, content: bytes) -> ListedVideos:
    """The videos that a list names, one a line, or a table in a column of paths: by path, or by their names here.

    Raises:
        SettingsError: it is too large, no text, or names nothing of this collection.
    """
    if len(content) > LARGEST_LIST:
        raise SettingsError(f"got a list of more than {LARGEST_LIST} bytes, expected a smaller one: cut it in two.")
    try:
        names = written_paths(decode(content))
    except ValueError as error:
        raise SettingsError(f"got a file that is no list: {error}. {_A_LIST}") from None
    known = {name: video for video in catalogue.videos.values() for name in (video.row.path, video.row.id)}
    named = [_longest_known(known, name) for name in names]
    found = {video.key: video for video in named if video is not None}
    if not found:
        raise SettingsError(f"got a list that names no video of this collection. {_A_LIST}")
    return ListedVideos(list(found.values()), named.count(None))


def _longest_known(known: Mapping[str, Video], line: str) -> Video | None:
    """The video whose path or name is the longest beginning of a line: a label may follow it."""
    ends = [len(line), *(match.start() for match in reversed(list(re.finditer(r"[\s,;]", line[:_LONGEST_NAME]))))]
    return next((known[line[:end]] for end in ends if line[:end] in known), None)
