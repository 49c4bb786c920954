"""The pixels of an augmentation by two kernels on a GPU, in the encoder's layout and precision (needs Triton)."""

from types import ModuleType

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from unreel.augment.apply import colour_matrix, positions, shown_matrix
from unreel.augment.draw import ViewDraws
from unreel.extras import require

PIXELS = 512
"""What a program makes at a time."""


def kernels() -> ModuleType:
    """The kernels, compiled when they are called first.

    Raises:
        MissingExtraError: Triton is not installed.
    """
    return require("triton", "fused", "unreel.augment.triton_kernels")


def apply_views_fused(
    luma: UInt8[Tensor, "b t h w"],
    chroma: UInt8[Tensor, "b t 2 h/2 w/2"],
    to_rgb: Float[Tensor, "b 3 4"],
    draws: ViewDraws,
    size: int,
    precision: torch.dtype = torch.float32,
) -> Float[Tensor, "b 3 t {size} {size}"]:
    """What `apply_views` gives, to 1e-5 in float32, in channels_last_3d and of the type `precision`.

    Raises:
        MissingExtraError: Triton is not installed.
    """
    clips, frames, height, width = luma.shape
    assert chroma.shape == (clips, frames, 2, height // 2, width // 2)  # kernels look at no bounds
    assert clips == len(draws) and frames and height > 1 and width > 1
    device = to_rgb.device
    here = draws.to(device)
    luma, chroma = (each if each[0].is_contiguous() else each.contiguous() for each in (luma, chroma))
    given, steps = (luma, chroma, positions(here, height, width, size).contiguous()), (luma.stride(0), chroma.stride(0))
    sums = torch.empty(clips, frames, 3, device=device)
    kernels().means[frames, clips](*given, sums, *steps, frames, height, width, size, PIXELS=PIXELS)
    mean = sums.sum(dim=1) / (frames * size * size)
    matrix = shown_matrix(colour_matrix(here, to_rgb, mean), here.channel).contiguous()
    view = torch.empty(clips, frames, size, size, 3, device=device, dtype=precision)
    grid = -(-size * size // PIXELS), frames, clips
    kernels().frames_of_view[grid](
        *given, matrix, view, *steps, frames, matrix.shape[2], height, width, size, PIXELS=PIXELS
    )  # fmt: skip
    return view.permute(0, 4, 1, 2, 3)
