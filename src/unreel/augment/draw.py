"""The chance of an augmentation: one row of numbers per clip, drawn from (seed, epoch, video, view).

One row serves all frames of a clip (Sec. 3.3), so a view changes how a clip looks and never how it moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.random import Generator
from torch import Tensor

from unreel.rng import generator
from unreel.settings.augmentation import AugmentationSettings

CENTRE_SHARE = 0.875
"""Side of the plain crop as a share of the region's: 112 of 128 pixels, cut without being scaled."""


@dataclass(frozen=True)
class ViewDraws:
    """What was drawn for `b` clips.

    `box` is (left, top, side) of the square crop as shares of the region's side, `flip` −1 for mirrored, 1 otherwise,
    `jitter` the factors of brightness, contrast and saturation (1 = unchanged) and the turn of the hue (as a share of
    the full circle, 0 = unchanged), `channel` the one channel shown in all three (0, 1, 2) or −1: one for the whole
    clip (t = 1) or one for each of its frames.
    """

    box: Float[Tensor, "b 3"]
    flip: Float[Tensor, " b"]
    jitter: Float[Tensor, "b 4"]
    channel: Int[Tensor, "b t"]

    def __len__(self) -> int:
        return len(self.flip)

    def to(self, device: torch.device) -> "ViewDraws":
        """The same on `device`."""
        return ViewDraws(*(each.to(device, non_blocking=True) for each in vars(self).values()))


def draw_views(
    settings: AugmentationSettings, *, seed: int, epoch: int, ids: Sequence[str], view: str, frames: int = 16
) -> ViewDraws:
    """One row for each video of `ids`, the same whenever seed, epoch, id and view are the same.

    `frames` is the clips' length; it matters only where the channel is drawn for every frame.
    """
    if view == "t" and not settings.in_temporal_contrast:
        return centre_draws(len(ids), CENTRE_SHARE)
    channels = frames if settings.channel_replication_per_frame else 1
    rows = [_draw(settings, generator(seed, "view", epoch, video, view), channels) for video in ids]
    table = torch.from_numpy(np.asarray(rows, dtype=np.float32))
    return ViewDraws(table[:, 0:3], table[:, 3], table[:, 4:8], table[:, 8:].long())


def centre_draws(count: int, share: float) -> ViewDraws:
    """No chance at all: the centre square whose side is `share` of the region's, colours untouched."""
    margin = (1 - share) / 2
    box = torch.tensor([margin, margin, share]).expand(count, 3)
    jitter = torch.tensor([1.0, 1.0, 1.0, 0.0]).expand(count, 4)
    return ViewDraws(box, torch.ones(count), jitter, torch.full((count, 1), -1))


def _draw(settings: AugmentationSettings, chance: Generator, channels: int) -> list[float]:
    # Every number is drawn whether it is used or not: switching one transformation off leaves the others as they were.
    side = settings.scales[chance.integers(len(settings.scales))]
    position = chance.random(2)
    flipped = chance.random() < settings.flip_probability
    strengths = (settings.brightness, settings.contrast, settings.saturation)
    factors = [1 + strength * (2 * share - 1) for strength, share in zip(strengths, chance.random(3), strict=True)]
    hue = settings.hue * (2 * chance.random() - 1)
    replicated = chance.random() < settings.channel_replication_probability
    channel = chance.integers(3, size=channels)  # the last draw: its first number is the same however many follow
    if not settings.scale_jitter:
        side = CENTRE_SHARE
    left, top = position * (1 - side) if settings.crop else ((1 - side) / 2, (1 - side) / 2)
    jitter = [*factors, hue] if settings.colour_jitter else [1.0, 1.0, 1.0, 0.0]
    flip = -1.0 if settings.flip and flipped else 1.0
    shown = channel if settings.channel_replication and replicated else np.full(channels, -1)
    return [float(left), float(top), side, flip, *jitter, *map(float, shown)]
