"""Which frames: integers only, no video is opened.

A method says by its `Sampling` which frames of a video it learns from; `TimeScale` says which of a file's frames these
are, so that a sampling need not know how fast a video is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Protocol, final, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from numpy.random import Generator

from unreel.errors import VideoError
from unreel.rng import Draw
from unreel.settings.encoder import EncoderSettings
from unreel.video.collection.manifest import VideoRecord

_SLOWER = 0.99  # of a rate: 23.976 frames a second will do where 24 are asked for
_NEARLY = 1e-4  # seconds by which a frame may come late and still be there in time


@runtime_checkable
class Sampling(Protocol):
    """Which clips of a video a method learns from. It goes to the processes that read, so it must be picklable."""

    @property
    def needed(self) -> int:
        """Frames, at the time scale of the encoder, that a video must have to be learnt from."""
        ...

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "v t"]:
        """The frames of `v` clips of a video of `count` frames, from 0, in any order, stride or direction."""
        ...

    def regions(self, draw: Draw) -> Float[np.ndarray, "v 2"]:
        """Where each clip's square lies in the frame, from 0 (left, top) to 1: views are cut from it."""
        ...


@final
@dataclass(frozen=True)
class TwoClips:
    """Two clips, x and Γ(x), each at a start and a place of its own (Sec. 3.1; `gap`: see `two_starts`)."""

    length: int
    gap: float = 0.0
    random_regions: tuple[bool, bool] = (True, True)

    @property
    def needed(self) -> int:
        """A clip's frames: the two may overlap."""
        return self.length

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "2 t"]:
        """The frames of x and of Γ(x)."""
        return runs(two_starts(count, self.length, draw("clips"), self.gap), self.length)

    def regions(self, draw: Draw) -> Float[np.ndarray, "2 2"]:
        """Two random places, or the centre where `random_regions` says no."""
        return np.where(np.array(self.random_regions)[:, None], draw("regions").random((2, 2)), 0.5)


@final
@dataclass(frozen=True)
class OneClip:
    """One clip at a random start and place; a video shorter than it is looped."""

    length: int
    random_region: bool = True
    needed: int = 1

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "1 t"]:
        """The frames of the clip."""
        return runs([one_start(count, self.length, draw("clips"))], self.length)

    def regions(self, draw: Draw) -> Float[np.ndarray, "1 2"]:
        """A random place, or the centre."""
        return np.where(self.random_region, draw("regions").random((1, 2)), 0.5)


@final
@dataclass(frozen=True)
class Pieces:
    """`count` pieces with `gap` frames between two, the first one at a random start, each at a place of its own.

    `stride` frames lie from one frame of a piece to the next; `together`: all pieces are cut at one place.

    length 2, count 3, gap 1, stride 2     |0   2|  |4   6|  |8   10|
    """

    length: int
    count: int = 1
    gap: int = 0
    stride: int = 1
    random_region: bool = True
    together: bool = False

    @property
    def span(self) -> int:
        """Frames from the first to the last of a piece, both included."""
        return (self.length - 1) * self.stride + 1

    @property
    def needed(self) -> int:
        """All pieces and what is between them."""
        return self.count * self.span + (self.count - 1) * self.gap

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "v t"]:
        """The frames of the pieces, in their order."""
        start = int(draw("clips").integers(count - self.needed + 1))
        return start + np.arange(self.count)[:, None] * (self.span + self.gap) + self.stride * np.arange(self.length)

    def regions(self, draw: Draw) -> Float[np.ndarray, "v 2"]:
        """Random places, a random one for all, or the centre."""
        return places(draw, self.count, random=self.random_region, together=self.together)


@final
@dataclass(frozen=True)
class TimeScale:
    """Which frames of a file an encoder is shown: every `step`-th, or `rate` frames a second.

    file, 25 a second   0 1 2 3 4 5 6 7 8 …
    rate 12.5           0   1   2   3   4 …     frames at the time scale
    """

    step: int = 1
    rate: float | None = None

    @classmethod
    def of(cls, encoder: EncoderSettings) -> "TimeScale":
        """That of an encoder."""
        return cls(encoder.frame_step, encoder.frame_rate)

    def numbers(self, video: VideoRecord, phase: float = 0.0) -> Int[np.ndarray, " n"]:
        """The numbers in the file of all frames at this scale, from `phase` (0 to 1) of a step after its first one on.

        With a rate, those that are on the screen at times so far apart, whatever the file's own rate is.

        Raises:
            VideoError: a step is longer than the video, or it has fewer frames a second than the rate.
        """
        if self.rate is None:
            numbers = np.arange(int(phase * self.step), video.frames, self.step)
        elif video.fps < _SLOWER * self.rate:
            raise VideoError(f"has {video.fps:g} frames a second, fewer than the frame rate of {self.rate:g}")
        else:
            shown = video.shown
            count = ceil((shown.end - shown.starts[0]) * self.rate - phase - _NEARLY)
            times = shown.starts[0] + (np.arange(max(count, 1)) + phase) / self.rate
            numbers = on_screen(shown.starts, times)
        if len(numbers) < 2 <= video.frames and self != EVERY_FRAME:
            raise VideoError(f"has {video.frames} frames, fewer than there are from one frame of a clip to the next")
        return numbers

    def per_second(self, video: VideoRecord) -> float:
        """Frames at this scale that a second of the video has."""
        return self.rate or video.fps / self.step


EVERY_FRAME = TimeScale()
"""What the paper has: clips of consecutive frames."""


def too_short(video: VideoRecord, needed: int, scale: TimeScale = EVERY_FRAME) -> str:
    """Why a video cannot be learnt from, where `needed` frames at a time scale are; or nothing."""
    try:
        frames = len(scale.numbers(video))
    except VideoError as error:
        return str(error)
    which = "" if scale == EVERY_FRAME else " at that time scale"
    return f"too short: {frames} frames{which}, {needed} are needed" if frames < needed else ""


def on_screen(starts: Float[np.ndarray, " n"], times: Float[np.ndarray, "*t"]) -> Int[np.ndarray, "*t"]:
    """The numbers of the frames, shown from `starts` on, that are on the screen at some times: the first one before."""
    return np.maximum(np.searchsorted(starts, times + _NEARLY, side="right") - 1, 0)


def runs(starts: Sequence[int], length: int) -> Int[np.ndarray, "v t"]:
    """The frames of clips of `length` frames that follow each other, by their first ones."""
    return np.asarray(starts, np.int64)[:, None] + np.arange(length)


def places(draw: Draw, count: int, *, random: bool = True, together: bool = False) -> Float[np.ndarray, "v 2"]:
    """Where in the frame the squares of so many clips lie: random places, a random one for all, or the centre."""
    drawn = draw("regions").random((1 if together else count, 2)) if random else np.full((1, 2), 0.5)
    return np.broadcast_to(drawn, (count, 2))


def two_starts(frames: int, clip_length: int, chance: Generator, gap: float = 0.0) -> tuple[int, int]:
    """First frames of the two clips x and Γ(x) of a video: independent and uniform, they may overlap (Sec. 3.1).

    With a `gap`, uniform over the pairs that are at least that share of the largest possible distance apart.

    video   |0 1 2 3 4 5 6 7 8 9 …            frames-1|
    x             |start … start+clip_length-1|
    Γ(x)      |start … start+clip_length-1|
    """
    if frames < clip_length:
        raise ValueError(f"got {frames} frames, a clip needs {clip_length}")
    last = frames - clip_length
    apart = ceil(gap * last)
    if not apart:
        first, second = chance.integers(last + 1, size=2)
        return int(first), int(second)
    # Pairs a, b with a + apart ≤ b are the pairs a < b' of one number more than there are starts left to a.
    earlier, later = sorted(int(each) for each in chance.choice(last - apart + 2, size=2, replace=False))
    later += apart - 1
    return (earlier, later) if chance.random() < 0.5 else (later, earlier)


def one_start(frames: int, clip_length: int, chance: Generator) -> int:
    """First frame of one clip, uniform; 0 where the video is shorter than a clip and is looped."""
    return int(chance.integers(max(frames - clip_length, 0) + 1))


def consecutive_starts(frames: int, clip_length: int) -> list[int]:
    """First frames of the clips that a video is cut into for a test (Sec. 4); what is left at its end is dropped.

    video   |0 1 2 3 4 5 6 7 8 9 10|
    clips   |0 1 2 3|4 5 6 7|           clip_length 4: starts 0, 4

    A video shorter than a clip gives start 0: it is looped.
    """
    return list(range(0, max(frames - clip_length, 0) + 1, clip_length))


def equally_spaced_starts(frames: int, clip_length: int, count: int) -> list[int]:
    """First frames of `count` clips spread evenly from the first possible to the last, both included.

    Equal to centres at linspace(clip_length/2, frames − clip_length/2, count). A video shorter than a clip gives start
    0 every time: it is looped.
    """
    last = max(frames - clip_length, 0)
    return [int(start) for start in np.linspace(0, last, count).round()]


def starts_of_centres(frames: int, clip_length: int, count: int) -> list[int]:
    """First frames of `count` clips with their centres at linspace(clip_length/2, frames − clip_length/2, count).

    Rounded down, as in the code of clip order prediction (Xu et al., CVPR 2019), while `equally_spaced_starts` rounds
    to the nearest. A video shorter than a clip gives start 0 every time: it is looped.
    """
    half = clip_length / 2
    return [int(centre - half) for centre in np.linspace(half, max(frames, clip_length) - half, count)]
