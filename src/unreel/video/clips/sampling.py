"""Which frames: integers only, no video is opened."""

from math import ceil

import numpy as np
from numpy.random import Generator


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
    """First frame of one clip, uniform; 0 where the video is shorter than a clip and is looped (see `looped`)."""
    return int(chance.integers(max(frames - clip_length, 0) + 1))


def consecutive_starts(frames: int, clip_length: int) -> list[int]:
    """First frames of the clips that a video is cut into for a test (Sec. 4); what is left at its end is dropped.

    video   |0 1 2 3 4 5 6 7 8 9 10|
    clips   |0 1 2 3|4 5 6 7|           clip_length 4: starts 0, 4

    A video shorter than a clip gives start 0: it is looped (see `looped`).
    """
    return list(range(0, max(frames - clip_length, 0) + 1, clip_length))


def equally_spaced_starts(frames: int, clip_length: int, count: int) -> list[int]:
    """First frames of `count` clips spread evenly from the first possible to the last, both included.

    Equal to centres at linspace(clip_length/2, frames − clip_length/2, count). A video shorter than a clip gives start
    0 every time: it is looped (see `looped`).
    """
    last = max(frames - clip_length, 0)
    return [int(start) for start in np.linspace(0, last, count).round()]


def starts_of_centres(frames: int, clip_length: int, count: int) -> list[int]:
    """First frames of `count` clips with their centres at linspace(clip_length/2, frames − clip_length/2, count).

    Rounded down, as in the code of clip order prediction (Xu et al., CVPR 2019), while `equally_spaced_starts` rounds
    to the nearest. A video shorter than a clip gives start 0 every time: it is looped (see `looped`).
    """
    half = clip_length / 2
    return [int(centre - half) for centre in np.linspace(half, max(frames, clip_length) - half, count)]


def looped(frames: int, length: int) -> list[int]:
    """Frame numbers of a video of `frames` frames played over and over until `length` frames are shown."""
    return [index % frames for index in range(length)]
