"""The pixels of an augmentation on a CPU, compiled by numba (`pip install 'unreel[compiled]'`).

The view that `apply_views` makes, frame by frame, so that what is worked on stays in the CPU's cache:

    mean colour of the view   weighted sums of the clip's code values: the view itself is not needed
    ──▶ colour matrix         as in `apply_views`
    ──▶ across                the rows that the crop needs, at the view's width
    ──▶ down and colours      every pixel of the view is written once

The frames are shared out among as many threads as torch has. They are Python's: numba's own need OpenMP, or else end
the process when two threads call at once. The first call compiles, which takes seconds, and keeps the result for the
processes to come.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from typing import Any, no_type_check

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from unreel.augment.apply import colour_matrix, positions, shown_matrix
from unreel.augment.draw import ViewDraws
from unreel.extras import require


def apply_views_compiled(
    luma: UInt8[Tensor, "b t h w"],
    chroma: UInt8[Tensor, "b t 2 h/2 w/2"],
    to_rgb: Float[Tensor, "b 3 4"],
    draws: ViewDraws,
    size: int,
) -> Float[Tensor, "b 3 t {size} {size}"]:
    """What `apply_views` gives, to 1e-5, for tensors in the CPU's memory.

    Raises:
        MissingExtraError: numba is not installed.
    """
    clips, frames, height, width = luma.shape
    assert chroma.shape == (clips, frames, 2, height // 2, width // 2)  # compiled code looks at no bounds
    assert clips == len(draws) and frames and height > 1 and width > 1
    given = luma.numpy(), chroma.numpy(), positions(draws, height, width, size).numpy()
    means, view = torch.empty(clips, 3), torch.empty(clips, 3, frames, size, size)
    _share_out(partial(_compiled(_means), *given, means.numpy()), clips)
    matrix = shown_matrix(colour_matrix(draws, to_rgb, means), draws.channel)
    _share_out(partial(_compiled(_frames), *given, matrix.numpy(), view.numpy()), clips * frames)
    return view


def _share_out(work: Callable[[int, int], None], count: int) -> None:
    """Call `work` with the first and the last + 1 of each thread's share of `count` things."""
    threads = max(1, min(torch.get_num_threads(), count))
    cuts = [count * part // threads for part in range(threads + 1)]
    run = map if threads == 1 else _threads(threads, os.getpid()).map
    list(run(work, cuts, cuts[1:]))


@cache
def _threads(count: int, _process: int) -> ThreadPoolExecutor:
    # of this process: after a fork, the parent's threads are not there
    return ThreadPoolExecutor(count, "views")


@cache
def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    numba = require("numba", "compiled")
    numba.extending.register_jitable(_resample_across)
    # sums in any order; code values are never NaN or infinite
    kernel: Any = numba.njit(nogil=True, fastmath={"contract", "nnan", "nsz", "reassoc"})(function)
    with suppress(RuntimeError):  # there is no folder that can be written
        kernel.enable_caching()
    return kernel  # type: ignore[no-any-return]


@no_type_check  # numba's language, not Python's: types come from the first call
def _means(luma, chroma, positions, means, first, last):
    """The mean code values (b 3) of the views of the clips from `first` to before `last`."""
    height, width = luma.shape[2:]
    for clip in range(first, last):
        for plane in range(3):
            weights = np.zeros((2, max(height, width) + 1), np.float32)  # of columns, of rows
            for axis in range(2):
                for position in positions[clip, min(plane, 1), axis]:
                    lower = np.uint32(position)
                    weights[axis, lower] += 1 - (position - lower)
                    weights[axis, lower + 1] += position - lower
            total = 0.0
            for frame in range(luma.shape[1]):
                samples = luma[clip, frame] if plane == 0 else chroma[clip, frame, plane - 1]
                sums = np.zeros(samples.shape[1], np.float32)
                for row in range(samples.shape[0]):
                    for column in range(samples.shape[1]):
                        sums[column] += weights[1, row] * np.float32(samples[row, column])
                for column in range(samples.shape[1]):
                    total += weights[0, column] * sums[column]
            means[clip, plane] = total / (luma.shape[1] * positions.shape[3] ** 2)


@no_type_check
def _resample_across(samples, positions, line, rows):
    """The rows of a plane that the view's lie between, at the view's width; `line` holds one at its own width."""
    across, down = positions
    left, share = across.astype(np.uint32), across - np.floor(across)
    for row in range(int(down[0]), min(int(down[-1]) + 2, samples.shape[0])):
        for column in range(samples.shape[1]):
            line[column] = np.float32(samples[row, column])
        for column in range(across.size):
            here, after = line[left[column]], line[left[column] + 1]
            rows[row, column] = here + share[column] * (after - here)


@no_type_check
def _frames(luma, chroma, positions, matrix, view, first, last):
    """The frames of the views (b 3 t s s) from `first` to before `last`, those of all clips counted through."""
    frames, height, width = luma.shape[1:]
    size = view.shape[4]
    low, high = np.float32(-1), np.float32(1)
    # One cell more than there are samples: the neighbour of the last, which has no share in any value.
    line = np.zeros(width + 1, np.float32)
    rows = np.zeros((3, height + 1, size), np.float32)
    yuv = np.empty((3, size), np.float32)
    for number in range(first, last):
        clip, frame = number // frames, number % frames
        for plane in range(3):
            samples = luma[clip, frame] if plane == 0 else chroma[clip, frame, plane - 1]
            _resample_across(samples, positions[clip, min(plane, 1)], line, rows[plane])
        for row in range(size):
            for plane in range(3):
                position = positions[clip, min(plane, 1), 1, row]
                upper = np.uint32(position)
                share = position - np.float32(upper)
                for column in range(size):
                    above = rows[plane, upper, column]
                    yuv[plane, column] = above + share * (rows[plane, upper + 1, column] - above)
            for channel in range(3):
                y, u, v, constant = matrix[clip, channel, frame % matrix.shape[2]]
                for column in range(size):
                    value = y * yuv[0, column] + u * yuv[1, column] + v * yuv[2, column] + constant
                    view[clip, channel, frame, row, column] = min(max(value, low), high)
