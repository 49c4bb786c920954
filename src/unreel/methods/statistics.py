"""Motion and appearance statistics (Wang et al., CVPR 2019): where does most move, and what changes most?

Facts from the authors' code (laura-wang/video_repres_mas, video_repres_sts): 14 numbers of motion and 13 of
appearance, counted from 1, learnt by squared error, appearance with weight .1. Motion: the boundaries (3×3
derivatives) of the flow's two parts, added over the clip; for a 4×4 grid, 4 nested rings and 8 triangles the place of
the largest and its direction of eight, for both parts; and the frame of the largest, for both. Appearance: for each
pattern the place that changes most and the one that changes least by histograms, and the octant of their commonest
colour; and that of all. Ours: the targets are of the view, at 28² pixels; flow by Lucas and Kanade instead of TV-L1;
where nothing moves it is place 1; histograms of 32 bins.
"""

import math
from collections.abc import Mapping
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from unreel.augment.apply import GREY
from unreel.engine import process_group
from unreel.methods.heads import ready, top_features
from unreel.methods.views import Views
from unreel.settings.rivals import StatisticsSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces

SIDE = 28
BINS = 32
DIRECTIONS = 8
MOTION, APPEARANCE = 14, 13
_STILL = 1e-6


@final
class Statistics(nn.Module):
    """view ─▶ encoder ─▶ mean of its last level ─▶ linear layer ─▶ 27 numbers, beside those counted in the view."""

    settings_kind = StatisticsSettings
    all_used = True

    def __init__(self, settings: StatisticsSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, max(settings.encoder.clip_length, 2))
        self.sampling = Pieces(settings.encoder.clip_length, random_region=settings.augmentation.crop)
        self.linear = nn.Linear(channels, MOTION + APPEARANCE)

    def forward(self, batch: ClipBatch) -> dict[str, Float[Tensor, "b 27"]]:
        """The numbers as told, and as they are."""
        clips = self.view(batch, "clip")
        with torch.autocast(clips.device.type, enabled=False), torch.no_grad():
            targets = torch.cat([motion_statistics(clips), appearance_statistics(clips)], dim=1)
        return {"numbers": self.linear(top_features(self.encoder, [clips])[:, 0]), "given/targets": targets}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """The squared errors, means over numbers and videos, and how often a number is told to within a half."""
        wrong = outputs["numbers"].to(torch.promote_types(outputs["numbers"].dtype, torch.float32))
        wrong = wrong - outputs["given/targets"]
        motion, appearance = (each.square().mean() for each in torch.split(wrong, [MOTION, APPEARANCE], dim=1))
        right = (wrong.abs() < 0.5).to(wrong).mean()
        motion, whole, right = process_group.of_whole_batch(motion, appearance, right)
        appearance = appearance + (whole - appearance).detach()
        total = motion + self.settings.appearance_weight * appearance
        parts = {"motion": motion.detach(), "appearance": appearance.detach()}
        return Loss(total, parts, {"accuracy/numbers": right} if watched else {})

    def updated(self, outputs: Mapping[str, Tensor], step: int) -> None:
        """Nothing: it has no state but its weights."""


def patterns() -> list[Int[Tensor, "28 28"]]:
    """For each pattern the place that every pixel belongs to, from 0: grid, rings, triangles."""
    lines, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    grid = lines * 4 // SIDE * 4 + columns * 4 // SIDE
    y, x = lines - (SIDE - 1) / 2, columns - (SIDE - 1) / 2
    rings = (torch.maximum(x.abs(), y.abs()) * 8 / SIDE).long()
    return [grid, rings, _octant(x, y)]


def motion_statistics(clips: Float[Tensor, "b 3 t s s"]) -> Float[Tensor, "b 14"]:
    """Of both parts of the flow, and each pattern: place and direction of the strongest boundary; and its frame."""
    grey = functional.adaptive_avg_pool3d(_grey(clips)[:, None], (None, SIDE, SIDE))[:, 0]
    numbers: list[Tensor] = []
    for part in lucas_kanade(grey):  # (b t-1 h w)
        across, down = _derivatives(part)
        frames = torch.hypot(across, down).mean(dim=(2, 3))
        across, down = across.sum(dim=1), down.sum(dim=1)
        strength, direction = torch.hypot(across, down), _octant(across, down)
        for pattern in patterns():
            numbers += _strongest(strength, direction, pattern.to(clips.device))
        numbers.append(torch.where(frames.amax(dim=1) > _STILL, frames.argmax(dim=1), 0))
    return torch.stack(numbers, dim=1).to(clips) + 1


def lucas_kanade(grey: Float[Tensor, "b t h w"]) -> tuple[Float[Tensor, "b t-1 h w"], Float[Tensor, "b t-1 h w"]]:
    """How far every pixel moves to the next frame, across and down, by least squares over 5×5 pixels.

    Source: Lucas and Kanade, IJCAI 1981; where there is no texture, nothing moves.
    """
    first, second = grey[:, :-1], grey[:, 1:]
    across, down = _derivatives((first + second) / 2)
    later = second - first
    xx, xy, yy, xt, yt = (
        functional.avg_pool2d(each, 5, 1, 2)
        for each in (across * across, across * down, down * down, across * later, down * later)
    )
    xx, yy = xx + 1e-4, yy + 1e-4
    determinant = xx * yy - xy * xy
    return (xy * yt - yy * xt) / determinant, (xy * xt - xx * yt) / determinant


def appearance_statistics(clips: Float[Tensor, "b 3 t s s"]) -> Float[Tensor, "b 13"]:
    """Of each pattern the place that changes most and its commonest colour, and least; and the commonest of all."""
    small = functional.adaptive_avg_pool3d(clips, (None, SIDE, SIDE))
    bins = ((small + 1) / 2 * BINS).long().clamp(0, BINS - 1)
    octants = ((small > 0).long() * torch.tensor([4, 2, 1], device=clips.device)[:, None, None, None]).sum(dim=1)
    numbers: list[Tensor] = []
    for pattern in patterns():
        histograms = _histograms(bins, pattern.to(clips.device), BINS)  # (b 3 t p bins)
        overlap = (histograms.amin(dim=2).sum(dim=-1) / histograms.amax(dim=2).sum(dim=-1)).mean(dim=1)
        colours = _histograms(octants, pattern.to(clips.device), DIRECTIONS).sum(dim=1)  # (b p 8)
        for place in (overlap.argmin(dim=1), overlap.argmax(dim=1)):
            numbers += [place, colours.argmax(dim=-1).gather(1, place[:, None])[:, 0]]
    numbers.append(colours.sum(dim=1).argmax(dim=-1))
    return torch.stack(numbers, dim=1).to(clips) + 1


def _histograms(values: Int[Tensor, "*b h w"], pattern: Int[Tensor, "h w"], bins: int) -> Int[Tensor, "*b p {bins}"]:
    """How often each value, below `bins`, is found at each place of a pattern, picture by picture."""
    places, pictures = int(pattern.max()) + 1, values.flatten(end_dim=-3)
    rows = torch.arange(len(pictures), device=values.device)[:, None, None]
    counts = torch.bincount(
        ((rows * places + pattern) * bins + pictures).flatten(), minlength=len(pictures) * places * bins
    )
    return counts.view(*values.shape[:-2], places, bins)


def _strongest(
    strength: Float[Tensor, "b h w"], direction: Int[Tensor, "b h w"], pattern: Int[Tensor, "h w"]
) -> list[Int[Tensor, " b"]]:
    """The place whose mean strength is the largest, and the direction that has most of it there."""
    places = functional.one_hot(pattern).to(strength)
    by_direction = strength[..., None] * functional.one_hot(direction, DIRECTIONS).to(strength)
    sums = torch.einsum("bhwk,hwp->bpk", by_direction, places)
    means = sums.sum(dim=-1) / places.sum(dim=(0, 1))
    moves = means.amax(dim=1) > _STILL
    place = torch.where(moves, means.argmax(dim=1), 0)
    told = sums.gather(1, place[:, None, None].expand(-1, 1, DIRECTIONS))[:, 0].argmax(dim=-1)
    return [place, torch.where(moves, told, 0)]


def _octant(across: Tensor, down: Tensor) -> Int[Tensor, "..."]:
    """Which eighth of the circle a direction lies in, from 0: the first begins at the right and goes down."""
    return (torch.atan2(down, across) % (2 * math.pi) / (2 * math.pi) * DIRECTIONS).long().clamp(max=DIRECTIONS - 1)


def _derivatives(values: Float[Tensor, "b t h w"]) -> tuple[Float[Tensor, "b t h w"], Float[Tensor, "b t h w"]]:
    """Those across and down of every frame, by 3×3 kernels (Sobel), edges repeated."""
    smooth, slope = values.new_tensor([1, 2, 1]) / 4, values.new_tensor([-1, 0, 1]) / 2
    kernels = torch.stack([smooth[:, None] * slope, slope[:, None] * smooth])[:, None]
    frames = functional.pad(values.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    across, down = torch.unflatten(functional.conv2d(frames, kernels), 0, values.shape[:2]).unbind(dim=2)
    return across, down


def _grey(clips: Float[Tensor, "b 3 t s s"]) -> Float[Tensor, "b t s s"]:
    return torch.einsum("bcthw,c->bthw", clips, clips.new_tensor(GREY))
