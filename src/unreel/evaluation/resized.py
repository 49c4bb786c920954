"""Frames resized with their aspect not kept, and the centre of them: what the protocol `vcop` shows.

Resizing is bilinear and, where it makes smaller, over as many pixels as fall on one (as Pillow does it); it is linear,
so resizing and cutting the centre out are two small matrices, one across and one down.

    prepared frame      128 × 170        any size
      resized to        128 × 171        `frame`
      centre of it      112 × 112        rows 8 to 119, columns 30 to 141
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


def centre_of_resized(
    luma: UInt8[Tensor, "v t h w"],
    chroma: UInt8[Tensor, "v t 2 h/2 w/2"],
    to_rgb: Float[Tensor, "3 4"],
    frame: tuple[int, int],
    size: int,
) -> Float[Tensor, "v 3 t {size} {size}"]:
    """The centre of `size` pixels of the frames when these are given `frame` (height, width): RGB in [−1, 1].

    Chroma is sited as in `unreel.augment.apply_views`: beside the left of its luma samples, between upper and lower.
    """
    height, width = luma.shape[2:]
    down, across = (_weights(length, new, size) for length, new in zip((height, width), frame, strict=True))
    chroma_down = _weights(height // 2, frame[0], size)
    chroma_across = _weights(width // 2, frame[1], size, shift=0.25)
    brightness = _resampled(luma[:, :, None], down, across)
    colours = _resampled(chroma, chroma_down, chroma_across)
    yuv = torch.cat([brightness, colours], dim=2)
    rgb = torch.einsum("rc,vtcyx->vrtyx", to_rgb[:, :3], yuv) + to_rgb[:, 3, None, None, None]
    return (2 * rgb - 1).clamp_(-1, 1)


def _resampled(
    planes: UInt8[Tensor, "v t p h w"], down: Float[Tensor, "y h"], across: Float[Tensor, "x w"]
) -> Float[Tensor, "v t p y x"]:
    return down.to(planes.device) @ (planes.float() @ across.T.to(planes.device))


def _weights(cells: int, resized: int, shown: int, *, shift: float = 0.0) -> Float[Tensor, "{shown} {cells}"]:
    """The shares of `cells` samples in each of the `shown` pixels in the middle of `resized` ones.

    `shift` says how far, in samples, the samples lie to the left of the middle of their cells.
    """
    first = round((resized - shown) / 2)
    scale = cells / resized
    centres = (torch.arange(first, first + shown, dtype=torch.float64) + 0.5) * scale + shift
    distance = (torch.arange(cells, dtype=torch.float64) + 0.5 - centres[:, None]).abs()
    weights = (1 - distance / max(scale, 1.0)).clamp(min=0)
    return (weights / weights.sum(dim=1, keepdim=True)).float()
