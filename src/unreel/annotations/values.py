"""What is said of pieces of videos, whatever file it comes from."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from unreel.errors import AnnotationError
from unreel.reading import FileSchema
from unreel.text import quoted

FrameTimes = Callable[[str, int], float]
"""When a frame of a video, counted from 0, is shown: from the video's name, as the file has it, to seconds."""

Rate = float | FrameTimes
"""Frames a second of every video, or when each frame is shown."""

SCHEMA: Final = FileSchema(
    AnnotationError,
    "Expected a table (path,start,end,label), BORIS (.boris, events as csv or tsv), ELAN (.eaf), VIA 3 (project .json, "
    "csv) or Label Studio (.json).",
)


@dataclass(frozen=True)
class Segment:
    """A piece of a video and its label.

    `path` names the video as the file does, `start` and `end` are seconds in the video's own time, as a player shows
    it. A moment ends where it starts; a label of the whole video goes from 0 to infinity where its length is not told.
    `split` and `group` are what a table may say besides.
    """

    path: str
    start: float
    end: float
    label: str
    confidence: float | None = None
    split: str = ""
    group: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it is of a whole video, of whatever length."""
        return self.start == 0.0 and self.end == math.inf

    @property
    def order(self) -> tuple[str, float, float, str, float]:
        """By video, time and label."""
        return self.path, self.start, self.end, self.label, -1.0 if self.confidence is None else self.confidence


class Segments(tuple[Segment, ...]):
    """Segments sorted by video, time and label."""

    __slots__ = ()

    def __new__(cls, segments: Iterable[Segment] = ()) -> "Segments":
        return super().__new__(cls, sorted(segments, key=lambda segment: segment.order))

    @property
    def paths(self) -> list[str]:
        """The videos that they are of, sorted."""
        return sorted({segment.path for segment in self})

    @property
    def labels(self) -> list[str]:
        """Their labels, sorted."""
        return sorted({segment.label for segment in self})

    def of(self, path: str) -> "Segments":
        """Those of one video."""
        return Segments(segment for segment in self if segment.path == path)

    def by_path(self) -> "dict[str, Segments]":
        """Those of every video."""
        found: dict[str, list[Segment]] = {}
        for segment in self:
            found.setdefault(segment.path, []).append(segment)
        return {path: Segments(segments) for path, segments in found.items()}

    def overlaps(self) -> Iterator[tuple[Segment, Segment]]:
        """All pairs of one video that share more than a moment, under whatever labels."""
        for segments in self.by_path().values():
            running: list[Segment] = []
            for segment in segments:
                running = [before for before in running if before.end > segment.start]
                yield from ((before, segment) for before in running if segment.end > segment.start)
                running.append(segment)


def layers(spans: Iterable[tuple[str, float, float]]) -> list[int]:
    """The layer of each span (name, start, end), sorted by start: spans of one name and layer do not overlap."""
    ends: dict[str, list[float]] = {}
    found: list[int] = []
    for name, start, end in spans:
        last = ends.setdefault(name, [])
        layer = next((number for number, before in enumerate(last) if before <= start), len(last))
        last[layer : layer + 1] = [end]
        found.append(layer)
    return found


@dataclass(frozen=True)
class MediaFacts:
    """What writers may say of a video: seconds, frames a second, and where the tool will find it.

    `address` is a path or URL in place of the video's own name.
    """

    duration: float | None = None
    frame_rate: float | None = None
    address: str = ""


def ended(segments: Segments, media: Mapping[str, MediaFacts]) -> Segments:
    """The segments; those that last to the end of a video of known length end there."""
    lengths = {path: facts.duration for path, facts in media.items() if facts.duration is not None}
    return Segments(
        replace(segment, end=max(lengths[segment.path], segment.start))
        if segment.end == math.inf and segment.path in lengths
        else segment
        for segment in segments
    )


def with_ends(segments: Segments, media: Mapping[str, MediaFacts]) -> Segments:
    """The same, for formats in which all segments end.

    Raises:
        AnnotationError: one lasts to the end of a video of unknown length.
    """
    segments = ended(segments, media)
    for segment in segments:
        if segment.end == math.inf:
            raise AnnotationError(
                f"{quoted(segment.label)} lasts to the end of {quoted(segment.path)}, whose length is not known, and "
                "this format needs it. Write a table instead."
            )
    return segments


def fault(source: Path, where: str, why: str) -> AnnotationError:
    """The error of a place in a file."""
    return AnnotationError(f"{source}, {where}: {why}")


def checked_segment(source: Path, where: str, segment: Segment, duration: float | None = None) -> Segment:
    """The segment of a place in a file, with spaces around its names taken away.

    Raises:
        AnnotationError: it has no video, no label, or no times that make sense in a video of that duration.
    """
    path, label = segment.path.strip(), segment.label.strip()
    if not path:
        raise fault(source, where, "names no video. Name its file.")
    if not label:
        raise fault(source, where, "has no label. Give it one, or take it away.")
    if not 0 <= segment.start < math.inf:
        raise fault(source, where, f"starts at {segment.start:g} s, expected 0 s or later. Correct it.")
    if not segment.end >= segment.start:
        raise fault(
            source, where, f"ends at {segment.end:g} s, before its start at {segment.start:g} s. Correct its times."
        )
    if duration is not None and segment.start > duration:
        raise fault(
            source, where, f"starts at {segment.start:g} s, but {quoted(path)} ends at {duration:g} s. Correct it."
        )
    if segment.confidence is not None and not math.isfinite(segment.confidence):
        raise fault(source, where, f"has the confidence {segment.confidence}, expected a number. Correct it.")
    return Segment(path, segment.start, segment.end, label, segment.confidence, segment.split, segment.group)


def as_float(number: float | int) -> float:
    """A number of a file, infinite where it is an integer larger than all floats."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def frame_time(source: Path, where: str, media: str, frame: float, rate: Rate | None) -> float:
    """When a frame of a video is shown, in seconds.

    Raises:
        AnnotationError: that is not known, or it is no frame's number.
    """
    if rate is None:
        raise fault(source, where, "gives frames, and the frame rate is not known. Name the frames a second.")
    if not (0 <= frame < 1 << 53 and frame == int(frame)):
        raise fault(source, where, f"got the frame {frame:g}, expected a number from 0. Correct it.")
    seconds = rate(media, int(frame)) if callable(rate) else frame / rate
    if not 0 <= seconds < math.inf:
        raise fault(source, where, f"no frame {frame:g} is known of {quoted(media)}. Correct it.")
    return seconds
