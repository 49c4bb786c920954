"""The page of a search: what was looked for and what was found, moving, in one self-contained file."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from unreel.reporting.document import write_document
from unreel.reporting.strips import FRAMES, SCREEN, Strip, strip_of
from unreel.video.decoding.yuv import Planes

SECONDS_PER_FRAME = 0.1


@dataclass(frozen=True)
class PageVideo:
    """One video of the page: its path, the piece of it, its label and similarity (None: the query's).

    `frames` are those of the piece, or say why there are none; `copies` are the paths of near duplicates.
    """

    path: str
    piece: str
    label: str
    similarity: float | None
    frames: Planes | str
    copies: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return Path(self.path).name

    @cached_property
    def strip(self) -> Strip | None:
        """The piece as a moving picture."""
        return None if isinstance(self.frames, str) else moving(self.frames)


def write_found(out: Path, query: PageVideo, found: Sequence[PageVideo], how: str) -> None:
    """Write the page, whole or not at all; `how` says in a line how it was searched.

    Raises:
        RunError: there is no writing to `out`.
    """
    write_document("found.html", {"query": query, "found": found, "how": how}, {}, out)


def moving(planes: Planes) -> Strip:
    """Up to `FRAMES` of the frames, evenly chosen, as one moving picture."""
    count = min(FRAMES, len(planes.luma))
    places = np.linspace(0, len(planes.luma) - 1, count).round().astype(int).tolist()
    pictures = [Image.fromarray(planes.picture(place)) for place in places]
    width, height = pictures[0].size
    scale = min(1.0, SCREEN.shorter_side / min(width, height), SCREEN.longer_side / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = [np.asarray(picture.resize(size, Image.Resampling.BOX)) for picture in pictures]
    return strip_of(small, count * SECONDS_PER_FRAME)
