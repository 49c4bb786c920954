"""The pixels of an augmentation: one bilinear resampling and one colour matrix per clip.

Crop, scale and flip are one resampling, first across, then down. YUV → RGB, brightness, contrast, saturation, hue,
channel replication and the scaling to [−1, 1] compose into one 3×4 matrix, followed by a single clamp. Across, a
column is a weighted sum of two columns. Down, the matrix joins in: a row of red, green or blue is a constant and a
weighted sum of six rows, two of each plane. Both are sums that `embedding_bag` makes of whole rows, which takes a
CPU about half the time of looking up pixel by pixel (`grid_sample`) and mixing colours afterwards.
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
    draws = draws.to(to_rgb.device)
    across, down = _places(draws, size)
    rows = _resampled_across(luma, chroma, across)
    index, share = _rows_next_to(down, luma.shape[2])
    matrix = shown_matrix(colour_matrix(draws, to_rgb, _mean(rows, index, share)), draws.channel)
    weight = matrix[..., None, :3].repeat_interleave(2, dim=4) * share[:, None, None]  # two rows of each plane
    return _weighted_sums(rows, index[:, None, None], weight).add_(matrix[..., 3, None, None]).clamp_(-1, 1)


def _places(draws: ViewDraws, size: int) -> tuple[Float[Tensor, "b s"], Float[Tensor, "b s"]]:
    """Where the view's columns and rows lie, as shares of the region's side."""
    left, top, side = draws.box.T[:, :, None]
    centres = (torch.arange(size, device=draws.box.device) + 0.5) / size
    return left + side * (0.5 + draws.flip[:, None] * (centres - 0.5)), top + side * centres


def _resampled_across(
    luma: UInt8[Tensor, "b t h w"], chroma: UInt8[Tensor, "b t 2 h/2 w/2"], places: Float[Tensor, "b s"]
) -> Float[Tensor, "b t 2*h s"]:
    """Every frame as rows of the view's width: those of luma, of Cb and of Cr, one below the other."""
    width = luma.shape[3]
    columns = torch.cat([luma.mT, chroma.permute(0, 1, 4, 2, 3).flatten(3)], dim=2).float()  # (b t w+w/2 h)
    chroma_places = places + 0.5 / width  # half a luma sample to the right
    both = _taps(places, width, 0), _taps(chroma_places, width // 2, width)
    index, share = (torch.stack(taps, dim=1)[:, :, None] for taps in zip(*both, strict=True))
    resampled = _weighted_sums(columns, index, share)  # (b 2 t s h)
    return resampled.permute(0, 2, 1, 4, 3).flatten(2, 3)


def _rows_next_to(places: Float[Tensor, "b s"], height: int) -> tuple[Int[Tensor, "b s 6"], Float[Tensor, "b s 6"]]:
    """Two rows of luma, two of Cb and two of Cr at each place, and their shares in its values."""
    planes = (height, 0), (height // 2, height), (height // 2, height + height // 2)  # how many rows, the first one
    index, share = zip(*(_taps(places, *plane) for plane in planes), strict=True)
    return torch.cat(index, dim=2), torch.cat(share, dim=2)


def _taps(places: Float[Tensor, "b s"], cells: int, first: int) -> tuple[Int[Tensor, "b s 2"], Float[Tensor, "b s 2"]]:
    """The two of `cells` cells, numbered from `first`, next to each place (0 to 1) and their shares in its value."""
    position = (places * cells - 0.5).clamp(0, cells - 1)
    lower = position.floor()
    share = position - lower
    index = torch.stack([lower, (lower + 1).clamp(max=cells - 1)], dim=2).long() + first
    return index, torch.stack([1 - share, share], dim=2)


def _mean(
    rows: Float[Tensor, "b t r n"], index: Int[Tensor, "b s 6"], share: Float[Tensor, "b s 6"]
) -> Float[Tensor, "b 3"]:
    """The mean code values of the view, found without it: the mean of sums is the sum of means."""
    means = rows.mean(dim=3).mean(dim=1)  # faster than over both at once
    values = means.gather(1, index.flatten(1)).view_as(share) * share
    return values.mean(dim=1).view(-1, 3, 2).sum(dim=2)


def _weighted_sums(
    rows: Float[Tensor, "b t r n"], index: Int[Tensor, "b #c 1 s k"], weight: Float[Tensor, "b c #t s k"]
) -> Float[Tensor, "b c t s n"]:
    """Sums of `k` rows each; `index` counts the rows of one frame."""
    clips, frames, count = rows.shape[:3]
    first = count * torch.arange(clips * frames, device=rows.device).view(clips, 1, frames, 1, 1)
    index = (first + index).expand(-1, weight.shape[1], -1, -1, -1)
    bags, weights = index.flatten(0, 3), weight.expand_as(index).flatten(0, 3)
    sums: Tensor = functional.embedding_bag(bags, rows.flatten(0, 2), per_sample_weights=weights, mode="sum")
    return sums.view(*index.shape[:4], -1)


def colour_matrix(
    draws: ViewDraws, to_rgb: Float[Tensor, "b 3 4"], mean_yuv: Float[Tensor, "b 3"]
) -> Float[Tensor, "b 3 4"]:
    """Code values → RGB in [−1, 1]: brightness, contrast about the clip's mean grey, saturation, hue."""
    device = to_rgb.device
    brightness, contrast, saturation, hue = draws.jitter.unbind(dim=1)
    grey = torch.tensor(GREY, device=device)
    matrix = to_rgb * brightness[:, None, None]
    mean_rgb = torch.einsum("brc,bc->br", matrix[:, :, :3], mean_yuv) + matrix[:, :, 3]
    mean_grey = mean_rgb @ grey
    matrix = matrix * contrast[:, None, None]
    offset = torch.cat([torch.zeros(3, 3, device=device), torch.ones(3, 1, device=device)], dim=1)
    matrix = matrix + ((1 - contrast) * mean_grey)[:, None, None] * offset
    return 2 * (_saturation_and_hue(saturation, hue, grey) @ matrix) - offset


def shown_matrix(matrix: Float[Tensor, "b 3 4"], channel: Int[Tensor, "b t"]) -> Float[Tensor, "b 3 t 4"]:
    """The matrix whose red, green and blue are each its own or the one drawn."""
    own = torch.arange(3, device=channel.device)[:, None]
    clip = torch.arange(len(channel), device=channel.device)[:, None, None]
    return matrix[clip, torch.where(channel[:, None] >= 0, channel[:, None], own)]


def positions(draws: ViewDraws, height: int, width: int, size: int) -> Float[Tensor, "b 2 2 s"]:
    """Where the view's columns and rows lie, in samples of luma and of chroma; 0 is the first one's centre."""
    across, down = _places(draws, size)
    chroma_across = across + 0.5 / width  # half a luma sample to the right
    places = torch.stack([across, down, chroma_across, down], dim=1).view(-1, 2, 2, size)
    samples = torch.tensor([[width, height], [width // 2, height // 2]])[..., None].to(places, non_blocking=True)
    return torch.minimum((places * samples - 0.5).clamp(min=0), samples - 1)


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
