"""Test videos of any kind, made on the spot.

Every picture shows its number in 4 × 2 light and dark fields, so that `number_of` recognises a frame however it was
scaled, re-encoded, re-timed or renumbered.
"""

import os
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

_DARK, _LIGHT = (30, 60, 40), (220, 190, 230)


def picture(number: int, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
    """An RGB picture that shows the lowest 8 bits of `number`: 4 columns by 2 rows of fields, lowest bit first."""
    bits = (number >> np.arange(8)) & 1
    fields = np.where(bits.reshape(2, 4, 1), _LIGHT, _DARK).astype(np.uint8)
    rows = np.arange(height) * 2 // height
    columns = np.arange(width) * 4 // width
    return fields[rows][:, columns]


def number_of(luma: UInt8[np.ndarray, "h w"]) -> int:
    """The number that a picture shows."""
    height, width = luma.shape
    rows = (np.arange(2) * 2 + 1) * height // 4
    columns = (np.arange(4) * 2 + 1) * width // 8
    bits = luma[rows][:, columns].ravel() > 128
    return int(bits @ (1 << np.arange(8)))


def frames_of(path: Path) -> Iterator[VideoFrame]:
    """Every frame of an undamaged file in its order, by PyAV alone: what our own readers are held against."""
    with av.open(str(path)) as container:
        yield from container.decode(video=0)


def solid(red: int, green: int, blue: int) -> Callable[[int, int, int], UInt8[np.ndarray, "h w 3"]]:
    """Pictures of one colour, for `Clip.pictures`."""
    return lambda _, width, height: np.full((height, width, 3), (red, green, blue), np.uint8)


def walk(
    speed: float, frames: int = 40, mirrored: bool = False
) -> Callable[[int, int, int], UInt8[np.ndarray, "h w 3"]]:
    """A light box that goes through the same patterned room, there (speed 1) or there and back (speed 2)."""

    def picture(number: int, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
        rows, columns = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
        room = 90 + 50 * np.sin(7 * rows)[:, None] * np.cos(9 * columns) + 30 * columns
        place = abs((speed * number / frames + 1) % 2 - 1) * 0.8
        room[np.ix_(abs(rows - 0.6) < 0.12, abs(columns - place - 0.1) < 0.06)] = 240
        room = room[:, ::-1] if mirrored else room
        return np.repeat(room.astype(np.uint8)[..., None], 3, 2)

    return picture


@dataclass(frozen=True)
class Clip:
    """What kind of video to make.

    `times` are the frames' presentation times in units of 1/`rate` (default 0, 1, 2, …); `matrix` and `full_range` are
    swscale's and FFmpeg's numbers (BT.601 is 5 and 6) and are also written to the stream where `tagged`.
    """

    frames: int = 24
    width: int = 64
    height: int = 48
    codec: str = "libx264"
    format: str = "yuv420p"
    rate: Fraction | int = 25
    times: Iterable[int] | None = None
    options: dict[str, str] = field(default_factory=dict)
    pictures: Callable[[int, int, int], UInt8[np.ndarray, "h w 3"]] = picture
    matrix: str = "bt601"
    full_range: bool = False
    tagged: bool = False
    aspect: Fraction | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Make the video; the suffix of `path` chooses the container."""
        path.parent.mkdir(parents=True, exist_ok=True)
        swscale, standard = {"bt601": (5, 6), "bt709": (1, 1), "bt2020": (9, 9)}[self.matrix]
        color_range = 2 if self.full_range else 1
        with _same_priority(), av.open(str(path), "w") as container:
            container.metadata.update(self.metadata)
            stream = container.add_stream(self.codec, rate=self.rate, options=self.options)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = self.width, self.height, self.format
            stream.codec_context.thread_count = 1
            stream.codec_context.time_base = 1 / Fraction(self.rate)
            if self.aspect is not None:
                stream.codec_context.sample_aspect_ratio = self.aspect
            if self.tagged:
                stream.codec_context.colorspace = standard
                stream.codec_context.color_range = color_range
            for number, time in enumerate(self.times or range(self.frames)):
                rgb = av.VideoFrame.from_ndarray(self.pictures(number, self.width, self.height), format="rgb24")
                frame = rgb.reformat(
                    format=self.format, dst_colorspace=swscale, dst_color_range=color_range, src_color_range=2
                )
                frame.pts, frame.time_base = time, 1 / Fraction(self.rate)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path


@contextmanager
def _same_priority() -> Iterator[None]:
    """SVT-AV1 gives root's thread real-time priority for good; a browser that inherits it can halt a machine."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)


def rotate(path: Path, *, quarter_turns: int = 0, mirrored: bool = False) -> Path:
    """Write a display matrix (clockwise quarter turns after an optional left-right mirror) into an MP4 file."""
    cosine, sine = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarter_turns % 4]
    mirror = -1 if mirrored else 1
    one = 1 << 16
    matrix = (mirror * cosine * one, mirror * sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30)
    content = bytearray(path.read_bytes())
    header = content.index(b"tkhd") + 4
    assert content[header] == 0, "a version 0 track header"
    struct.pack_into(">9i", content, header + 40, *matrix)
    path.write_bytes(content)
    return path


def cut(path: Path, share: float) -> Path:
    """Keep only the first part of a file."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path
