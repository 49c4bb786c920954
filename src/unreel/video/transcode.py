"""Preparing one video: any file in, a small H.264 file out whose every frame is found and decoded fast.

A prepared file has the source's frames one for one, upright, with square pixels, the shorter side as asked, in BT.601
limited range, frame `i` at time `i / fps`. The same source always gives the same bytes.
"""

import hashlib
import math
import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import final

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from unreel.errors import CollectionError, VideoError
from unreel.video.decode import KEY_FRAME_INTERVAL, decode, open_video
from unreel.video.frames import Converter, plane_views
from unreel.video.planes import Colour

# A video that breaks off is kept up to there if it still makes a clip.
LEAST_FRAMES = 16
LARGEST_ASPECT = 16
DEFAULT_RATE = Fraction(25)

_CONTAINER_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
# Without CABAC and deblocking ("fastdecode") the files are 0 to 6 % larger and decode in half the time; "veryfast" has
# the bytes for the quality of "medium" at these sizes, in half the time.
_ENCODER_OPTIONS = {
    "preset": "veryfast",
    "tune": "fastdecode",
    "crf": "18",
    "x264-params": f"keyint={KEY_FRAME_INTERVAL}:min-keyint={KEY_FRAME_INTERVAL}:scenecut=0:bframes=0",
}
_BT601, _LIMITED_RANGE = 6, 1  # the numbers of H.273 and of FFmpeg


@dataclass(frozen=True)
class Transcoded:
    """What was made (`frames` to `height`) of what (`duration` in seconds, …, `rotation` in degrees, clockwise).

    `reason` says why there are fewer frames than there should be, and is empty otherwise.
    """

    frames: int
    fps: float
    width: int
    height: int
    duration: float
    codec: str
    source_width: int
    source_height: int
    rotation: int
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What became of one file: refused for a `reason`, `transcoded`, or neither as nothing has changed."""

    checksum: str = ""
    reason: str = ""
    transcoded: Transcoded | None = None


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
        matrix = frame.side_data.get("DISPLAYMATRIX")
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


def unfinished_name(target: Path) -> Path:
    """Where a prepared file is written before it is whole."""
    return target.with_suffix(".unfinished")


def prepare_file(source: Path, target: Path, side: int, known_checksum: str = "") -> Outcome:
    """Transcode `source` unless its SHA-256 is the known one.

    Raises:
        CollectionError: `target` cannot be written.
    """
    checksum = ""
    try:
        checksum = _checksum(source)
        if checksum == known_checksum:
            return Outcome(checksum)
        return Outcome(checksum, transcoded=transcode(source, target, side))
    except VideoError as error:
        return Outcome(checksum, reason=str(error))


def transcode(source: Path, target: Path, side: int) -> Transcoded:
    """Make the prepared file `target`, whole or not at all.

    Raises:
        VideoError: `source` is of no use; the message is a short reason, the same for the same trouble.
        CollectionError: `target` cannot be written.
    """
    check_file(source)
    unfinished = unfinished_name(target)
    try:
        with open_video(source) as (container, stream):
            rate = _ordinary(stream.average_rate) or _ordinary(_measured_rate(source)) or DEFAULT_RATE
            transcoded = _transcode(container, stream, unfinished, side, rate)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return transcoded


def _transcode(container: InputContainer, stream: VideoStream, target: Path, side: int, rate: Fraction) -> Transcoded:
    frames = decode(container, stream)
    first = next(frames, None)
    if first is None:
        raise VideoError("no frame could be decoded")
    orientation = Orientation.of(first)
    width, height = _scaled_size(first, stream, side)
    convert = Converter(width, height, Colour("bt601"))
    if orientation.transposed:
        width, height = height, width
    reason = ""
    with _encoding(target, rate, width, height) as encoder:
        try:
            for frame in chain([first], frames):
                encoder.write(orientation.turn_frame(convert(frame)))
        except VideoError as error:
            if encoder.frames < LEAST_FRAMES:
                raise
            reason = f"truncated after {encoder.frames} frames: {error}"
    return Transcoded(
        frames=encoder.frames,
        fps=float(rate),
        width=width,
        height=height,
        duration=_duration(container, stream) or float(encoder.frames / rate),
        codec=stream.codec_context.name,
        source_width=first.width,
        source_height=first.height,
        rotation=orientation.rotation,
        reason=reason,
    )


@final
class _Encoder:
    """Writes frames as H.264, frame `i` at time `i / rate`."""

    def __init__(self, container: OutputContainer, rate: Fraction, width: int, height: int) -> None:
        self.frames = 0
        self._container = container
        self._time_base = 1 / rate
        self._stream = container.add_stream("libx264", rate=rate, options=_ENCODER_OPTIONS)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        codec = self._stream.codec_context
        codec.time_base = self._time_base
        codec.thread_count = 1  # more threads are other bytes
        codec.color_range = _LIMITED_RANGE
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT601

    def write(self, frame: VideoFrame) -> None:
        frame.pts, frame.time_base = self.frames, self._time_base
        frame.pict_type = PictureType.NONE  # the source's key frames are not ours
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))


@contextmanager
def _encoding(target: Path, rate: Fraction, width: int, height: int) -> Iterator[_Encoder]:
    """An encoder that writes to `target`; what it cannot write is no fault of the video's."""
    timescale = {"video_track_timescale": str(rate.numerator)}
    try:
        with av.open(str(target), "w", format="mp4", container_options=_CONTAINER_OPTIONS | timescale) as container:
            encoder = _Encoder(container, rate, width, height)
            yield encoder
            encoder.finish()
    except av.FFmpegError as error:
        raise CollectionError(
            f"{target.parent} cannot be written to: {error.strerror}. Free some space or choose another folder."
        ) from error


def _checksum(source: Path) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    try:
        with source.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise VideoError(f"cannot be opened: {(error.strerror or str(error)).lower()}") from error
    return digest.hexdigest()


def _scaled_size(frame: VideoFrame, stream: VideoStream, side: int) -> tuple[int, int]:
    """Width and height, even, of the stored picture with square pixels and the shorter side `side`."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    if not Fraction(1, 4) <= aspect <= 4:  # nonsense that some writers leave in the header
        aspect = Fraction(1)
    width, height = frame.width * aspect, Fraction(frame.height)
    scale = side / min(width, height)
    if max(width, height) > LARGEST_ASPECT * min(width, height):
        raise VideoError(f"one side is more than {LARGEST_ASPECT} times the other")
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
