"""What can be selected: a video, or a piece of one; as forms, addresses and programs write it.

0123456789abcdef                      a video
0123456789abcdef@1.25-2.5             its piece from 1.25 to 2.5 s
0123456789abcdef@1.25-2.5~0.913       the same, found with that similarity
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from unreel.errors import SettingsError
from unreel.text import quoted
from unreel.web.catalogue import Catalogue, Video

PATTERN: Final = r"^[0-9a-f]{16}(@\d{1,7}(\.\d{1,6})?-\d{1,7}(\.\d{1,6})?)?(~-?[01](\.\d{1,6})?)?$"
MOST: Final = 10_000

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
