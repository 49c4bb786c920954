"""What a video is: learnt while its frames pass by.

Damage costs what is damaged: a video is kept without the frames that cannot be decoded, unless these are more than half
of it, and one that breaks off is kept up to there if that still makes a clip.
"""

import math
import os
import stat
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import final

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from unreel.engine.files import sha256_of
from unreel.errors import VideoError
from unreel.video.collection.fingerprint import Fingerprinter
from unreel.video.decoding.convert import Converter, colour_of, plane_views
from unreel.video.decoding.decode import Losses, least_frame
from unreel.video.decoding.timestamps import Times, shown
from unreel.video.decoding.yuv import Colour

LEAST_FRAMES = 16
LARGEST_ASPECT = 16
LEAST_SHARE = 0.9
"""Of the frames that a header announces; headers are often wrong by some."""

MOST_LOST = 0.5
"""Share of the frames; a video that has lost more between those that are left shows no motion."""

_HDR = {16: "PQ", 18: "HLG"}  # transfer functions of H.273
_MOV = "mov,mp4,m4a,3gp,3g2,mj2"


@dataclass(frozen=True)
class ProbeResult:
    """What a file holds: frames that can be decoded, frames per second, the stored size in pixels.

    `width` and `height` are those of the frames that the examination gave, upright; `rotation` says how far they are
    turned to be upright, in degrees clockwise. `start` is when a player shows the first frame and `duration` when it
    has shown the last one, in seconds; `constant_rate` says that all are shown equally long, and `times` tells when
    each is shown where they are not (see `decoding.timestamps.Times`). `lost` frames could not be decoded.
    `reason` is what else is to be known: fewer frames than there should be, colours or lines that are not as they look.
    """

    frames: int
    fps: float
    width: int
    height: int
    constant_rate: bool
    start: float
    duration: float
    times: bytes
    codec: str
    source_width: int
    source_height: int
    rotation: int
    fingerprint: bytes
    lost: int
    reason: str


@dataclass(frozen=True)
class Orientation:
    """How to turn a stored picture upright: transpose it, mirror it left to right, flip it top to bottom."""

    transposed: bool = False
    mirrored: bool = False
    flipped: bool = False
    rotation: int = 0

    @classmethod
    def of(cls, frame: VideoFrame) -> "Orientation":
        """What the display matrix of a frame asks for, to the nearest quarter turn.

        The matrix takes (x, y) to (ax + cy, bx + dy), y downwards, and is stored as a b u c d v x y w.
        """
        try:
            matrix = frame.side_data.get("DISPLAYMATRIX")
        except ValueError:  # PyAV does not know every kind of side data: that of EXIF, say
            matrix = None
        if matrix is None:
            return cls()
        a, b, _, c, d = struct.unpack_from("5i", matrix)  # type: ignore[arg-type]
        handedness = 1 if a * d >= b * c else -1
        rotation = round(math.degrees(math.atan2(handedness * b, handedness * a)) / 90) * 90 % 360
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, a < 0, d < 0, rotation)
        return cls(True, c < 0, b < 0, rotation)

    def turn(self, plane: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "_h _w"]:
        """The plane, upright."""
        plane = plane.T if self.transposed else plane
        return plane[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1]

    def turn_frame(self, frame: VideoFrame) -> VideoFrame:
        """The yuv420p frame, upright."""
        if not (self.transposed or self.mirrored or self.flipped):
            return frame
        planes = [self.turn(plane) for plane in plane_views(frame)]
        width = planes[0].shape[1]
        return VideoFrame.from_ndarray(
            np.concatenate([plane.ravel() for plane in planes]).reshape(-1, width), "yuv420p"
        )


@final
class Framing:
    """How the frames of a video become yuv420p frames of one size and colour, upright, `width` by `height` pixels.

    With a `side` they have square pixels, even sizes, that shorter side, and BT.601 limited range; without it the
    first frame's size and colour.

    Raises:
        VideoError: they are far too long and thin.
    """

    def __init__(self, first: VideoFrame, stream: VideoStream, side: int | None = None) -> None:
        shape = seen_shape(first, stream)
        width, height = _scaled(shape, side) if side else (first.width, first.height)
        self._convert = Converter(width, height, Colour("bt601") if side else colour_of(first))
        self.orientation = Orientation.of(first)
        self.width, self.height = (height, width) if self.orientation.transposed else (width, height)

    def convert(self, frame: VideoFrame) -> VideoFrame:
        """The frame in size and colour, as it is stored; `orientation` turns it."""
        return self._convert(frame)

    def upright(self, frame: VideoFrame) -> VideoFrame:
        """The frame, converted and turned."""
        return self.orientation.turn_frame(self._convert(frame))


@final
class Examination:
    """The frames of an open video, from its beginning, converted as `framing` does; when they have passed, its `facts`.

    Raises:
        VideoError: not one frame can be decoded, or it is far too long and thin; while the frames pass: it breaks off
            before it makes a clip, or more than half of it is lost.
    """

    def __init__(self, container: InputContainer, stream: VideoStream, side: int | None = None) -> None:
        self._losses = Losses()
        frames = shown(container, stream, self._losses)
        first = next(frames, None)
        if first is None:
            raise self._losses.error(self._losses.why or "no frame could be decoded")
        self.framing = Framing(first.frame, stream, side)
        self._container, self._stream, self._first = container, stream, first.frame
        self._frames = chain([first], frames)
        self._starts, self._end = array("d"), 0.0
        self._interlaced = first.frame.interlaced_frame
        self._fingerprinter = Fingerprinter()

    def __iter__(self) -> Iterator[VideoFrame]:
        most = self._container.size
        for start, end, frame in self._frames:
            self._starts.append(start)
            self._end = end
            self._interlaced |= frame.interlaced_frame
            if len(self._starts) > most:  # who makes such a file wants it never to end
                raise VideoError(f"gives more frames than it has bytes ({most})")
            converted = self.framing.convert(frame)
            self._fingerprinter.take(self.framing.orientation.turn(plane_views(converted)[0]))
            yield converted
        self._check()

    def facts(self, rate: Fraction, times: Times | None = None) -> ProbeResult:
        """What the video is, now that all frames have passed, or are known to be shown at these `times`.

        `rate` is in frames per second.
        """
        times, fps = times or Times(np.array(self._starts), self._end), float(rate)
        even = times.is_even(fps)
        return ProbeResult(
            frames=len(times.starts),
            fps=fps,
            width=self.framing.width,
            height=self.framing.height,
            constant_rate=even,
            start=float(times.starts[0]),
            duration=times.end,
            times=b"" if even else times.packed(),
            codec=self._stream.codec_context.name,
            source_width=self._first.width,
            source_height=self._first.height,
            rotation=self.framing.orientation.rotation,
            fingerprint=self._fingerprinter.fingerprint(),
            lost=self._lost(len(times.starts)),
            reason="; ".join(self._remarks(len(times.starts))),
        )

    def _check(self) -> None:
        count, losses = len(self._starts), self._losses
        lost = self._lost(count)
        if lost > MOST_LOST * (count + lost):
            raise losses.error(f"{lost} of {count + lost} frames could not be decoded")
        if losses.after and count < LEAST_FRAMES:
            raise losses.error(losses.why)

    def _lost(self, count: int) -> int:
        """How many frames are lost between others; decoders pass over some without a word."""
        losses, least = self._losses, least_frame(self._container, self._stream)
        if least is None or losses.smallest < least:
            return losses.inside
        return max(losses.inside, losses.packets - losses.after - count)

    def _remarks(self, count: int) -> Iterator[str]:
        losses = self._losses
        lost = self._lost(count)
        if lost:
            yield f"{lost} of {count + lost} frames could not be decoded"
        announced = _announced(self._container, self._stream)
        if losses.after:
            yield f"truncated after {count} frames: {losses.why}"
        elif count + lost < LEAST_SHARE * announced:  # a file that just ends is no error
            yield f"holds {count} of the {announced} frames that its header announces"
        if self._first.color_trc in _HDR:
            yield f"HDR ({_HDR[self._first.color_trc]}), which is not tone-mapped: its colours look flat"
        if self._interlaced:
            yield "interlaced, which is not undone: what moves has combed edges"


def _announced(container: InputContainer, stream: VideoStream) -> int:
    """How many frames are shown by the header, 0 where it does not count them; an edit list leaves out others."""
    if container.format.name == _MOV:
        return sum(not entry.is_discard for entry in stream.index_entries)
    if container.format.name == "avi" and len(stream.index_entries):  # which counts "show the last one again" too
        return stream.frames - (stream.index_entries[-1].timestamp + 1 - len(stream.index_entries))
    return stream.frames


def check_file(source: Path) -> os.stat_result:
    """The facts of a file that is worth opening.

    Raises:
        VideoError: it is nothing with a content (opening a pipe would wait for ever).
    """
    try:
        facts = source.stat()
    except OSError as error:
        raise VideoError(f"cannot be opened: {(error.strerror or str(error)).lower()}") from error
    if stat.S_ISDIR(facts.st_mode):
        raise VideoError("a folder that cannot be read")
    if not stat.S_ISREG(facts.st_mode):
        raise VideoError("not a regular file")
    if facts.st_size == 0:
        raise VideoError("empty file")
    if not os.access(source, os.R_OK):
        raise VideoError("cannot be opened: permission denied")
    return facts


def checksum_of(source: Path) -> str:
    """The SHA-256 of a file."""
    try:
        return sha256_of(source)
    except OSError as error:
        raise VideoError(f"cannot be opened: {(error.strerror or str(error)).lower()}") from error


def seen_shape(frame: VideoFrame, stream: VideoStream) -> tuple[Fraction, Fraction]:
    """Width and height of the stored picture, were its pixels square.

    Raises:
        VideoError: it is far too long and thin.
    """
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 4) <= aspect <= 4:  # nonsense that some writers leave in the header
        aspect = Fraction(1)
    width, height = frame.width * aspect, Fraction(frame.height)
    if max(width, height) > LARGEST_ASPECT * min(width, height):
        raise VideoError(f"one side is more than {LARGEST_ASPECT} times the other")
    return width, height


def _scaled(shape: tuple[Fraction, Fraction], side: int) -> tuple[int, int]:
    """Width and height, even, with the shorter side `side`."""
    width, height = shape
    scale = side / min(shape)
    return 2 * round(width * scale / 2), 2 * round(height * scale / 2)
