"""Instance norm with what follows it, for GPUs: two passes over the maps forward, two backward (needs Triton).

    statistics   mean and spread of every clip's channels, in parts        reads maps
    apply        ReLU(norm(maps) + added)                                  reads maps (and added), writes the result
    sums         what the gradient of mean and spread need, in parts       reads maps, gradient (and the result)
    gradients    that of maps (and of added)                               reads the same again, writes

Maps are (clip, position, channel) in memory, channels innermost (channels_last_3d): every access is of neighbours. All
is computed in float32, whatever the maps are in. Only these kernels are Triton's
language; `models.triton_norm` calls them.
"""

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def own_channels(channels, COLUMNS: tl.constexpr):
    """This program's channels, and which of them there are."""
    column = tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS)
    return column, column < channels


@triton.jit
@no_type_check
def places(clip, row, column, last, positions, channels):
    """Where positions before `last` of a clip lie in memory, and which of these places there are."""
    here = (clip * positions + row)[:, None] * channels + column[None, :]
    return here, (row < last)[:, None] & (column < channels)[None, :]


@triton.jit
@no_type_check
def behind_relu(gradient, out, here, inside, RECTIFIED: tl.constexpr):
    """The gradient of what ReLU was given, if there is one."""
    slope = tl.load(gradient + here, mask=inside, other=0.0).to(tl.float32)
    if RECTIFIED:
        slope = tl.where(tl.load(out + here, mask=inside, other=0.0) > 0, slope, 0.0)
    return slope


@triton.jit
@no_type_check
def statistics(maps, means, squares, positions, channels, span, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Mean and sum of squared deviations (clip, part, channel) of the part's positions: Chan et al. 1979."""
    part, parts, clip = tl.program_id(0), tl.num_programs(0), tl.program_id(1).to(tl.int64)
    column, known = own_channels(channels, COLUMNS)
    first = part * span
    last = tl.minimum(first + span, positions)
    mean = tl.zeros([COLUMNS], tl.float32)
    square = tl.zeros([COLUMNS], tl.float32)
    for start in range(first, last, ROWS):
        row = start + tl.arange(0, ROWS)
        here, inside = places(clip, row, column, last, positions, channels)
        values = tl.load(maps + here, mask=inside, other=0.0).to(tl.float32)
        before, count = (start - first).to(tl.float32), tl.minimum(last - start, ROWS).to(tl.float32)
        own = tl.sum(values, 0) / count
        deviation = tl.where(inside, values - own[None, :], 0.0)
        distance = own - mean
        square += tl.sum(deviation * deviation, 0) + distance * distance * (before * count / (before + count))
        mean += distance * (count / (before + count))
    there = (clip * parts + part) * channels + column
    tl.store(means + there, mean, mask=known)
    tl.store(squares + there, square, mask=known)


@triton.jit
@no_type_check
def apply(
    maps, added, out, mean, scale, shift, positions, channels,
    ADDED: tl.constexpr, RECTIFIED: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """`out` = (maps − mean) · scale + shift, with `added` and ReLU where wanted; mean and scale are (clip, channel)."""
    clip = tl.program_id(1).to(tl.int64)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column, known = own_channels(channels, COLUMNS)
    here, inside = places(clip, row, column, positions, positions, channels)
    centre = tl.load(mean + clip * channels + column, mask=known, other=0.0)
    factor = tl.load(scale + clip * channels + column, mask=known, other=0.0)
    constant = tl.load(shift + column, mask=known, other=0.0)
    values = tl.load(maps + here, mask=inside, other=0.0).to(tl.float32)
    values = (values - centre[None, :]) * factor[None, :] + constant[None, :]
    if ADDED:
        values += tl.load(added + here, mask=inside, other=0.0).to(tl.float32)
    if RECTIFIED:
        values = tl.maximum(values, 0.0)
    tl.store(out + here, values.to(out.dtype.element_ty), mask=inside)


@triton.jit
@no_type_check
def sums(
    maps, out, gradient, mean, deviation, totals, products, positions, channels, span,
    RECTIFIED: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Sums (clip, part, channel) of the gradient behind ReLU, and of it times the normalised maps."""
    part, parts, clip = tl.program_id(0), tl.num_programs(0), tl.program_id(1).to(tl.int64)
    column, known = own_channels(channels, COLUMNS)
    centre = tl.load(mean + clip * channels + column, mask=known, other=0.0)
    inverse = tl.load(deviation + clip * channels + column, mask=known, other=0.0)
    total = tl.zeros([COLUMNS], tl.float32)
    product = tl.zeros([COLUMNS], tl.float32)
    first = part * span
    last = tl.minimum(first + span, positions)
    for start in range(first, last, ROWS):
        row = start + tl.arange(0, ROWS)
        here, inside = places(clip, row, column, last, positions, channels)
        slope = behind_relu(gradient, out, here, inside, RECTIFIED)
        values = tl.load(maps + here, mask=inside, other=0.0).to(tl.float32)
        total += tl.sum(slope, 0)
        product += tl.sum(slope * (values - centre[None, :]), 0)
    there = (clip * parts + part) * channels + column
    tl.store(totals + there, total, mask=known)
    tl.store(products + there, product * inverse, mask=known)


@triton.jit
@no_type_check
def gradients(
    maps, out, gradient, of_maps, of_added, mean, deviation, scale, total, product, positions, channels,
    ADDED: tl.constexpr, RECTIFIED: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """The gradient of the maps, and of what was added: that behind ReLU. `total` and `product` are means already."""
    clip = tl.program_id(1).to(tl.int64)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column, known = own_channels(channels, COLUMNS)
    here, inside = places(clip, row, column, positions, positions, channels)
    place = clip * channels + column
    centre = tl.load(mean + place, mask=known, other=0.0)
    inverse = tl.load(deviation + place, mask=known, other=0.0)
    factor = tl.load(scale + place, mask=known, other=0.0)
    own = tl.load(total + place, mask=known, other=0.0)
    along = tl.load(product + place, mask=known, other=0.0) * inverse
    slope = behind_relu(gradient, out, here, inside, RECTIFIED)
    if ADDED:
        tl.store(of_added + here, slope.to(of_added.dtype.element_ty), mask=inside)
    values = tl.load(maps + here, mask=inside, other=0.0).to(tl.float32) - centre[None, :]
    slope = (slope - own[None, :] - values * along[None, :]) * factor[None, :]
    tl.store(of_maps + here, slope.to(of_maps.dtype.element_ty), mask=inside)
