"""Which file of an observation in BORIS is shown when: its times run on over files in a row and over players."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unreel.annotations.values import Segment, checked_segment, fault
from unreel.text import first_of

_SHOWN = 3


@dataclass(frozen=True)
class Player:
    """Files that are shown one after the other, with their lengths in seconds, from `offset` on."""

    files: tuple[str, ...]
    lengths: tuple[float | None, ...]
    offset: float = 0.0


def pieces(source: Path, where: str, players: Sequence[Player], segment: Segment) -> Iterator[Segment]:
    """A segment in the time of an observation as segments of the files that are shown meanwhile.

    Raises:
        AnnotationError: it makes no sense, or the lengths of files in a row are not known.
    """
    checked_segment(source, where, Segment(".", segment.start, segment.end, segment.label))
    for player in players:
        for path, begin, end in _shown(source, where, player):
            start, stop = max(segment.start, begin), min(segment.end, end)
            if start < stop or (segment.start == segment.end == start < end):
                length = end - begin if end < math.inf else player.lengths[-1]
                piece = Segment(path, _milliseconds(start - begin), _milliseconds(stop - begin), segment.label)
                yield checked_segment(source, where, piece, length)


def _shown(source: Path, where: str, player: Player) -> Iterator[tuple[str, float, float]]:
    """Each file and from when to when it is shown; the last one for as long as something is said."""
    begin = player.offset
    for path, length in zip(player.files[:-1], player.lengths, strict=False):
        if length is None:
            files = first_of(player.files, _SHOWN)
            raise fault(
                source, where, f"{files} are shown in a row, and their lengths are missing. Read the project (.boris)."
            )
        end = begin + math.floor(length * 1000) / 1000  # as BORIS counts
        yield path, begin, end
        begin = end
    yield player.files[-1], begin, math.inf


def _milliseconds(seconds: float) -> float:
    return round(seconds, 3)
