"""What a video is: learnt while its frames pass by.

A video that breaks off is kept up to there if it still makes a clip.
"""

import math
import os
import stat
import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, pairwise
from pathlib import Path
from typing import final

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from unreel.engine.files import sha256_of
from unreel.errors import VideoError
from unreel.video.decode import decode, open_video
from unreel.video.fingerprint import Fingerprinter
from unreel.video.frames import Converter, colour_of, plane_views
from unreel.video.planes import Colour

LEAST_FRAMES = 16
LARGEST_ASPECT = 16
DEFAULT_RATE = Fraction(25)
LEAST_SHARE = 0.9
"""Of the frames that a header announces; headers are often wrong by some."""


@dataclass(frozen=True)
class Facts:
    """What a file holds: frames that can be decoded, frames per second, seconds, the stored size in pixels.

    `width` and `height` are those of the frames that the examination gave, upright; `constant_rate` says that all are
    shown equally long, `rotation` how far they are turned to be upright, in degrees clockwise. `reason` says why
    there are fewer frames than there should be, and is empty otherwise.
    """

    frames: int
    fps: float
    width: int
    height: int
    constant_rate: bool
    duration: float
    codec: str
    source_width: int
    source_height: int
    rotation: int
    fingerprint: bytes
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
class Examination:
    """The frames of an open video, from its beginning, as yuv420p of one size; when they have passed, its `facts`.

    With a `side` they have square pixels, even sizes, that shorter side, and BT.601 limited range; without it the
    first frame's size and colour. `orientation` turns them upright, to `width` by `height` pixels; `rate` is in frames
    per second.

    Raises:
        VideoError: not one frame can be decoded, or it is far too long and thin; while the frames pass: it breaks off
            before it makes a clip.
    """

    def __init__(self, source: Path, container: InputContainer, stream: VideoStream, side: int | None = None) -> None:
        frames = decode(container, stream)
        first = next(frames, None)
        if first is None:
            raise VideoError("no frame could be decoded")
        shape = _seen_shape(first, stream)
        width, height = _scaled(shape, side) if side else (first.width, first.height)
        self.rate = _ordinary(stream.average_rate) or _ordinary(_measured_rate(source)) or DEFAULT_RATE
        self._container, self._stream, self._first = container, stream, first
        self._frames = chain([first], frames)
        self._convert = Converter(width, height, Colour("bt601") if side else colour_of(first))
        self.orientation = Orientation.of(first)
        self.width, self.height = (height, width) if self.orientation.transposed else (width, height)
        self._count, self._reason = 0, ""
        self._times, self._fingerprinter = array("q"), Fingerprinter()

    def __iter__(self) -> Iterator[VideoFrame]:
        try:
            for frame in self._frames:
                if frame.pts is not None:
                    self._times.append(frame.pts)
                converted = self._convert(frame)
                self._fingerprinter.take(self.orientation.turn(plane_views(converted)[0]))
                self._count += 1
                yield converted
        except VideoError as error:
            if self._count < LEAST_FRAMES:
                raise
            self._reason = f"truncated after {self._count} frames: {error}"

    def facts(self) -> Facts:
        """What the video is, now that all frames have passed."""
        return Facts(
            frames=self._count,
            fps=float(self.rate),
            width=self.width,
            height=self.height,
            constant_rate=is_constant(self._times, self._container),
            duration=_duration(self._container, self._stream) or float(self._count / self.rate),
            codec=self._stream.codec_context.name,
            source_width=self._first.width,
            source_height=self._first.height,
            rotation=self.orientation.rotation,
            fingerprint=self._fingerprinter.fingerprint(),
            reason=self._reason or self._shortfall(),
        )

    def _shortfall(self) -> str:
        """What is to be said if far fewer frames came than the header announces: a file that just ends is no error."""
        announced = self._stream.frames  # 0 in containers that do not count them
        if self._count >= LEAST_SHARE * announced:
            return ""
        return f"holds {self._count} of the {announced} frames that its header announces"


def is_constant(times: Sequence[int], container: InputContainer) -> bool:
    """Whether frames shown at these times, in ticks, follow each other at equal distances as far as ticks can tell.

    AVI has no times, only a rate; what FFmpeg makes up for its packed frames is not even in order.
    """
    if container.format.name == "avi":
        return True
    ordered = sorted(times)
    steps = {later - earlier for earlier, later in pairwise(ordered)}
    return max(steps, default=0) - min(steps, default=0) <= 1


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


def _seen_shape(frame: VideoFrame, stream: VideoStream) -> tuple[Fraction, Fraction]:
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


def _ordinary(rate: Fraction | None) -> Fraction | None:
    """A frame rate as it is, in a fraction that a file can hold, or None if it is only the tick of a clock."""
    return rate.limit_denominator(1001) if rate is not None and 1 <= rate <= 240 else None


def _measured_rate(source: Path) -> Fraction | None:
    """Frames per second by the timestamps of the whole file."""
    with open_video(source) as (container, stream):
        times = []
        try:
            times = [packet.pts * packet.time_base for packet in container.demux(stream) if packet.pts is not None]
        except av.FFmpegError:
            return None  # the decoder will meet the same trouble and name it
    return Fraction(len(times) - 1) / (max(times) - min(times)) if len(set(times)) > 1 else None


def _duration(container: InputContainer, stream: VideoStream) -> float:
    """Seconds, or 0 where the file does not say."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base
