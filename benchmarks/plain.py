"""A pretraining step as a good paper's repository writes it: the rival of `step.py`.

RGB frames on the host, transformed clip by clip, view by view and frame by frame as torchvision's transforms do
(torchvision itself is not built for every torch, so they are written here with torch's functions); 3D-ResNet18 of
torch's own layers; a pass of the encoder for each view; the loss of every level and position by cross entropy; float32.
"""

import random
from typing import final

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from unreel.settings.augmentation import AugmentationSettings

Frames = UInt8[Tensor, "t h w 3"]
Picture = Float[Tensor, "3 h w"]
LEVELS = (3, 4, 5)
EMBEDDING_WIDTH = 128


@final
class Transforms:
    """Crop and scale, flip, colour jitter, one channel in all three, values in [−1, 1]: one draw per clip."""

    def __init__(self, settings: AugmentationSettings, size: int, chance: random.Random) -> None:
        self._settings, self._size, self._chance = settings, size, chance

    def __call__(self, frames: Frames) -> Float[Tensor, "3 t s s"]:
        """A view of a clip."""
        settings, chance = self._settings, self._chance
        height, width = frames.shape[1:3]
        side = round(chance.choice(settings.scales) * min(height, width))
        self._top, self._left = chance.randint(0, height - side), chance.randint(0, width - side)
        self._side = side
        self._flip = chance.random() < settings.flip_probability
        strengths = (settings.brightness, settings.contrast, settings.saturation)
        self._factors = [chance.uniform(1 - strength, 1 + strength) for strength in strengths]
        self._hue = chance.uniform(-settings.hue, settings.hue)
        replicated = chance.random() < settings.channel_replication_probability
        self._channel = chance.randrange(3) if replicated else None
        return torch.stack([self._frame(frame) for frame in frames], dim=1)

    def _frame(self, frame: UInt8[Tensor, "h w 3"]) -> Picture:
        picture = frame.permute(2, 0, 1).contiguous().float() / 255
        picture = picture[:, self._top : self._top + self._side, self._left : self._left + self._side]
        size = (self._size, self._size)
        picture = functional.interpolate(picture[None], size, mode="bilinear", align_corners=False)[0]
        if self._flip:
            picture = picture.flip(2)
        brightness, contrast, saturation = self._factors
        picture = (picture * brightness).clamp(0, 1)
        picture = _mixed(picture, _grey(picture).mean(), contrast)
        picture = _mixed(picture, _grey(picture), saturation)
        picture = _turned(picture, self._hue)
        if self._channel is not None:
            picture = picture[self._channel].expand(3, -1, -1)
        return (picture - 0.5) / 0.5


def _mixed(picture: Picture, other: Tensor, factor: float) -> Picture:
    return (factor * picture + (1 - factor) * other).clamp(0, 1)


def _grey(picture: Picture) -> Float[Tensor, "1 h w"]:
    red, green, blue = picture[0:1], picture[1:2], picture[2:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _turned(picture: Picture, turn: float) -> Picture:
    """The hue of HSV turned: to HSV and back."""
    high, low = picture.amax(dim=0), picture.amin(dim=0)
    spread = high - low
    safe = torch.where(spread == 0, 1.0, spread)
    red, green, blue = picture
    sextant = torch.where(
        high == red,
        (green - blue) / safe % 6,
        torch.where(high == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue, saturation = (sextant / 6 + turn) % 1, spread / torch.where(high == 0, 1.0, high)
    chroma = high * saturation
    distance = torch.stack([(hue * 6 + shift) % 6 for shift in (5.0, 3.0, 1.0)])
    return high - chroma * torch.minimum(distance, 4 - distance).clamp(0, 1)


@final
class Block(nn.Module):
    """A basic block with shortcut B."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.norm1 = nn.InstanceNorm3d(channels_out, affine=True)
        self.conv2 = nn.Conv3d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norm2 = nn.InstanceNorm3d(channels_out, affine=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels_out:
            projection = nn.Conv3d(channels_in, channels_out, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.InstanceNorm3d(channels_out, affine=True))

    def forward(self, maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t2 h2 w2"]:
        """The block's maps."""
        hidden = functional.relu(self.norm1(self.conv1(maps)))
        return functional.relu(self.norm2(self.conv2(hidden)) + self.shortcut(maps))


@final
class PlainHDC(nn.Module):
    """3D-ResNet18 and the projections of three views; the loss of three clips per video (b 3 t s s)."""

    def __init__(self, width: float, temperature: float, alpha: tuple[float, ...], beta: tuple[float, ...]) -> None:
        super().__init__()
        planes = [max(1, round(width * channels)) for channels in (64, 128, 256, 512)]
        self.temperature, self.alpha, self.beta = temperature, alpha, beta
        self.stem = nn.Conv3d(3, planes[0], 7, stride=(1, 2, 2), padding=3, bias=False)
        self.norm, self.pool = nn.InstanceNorm3d(planes[0], affine=True), nn.MaxPool3d(3, stride=2, padding=1)
        self.stages = nn.ModuleList(
            nn.Sequential(Block(first, last, stride), Block(last, last, 1))
            for first, last, stride in zip([planes[0], *planes], planes, (1, 2, 2, 2), strict=False)
        )
        self.projections = nn.ModuleDict(
            {f"{view}{k}": nn.Linear(planes[k - 2], EMBEDDING_WIDTH) for view in "ost" for k in LEVELS}
        )

    def forward(self, views: dict[str, Float[Tensor, "b 3 t s s"]]) -> Float[Tensor, ""]:
        """The loss."""
        levels = {view: self._levels(clips) for view, clips in views.items()}
        total = views["o"].new_zeros(())
        for k, alpha, beta in zip(LEVELS, self.alpha, self.beta, strict=True):
            spatial = [self.projections[f"{v}{k}"](levels[v][k].mean(dim=(3, 4)).transpose(1, 2)) for v in "os"]
            losses = [self._info_nce(*pair) for pair in zip(*(each.unbind(dim=1) for each in spatial), strict=True)]
            total = total + alpha * torch.stack(losses).mean()
            temporal = [self.projections[f"{v}{k}"](levels[v][k].mean(dim=(2, 3, 4))) for v in "ot"]
            total = total + beta * self._info_nce(temporal[0], temporal[1])
        return total

    def _levels(self, clips: Tensor) -> dict[int, Tensor]:
        maps, levels = self.pool(functional.relu(self.norm(self.stem(clips)))), {}
        for level, stage in enumerate(self.stages, 2):
            levels[level] = maps = stage(maps)
        return levels

    def _info_nce(self, anchors: Float[Tensor, "b d"], positives: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
        similarities = functional.normalize(anchors, dim=1) @ functional.normalize(positives, dim=1).T
        return functional.cross_entropy(
            similarities / self.temperature, torch.arange(len(anchors), device=anchors.device)
        )
