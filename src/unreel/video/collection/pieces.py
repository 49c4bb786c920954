"""Pieces of videos with a label each, as rows of a collection: learnt from, evaluated, embedded like videos.

    walk.avi     |····|─run──|···|──walk──|··|       walk.avi#t=0.4,1.2   class run
                                                     walk.avi#t=1.6,2.6   class walk

A piece is named as W3C's Media Fragments are. It has the frames that a player begins to show in its time; its group is
its video's, or its video itself, so that no split learns from one piece of a video and tests another by chance. What
lies between pieces takes no part.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from math import inf, isfinite
from pathlib import Path

import numpy as np

from unreel.annotations.media import match_media
from unreel.annotations.segments import Segment, Segments, read_segments
from unreel.annotations.values import FrameTimes
from unreel.errors import CollectionError
from unreel.text import first_of, quoted
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.decoding.timestamps import Times

COLUMN, SPLIT = "label", "own"
"""The name of the label that segments give, and of the split that a column `split` makes."""

_PIECE = re.compile(r"#t=[0-9.]+,[0-9.]*\Z")
_SHOWN = 3
_OTHER_CLOCK = 1.0  # seconds by which another program may take a video for longer
_NEARLY = 1e-4  # seconds by which a time may be rounded


def cut_by(manifest: Manifest, path: Path) -> Manifest:
    """The pieces that a file of segments gives.

    Raises:
        CollectionError: it cannot be read, names no video of the collection, or a segment lies outside its video.
    """
    videos = {record.id: record for record in manifest}
    segments = read_segments(path, frame_rate=_frame_times(videos))
    matches = match_media(segments.paths, videos)
    if not matches.found:
        raise CollectionError(
            f"{path} has {len(segments)} segments, of which none is of a video of {manifest.folder}: "
            f"{first_of(segments.paths, _SHOWN)}. Name paths as they are there."
        )
    pieces: dict[str, VideoRecord] = {}
    for segment in segments:
        record = videos.get(matches.found.get(segment.path, ""))
        if record is None or record.status != "ok":
            continue
        piece = cut(record, segment, path)
        if pieces.setdefault(piece.id, piece).labels != piece.labels:
            labels = sorted({pieces[piece.id].labels[COLUMN], segment.label})
            raise CollectionError(f"{path} gives {quoted(piece.id)} the labels {first_of(labels, 2)}, expected one.")
    records = tuple(sorted(pieces.values(), key=lambda each: each.id))
    return replace(manifest, records=records, labelled=f"{path}{_notes(segments, matches.unmatched)}")


def cut(record: VideoRecord, segment: Segment, source: Path) -> VideoRecord:
    """The piece of a video that a segment gives; the video itself where it is of all of it.

    Raises:
        CollectionError: it lies outside the video; `source` is named.
    """
    splits = {SPLIT: segment.split} if segment.split else record.splits
    described = replace(
        record, labels={COLUMN: segment.label}, group=segment.group or record.group or record.id, splits=splits
    )
    if segment.is_whole:
        return replace(described, group=segment.group or record.group)
    times = record.shown
    late = segment.start > times.end + (_NEARLY if segment.end == segment.start else -_NEARLY)
    if late or (isfinite(segment.end) and segment.end > times.end + _OTHER_CLOCK):
        raise CollectionError(
            f"{source} has {quoted(segment.label)} in {quoted(record.id)} from {segment.start:g} to {segment.end:g} s, "
            f"but the video ends at {times.end:.3f} s. Correct its times."
        )
    first, last = (int(np.searchsorted(times.starts, time - _NEARLY)) for time in (segment.start, segment.end))
    if first >= last:  # a moment, or between two frames: what is on the screen
        first = int(np.searchsorted(times.starts, segment.start + _NEARLY, side="right")) - 1
        first, last = max(first, 0), max(first, 0) + 1
    own = Times(times.starts[first:last], min(segment.end, times.end))
    even = own.is_even(record.fps)
    return replace(
        described,
        id=f"{record.id}#t={_seconds(segment.start)},{_seconds(segment.end)}",
        piece_of=record.piece_of or record.id,
        first=record.first + first,
        frames=len(own.starts),
        start=float(own.starts[0]),
        duration=own.end,
        times=b"" if even else own.packed(),
        constant_rate=even,
    )


def video_of(identity: str) -> str:
    """The id of the video that a piece of this id is of; of a video, its own."""
    return _PIECE.sub("", identity)


def _seconds(time: float) -> str:
    """To the millisecond; empty for the end, as a fragment has it."""
    return "" if time == inf else f"{time:.3f}".rstrip("0").rstrip(".")


def _frame_times(videos: Mapping[str, VideoRecord]) -> FrameTimes:
    """When a frame is shown, for files that count frames."""

    def shown(name: str, frame: int) -> float:
        record = videos.get(match_media([name], videos).found.get(name, ""))
        if record is None or record.status != "ok":
            return 0.0  # it is left out whatever its times are
        starts = record.shown.starts
        return float(starts[frame]) if frame < len(starts) else record.shown.end + frame - len(starts)

    return shown


def _notes(segments: Segments, unmatched: Mapping[str, str]) -> str:
    """What is to be known of segments: how many overlap, and which are of videos that are not here."""
    overlaps = sum(1 for _ in segments.overlaps())
    told = [f"{overlaps} pairs overlap"] if overlaps else []
    if unmatched:
        told.append(f"{len(unmatched)} of its videos are not here: {first_of(list(unmatched), _SHOWN)}")
    return f" ({'; '.join(told)})" if told else ""
