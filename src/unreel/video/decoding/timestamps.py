"""The one clock: the span in which a player shows each frame, in seconds from where the player begins.

    player    0 s           3 s
    sound     |=====================================|
    picture                 |f0|f1|f2|     f3    |f4|      f0 from 3 s on, f3 longer than the others

A player begins with the earliest of all streams, applies edit lists (FFmpeg does, before any frame is seen here), shows
a frame until the next one comes, and plays on where the times of a file jump. Tables, pieces, pages and labels take
their times from here, and nowhere from a header.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, dropwhile
from pathlib import Path
from typing import Any, NamedTuple, final

import av
import numpy as np
from av.container import InputContainer
from av.format import Flags
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import Float64

from unreel.errors import CollectionError, VideoError
from unreel.video.decoding.decode import Losses, decode, least_frame, open_video, packets_of

TOLERANCE = 6e-4
"""Seconds by which times may be rounded on their way: pages and addresses keep three digits."""

_LOWEST_RATE, _HIGHEST_RATE = Fraction(1, 86400), Fraction(10_000)
_ASSUMED_RATE = Fraction(25)  # of a file that tells neither times nor a rate, as players assume
_JUMP = 10.0  # seconds: a larger step in a stream whose times may jump is a jump, as for FFmpeg
_BACK = 0.5  # seconds: a step back, where frames come in the order in which they are shown, is one too
_EVEN = 0.25  # of a frame: how far from an even rate frames may be shown that count as evenly shown
_MOST_REORDERED = 16  # frames that a decoder may hold back
_LEAP_OF_AVI = 60.0  # seconds: nearer to the beginning it is better to count, as AVI times are made up by FFmpeg

Span = tuple[float, float]
"""Start and end in seconds."""


class FrameSpan(NamedTuple):
    """A frame and the span in which it is shown, in seconds; it has no length where two have one time."""

    start: float
    end: float
    frame: VideoFrame


class Film(NamedTuple):
    """An open video that is being played; `whole` from its beginning on."""

    stream: VideoStream
    frames: Iterator[FrameSpan]
    whole: bool


@contextmanager
def played(path: Path, at: float = 0.0) -> Iterator[Film]:
    """A video from a frame that is shown at `at` seconds or before it on; from its first where it cannot be sought in.

    Raises:
        VideoError: it cannot be opened.
    """
    if at > 0:
        with open_video(path) as (container, stream):
            frames = _sought(container, stream, at)
            first = next(frames, None)
            if first is not None and first.start <= at + TOLERANCE:
                yield Film(stream, chain([first], frames), False)
                return
    with open_video(path) as (container, stream):
        yield Film(stream, shown(container, stream), True)


def shown(container: InputContainer, stream: VideoStream, losses: Losses | None = None) -> Iterator[FrameSpan]:
    """All frames from where the container stands, damaged ones left out (and counted in `losses`)."""
    return _spans(_Clock(container, stream), decode(container, stream, losses or Losses()))


class RateAndDuration(NamedTuple):
    """Frames per second, and the seconds from the first frame to the end of the last one."""

    rate: Fraction
    seconds: float


def measure(path: Path) -> RateAndDuration:
    """Rate and length by the times of all packets: the rate that the header tells only where it agrees with these.

    Raises:
        VideoError: it cannot be opened.
    """
    with open_video(path) as (container, stream):
        clock = _Clock(container, stream)
        times = sorted(clock.times_of(packets_of(container, stream, Losses())))
        average = stream.average_rate
    if len(times) < 2 or times[-1] <= times[0]:  # what a header tells may be but the tick of its clock
        rate = _fraction(average if average and 1 <= average <= 240 else _ASSUMED_RATE)
        return RateAndDuration(rate, len(times) / float(rate))
    seconds, steps = times[-1] - times[0], len(times) - 1
    agrees = average and abs(float(average) * seconds - steps) < _EVEN
    rate = _fraction(average if average and agrees else Fraction(steps / seconds))
    return RateAndDuration(rate, seconds + 1 / float(rate))


def packet_times(container: InputContainer, stream: VideoStream) -> "Times":
    """When the frames are shown by the packets of an open video alone, each of which must be one frame with a time.

    Raises:
        VideoError: they do not show that.
    """
    packets = _frame_packets(container, stream)
    clock = _Clock(container, stream)
    if clock.jumps or not clock.tick:
        raise VideoError("tells no times that follow each other")
    spans = sorted((each.pts or 0, each.duration or 0) for each in packets)
    starts = np.array([round(pts * clock.tick - clock.zero, 6) for pts, _ in spans])
    return Times(starts, float(starts[-1]) + (spans[-1][1] * clock.tick or clock.step))


def _frame_packets(container: InputContainer, stream: VideoStream) -> list["Packet[Any]"]:
    """All packets of an open video, where each of them is one frame that is shown at a time of its own."""
    least = least_frame(container, stream)
    if least is None:
        codec = stream.codec_context.codec.canonical_name
        raise VideoError(f"not every packet of {codec} in {container.format.name} is a frame")
    packets = [each for each in packets_of(container, stream) if each is not None and each.size]
    if any(packet.is_discard or packet.size < least for packet in packets):
        raise VideoError("some packets are no picture")
    times = [packet.pts for packet in packets if packet.pts is not None]
    if not packets or len(set(times)) < len(packets):
        raise VideoError("not every frame has a time of its own")
    if not packets[0].is_keyframe or times[0] > min(times):
        raise VideoError("the first key frame is missing")
    return packets


def _fraction(rate: Fraction) -> Fraction:
    """A rate that a file can hold: a fraction of small numbers, from a frame a day to 10,000 a second."""
    rate = min(max(rate, _LOWEST_RATE), _HIGHEST_RATE)
    return rate.limit_denominator(1001) if rate >= 1 else 1 / (1 / rate).limit_denominator(1001)


@dataclass(frozen=True)
class Times:
    """When the frames of a video are shown: `starts` in seconds, rising, and the `end` of the last one."""

    starts: Float64[np.ndarray, " n"]
    end: float

    @classmethod
    def even(cls, frames: int, fps: float, start: float, end: float) -> "Times":
        """The times of a video whose frames are all shown equally long."""
        return cls(start + np.arange(frames) / fps, end)

    @classmethod
    def unpacked(cls, packed: bytes, frames: int, end: float) -> "Times":
        """What `packed` gave.

        Raises:
            CollectionError: it is something else.
        """
        try:
            steps = zlib.decompressobj().decompress(packed, 8 * frames)
            shuffled = np.frombuffer(steps, np.uint8).reshape(8, frames)
        except (zlib.error, ValueError) as error:
            raise CollectionError("the times of a video's frames are damaged. Prepare the collection again.") from error
        return cls(np.ascontiguousarray(shuffled.T).view("<i8").reshape(frames).cumsum() / 1e6, end)

    def packed(self) -> bytes:
        """The starts to the microsecond, in few bytes."""
        steps = np.diff(np.rint(self.starts * 1e6).astype("<i8"), prepend=0)
        return zlib.compress(np.ascontiguousarray(steps.view(np.uint8).reshape(-1, 8).T).tobytes())

    def is_even(self, fps: float) -> bool:
        """Whether no frame is shown noticeably earlier or later than one after the other at that rate."""
        line = self.starts[:1] + np.arange(len(self.starts)) / fps
        return bool((np.abs(self.starts - line) * fps <= _EVEN).all())

    def spans(self, starts: Sequence[int], length: int) -> list[Span]:
        """The spans of clips of `length` frames from their first frames on; a longer one ends with the video."""
        edges = [*self.starts.tolist(), self.end]
        return [(edges[start], edges[min(start + length, len(self.starts))]) for start in starts]


@final
class _Clock:
    """Turns what a file tells of one stream into seconds of the player, frame by frame in their order."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        flags = Flags(container.format.flags)
        self.told = not flags & Flags.no_timestamps
        self.avi = container.format.name == "avi"
        self.jumps = bool(flags & Flags.ts_discont)
        self.tick = float(stream.time_base or 0)
        zero = container.start_time
        self.zero = zero / av.time_base if zero is not None else (stream.start_time or 0) * self.tick
        self._codec = stream.codec_context
        self.step = float(1 / (stream.average_rate or _ASSUMED_RATE))
        self._last: float | None = None
        self._shift = 0.0

    def time(self, frame: VideoFrame) -> float:
        """When a frame is shown: when the file says, one step later where it does not or where its times jump."""
        ticks = self._dts(frame) if self.avi else frame.pts
        last = self._last
        if last is None:
            self._last = (ticks or 0) * self.tick - self.zero
            return self._last
        later = last + self.step
        time = later if ticks is None else ticks * self.tick - self.zero + self._shift
        if self._is_jump(last, time):
            self._shift += later - time
            time = later
        time = max(time, last)
        self.step = time - last or self.step
        self._last = time
        return time

    def length(self, frame: VideoFrame) -> float:
        """How long the last frame is shown, after its `time`."""
        return frame.duration * self.tick if frame.duration else self.step

    def times_of(self, packets: Iterable["Packet[Any] | None"]) -> Iterator[float]:
        """The times of the packets' pictures, in any order."""
        by_order = self.avi or self.jumps
        before, shift = None, 0.0
        for packet in packets:
            ticks = (
                None
                if packet is None or not packet.size or packet.is_discard
                else packet.dts
                if by_order
                else packet.pts
            )
            if ticks is None or not self.told:
                continue
            time = ticks * self.tick + shift
            if by_order and before is not None and self._is_jump(before, time):
                shift += before + self.step - time
                time = before + self.step
            before = time
            yield time

    def _dts(self, frame: VideoFrame) -> int | None:
        """AVI knows the order of its packets only; where frames are reordered, the first comes some packets later."""
        if frame.dts is None:
            return None
        if self._last is None:
            self._delay = min(frame.dts, _MOST_REORDERED) if self._codec.has_b_frames else 0
        return frame.dts - self._delay

    def _is_jump(self, last: float, time: float) -> bool:
        return time < last - max(_BACK, 8 * self.step) or (self.jumps and time > last + _JUMP)


def _spans(clock: _Clock, frames: Iterable[VideoFrame]) -> Iterator[FrameSpan]:
    before: VideoFrame | None = None
    start = 0.0
    for frame in frames:
        time = round(clock.time(frame), 6)
        if before is not None:
            yield FrameSpan(start, time, before)
        before, start = frame, time
    if before is not None:
        yield FrameSpan(start, round(start + clock.length(before), 6), before)


def _sought(container: InputContainer, stream: VideoStream, at: float) -> Iterator[FrameSpan]:
    """The frames from a key frame before `at` on; nothing where that is not sure."""
    clock = _Clock(container, stream)
    if not clock.told or not clock.tick or (clock.avi and at < _LEAP_OF_AVI):
        return
    if clock.jumps and not _is_smooth(clock, container, stream):
        return
    try:
        container.seek(int((at + clock.zero) / clock.tick), stream=stream)
        frames = dropwhile(lambda frame: frame.is_corrupt, decode(container, stream, Losses()))
        first = next(frames, None)
    except av.FFmpegError:
        return
    if first is not None and (first.dts if clock.avi else first.pts) is not None:
        yield from _spans(clock, chain([first], frames))


def _is_smooth(clock: _Clock, container: InputContainer, stream: VideoStream) -> bool:
    """Whether the times of all packets follow each other without a jump, so that they tell where to seek."""
    told = [packet.dts for packet in packets_of(container, stream, Losses()) if packet and packet.dts is not None]
    steps = np.diff(np.array(told, np.float64)) * clock.tick
    return bool((np.abs(steps) < _JUMP).all() and (steps > -_BACK).all())
