"""The pixels of an augmentation: one bilinear resampling and one colour matrix per clip.

Crop, scale and flip are one affine sampling grid. YUV → RGB, brightness, contrast, saturation, hue, channel
replication and the scaling to [−1, 1] compose into one 3×4 matrix, followed by a single clamp. Only channels drawn for
every frame do not fit in: they are copied at the end.
"""

import math

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from unreel.augment.draw import ViewDraws

GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601 luma of RGB, as torchvision and PIL weigh it


def apply_views(
    luma: UInt8[Tensor, "b t h w"],
    chroma: UInt8[Tensor, "b t 2 h/2 w/2"],
    to_rgb: Float[Tensor, "b 3 4"],
    draws: ViewDraws,
    size: int,
) -> Float[Tensor, "b 3 t {size} {size}"]:
    """The view that `draws` describe: RGB in [−1, 1] at `size` × `size` pixels.

    Chroma is taken as sited beside the left of its luma samples, between the upper and the lower: where MPEG-2, MPEG-4,
    H.264 and their successors have it unless they say otherwise.
    """
    grid = _grid(draws, size).to(to_rgb.device)
    of_chroma = grid + torch.tensor([1 / luma.shape[3], 0], device=grid.device)  # half a luma sample to the right
    planes = [_resample(luma, grid), *(_resample(chroma[:, :, index], of_chroma) for index in (0, 1))]
    yuv = torch.stack(planes, dim=1)  # (b 3 t size size), code values
    matrix = _colour_matrix(draws, to_rgb, yuv.mean(dim=(2, 3, 4)))
    shown = _shown(draws.channel.to(to_rgb.device))
    per_clip = shown.shape[2] == 1
    if per_clip:
        matrix = matrix.gather(1, shown.expand_as(matrix))
    rgb = torch.baddbmm(matrix[:, :, 3:], matrix[:, :, :3], yuv.flatten(2)).clamp_(-1, 1).view_as(yuv)
    return rgb if per_clip else rgb.gather(1, shown[..., None, None].expand_as(rgb))


def _grid(draws: ViewDraws, size: int) -> Float[Tensor, "b s s 2"]:
    left, top, side = draws.box.unbind(dim=1)
    zero = torch.zeros_like(left)
    # grid_sample counts from −1 to 1 over the region: a box of share `side` has its centre at 2·(left + side/2) − 1
    horizontal = torch.stack([draws.flip * side, zero, 2 * left + side - 1], dim=1)
    vertical = torch.stack([zero, side, 2 * top + side - 1], dim=1)
    places = torch.stack([horizontal, vertical], dim=1)
    grid: Tensor = functional.affine_grid(places, [len(draws), 1, size, size], align_corners=False)
    return grid


def _resample(plane: UInt8[Tensor, "b t h w"], grid: Float[Tensor, "b s s 2"]) -> Float[Tensor, "b t s s"]:
    return functional.grid_sample(plane.to(grid.dtype), grid, padding_mode="border", align_corners=False)


def _colour_matrix(
    draws: ViewDraws, to_rgb: Float[Tensor, "b 3 4"], mean_yuv: Float[Tensor, "b 3"]
) -> Float[Tensor, "b 3 4"]:
    """Code values → RGB in [−1, 1]: brightness, contrast about the clip's mean grey, saturation, hue."""
    device = to_rgb.device
    brightness, contrast, saturation, hue = draws.jitter.to(device).unbind(dim=1)
    grey = torch.tensor(GREY, device=device)
    matrix = to_rgb * brightness[:, None, None]
    mean_rgb = torch.einsum("brc,bc->br", matrix[:, :, :3], mean_yuv) + matrix[:, :, 3]
    mean_grey = mean_rgb @ grey
    matrix = matrix * contrast[:, None, None]
    offset = torch.cat([torch.zeros(3, 3, device=device), torch.ones(3, 1, device=device)], dim=1)
    matrix = matrix + ((1 - contrast) * mean_grey)[:, None, None] * offset
    return 2 * (_saturation_and_hue(saturation, hue, grey) @ matrix) - offset


def _shown(channel: Int[Tensor, "b t"]) -> Int[Tensor, "b 3 t"]:
    """Which channel each of red, green and blue shows: its own or the one drawn."""
    own = torch.arange(3, device=channel.device)[:, None]
    return torch.where(channel[:, None] >= 0, channel[:, None], own)


def _saturation_and_hue(
    saturation: Float[Tensor, " b"], hue: Float[Tensor, " b"], grey: Float[Tensor, " 3"]
) -> Float[Tensor, "b 3 3"]:
    """Mix with grey, then turn the colours about the grey axis of RGB by `hue` of a full circle, red towards green.

    The turn is the linear map nearest to the change of hue that image libraries make in HSV.
    """
    angle = 2 * math.pi * hue
    cosine, sine = angle.cos() / 3, angle.sin() / math.sqrt(3)
    own, next_one, last_one = 1 / 3 + 2 * cosine, 1 / 3 - cosine - sine, 1 / 3 - cosine + sine
    rows = [own, next_one, last_one, last_one, own, next_one, next_one, last_one, own]
    turn = torch.stack(rows, dim=1).view(-1, 3, 3)
    identity = torch.eye(3, device=grey.device)
    mixed = saturation[:, None, None] * identity + (1 - saturation)[:, None, None] * grey.expand(3, 3)
    return turn @ mixed
