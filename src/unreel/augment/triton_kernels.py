"""The pixels of an augmentation in Triton's language, for GPUs: each is made, coloured and written once.

The view that `apply_views` makes. `means` adds up the code values of the view without writing it, as the mean colour is
part of the colour matrix; `frames_of_view` makes them again, and the view of them. Only these kernels are Triton's
language; `augment.triton_views` calls them.
"""

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def sample(plane, width, left, upper, across, down, known):
    """The value between four samples of a plane; the last column and row have no neighbour and need none."""
    right = tl.minimum(left + 1, width - 1)
    here, below = plane + upper * width, plane + tl.where(down > 0, upper + 1, upper) * width
    corner = tl.load(here + left, mask=known, other=0).to(tl.float32)
    beside = tl.load(here + right, mask=known, other=0).to(tl.float32)
    under = tl.load(below + left, mask=known, other=0).to(tl.float32)
    last = tl.load(below + right, mask=known, other=0).to(tl.float32)
    above = corner + across * (beside - corner)
    beneath = under + across * (last - under)
    return above + down * (beneath - above)


@triton.jit
@no_type_check
def code_values(luma, chroma, places, step, other_step, clip, frame, height, width, size, pixel, known):
    """Y, Cb and Cr at pixels of the view.

    `places` (b 2 2 s) holds columns and rows in samples of luma and of chroma; `step` and `other_step` are how far the
    next clip's luma and chroma are.
    """
    column, row = pixel % size, pixel // size
    own = places + clip * 4 * size
    x = tl.load(own + column, mask=known, other=0.0)
    y = tl.load(own + size + row, mask=known, other=0.0)
    left, upper = x.to(tl.int32), y.to(tl.int32)
    luminance = sample(luma + clip * step + frame * height * width, width, left, upper, x - left, y - upper, known)
    x = tl.load(own + 2 * size + column, mask=known, other=0.0)
    y = tl.load(own + 3 * size + row, mask=known, other=0.0)
    left, upper = x.to(tl.int32), y.to(tl.int32)
    high, wide = height // 2, width // 2
    first = chroma + clip * other_step + frame * 2 * high * wide
    blue = sample(first, wide, left, upper, x - left, y - upper, known)
    red = sample(first + high * wide, wide, left, upper, x - left, y - upper, known)
    return luminance, blue, red


@triton.jit
@no_type_check
def means(luma, chroma, places, sums, step, other_step, frames, height, width, size, PIXELS: tl.constexpr):
    """Sums (b t 3) of the code values of every frame of the view."""
    frame, clip = tl.program_id(0), tl.program_id(1).to(tl.int64)
    count = size * size
    luminances = tl.zeros([PIXELS], tl.float32)
    blues = tl.zeros([PIXELS], tl.float32)
    reds = tl.zeros([PIXELS], tl.float32)
    for start in range(0, count, PIXELS):
        pixel = start + tl.arange(0, PIXELS)
        known = pixel < count
        luminance, blue, red = code_values(
            luma, chroma, places, step, other_step, clip, frame, height, width, size, pixel, known
        )
        luminances += luminance
        blues += blue
        reds += red
    there = sums + (clip * frames + frame) * 3
    tl.store(there, tl.sum(luminances, 0))
    tl.store(there + 1, tl.sum(blues, 0))
    tl.store(there + 2, tl.sum(reds, 0))


@triton.jit
@no_type_check
def frames_of_view(
    luma, chroma, places, matrix, view, step, other_step, frames, matrices, height, width, size, PIXELS: tl.constexpr
):  # fmt: skip
    """The view, channels innermost; `matrix` (b 3 t 4) has one for every frame or, `matrices` = 1, for the clip."""
    frame, clip = tl.program_id(1), tl.program_id(2).to(tl.int64)
    count = size * size
    pixel = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    known = pixel < count
    luminance, blue, red = code_values(
        luma, chroma, places, step, other_step, clip, frame, height, width, size, pixel, known
    )
    there = view + ((clip * frames + frame) * count + pixel) * 3
    for channel in tl.static_range(3):
        weights = matrix + ((clip * 3 + channel) * matrices + frame % matrices) * 4
        value = (
            tl.load(weights) * luminance
            + tl.load(weights + 1) * blue
            + tl.load(weights + 2) * red
            + tl.load(weights + 3)
        )
        value = tl.minimum(tl.maximum(value, -1.0), 1.0)
        tl.store(there + channel, value.to(view.dtype.element_ty), mask=known)
