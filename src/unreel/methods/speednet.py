"""SpeedNet (Benaim et al., CVPR 2020): is the clip shown at its own speed or at twice that?

Recalled from the paper; no code was found. Both versions of a clip are in the batch; the input is scaled at random, so
that size tells nothing; the largest value over space and the mean over time go to one logit. Ours: whole frames are
skipped, 1 or 2, where the paper draws 1 to 1.2 and 1.7 to 2.2; HDC's views.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unreel.losses import classification
from unreel.methods.heads import Centre, ready
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import SpeedNetSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces, places

SPEEDS = (1, 2)


@final
@dataclass(frozen=True)
class BothSpeeds:
    """A clip at its own speed and at twice that, from one start."""

    length: int
    random_region: bool = True

    @property
    def needed(self) -> int:
        """What the faster one spans."""
        return (self.length - 1) * SPEEDS[-1] + 1

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "2 t"]:
        """The frames of both versions."""
        start = Pieces(self.length, stride=SPEEDS[-1]).frames(count, draw)[0, 0]
        table: np.ndarray = start + np.array(SPEEDS)[:, None] * np.arange(self.length)
        return table

    def regions(self, draw: Draw) -> Float[np.ndarray, "2 2"]:
        """One place for both: random, or the centre."""
        return places(draw, 2, random=self.random_region, together=True)


@final
class SpeedNet(nn.Module):
    """both speeds, a view of each ─▶ encoder ─▶ largest over space, mean over time ─▶ one logit ─▶ fast or not."""

    settings_kind = SpeedNetSettings
    all_used = True

    def __init__(self, settings: SpeedNetSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings)
        self.sampling = BothSpeeds(settings.encoder.clip_length, settings.augmentation.crop)
        self.centre = Centre(channels, settings.centre)
        self.linear = nn.Linear(channels, 1)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 2 2) of both versions, the first of each being 0, and which is fast (b 2)."""
        shown = torch.cat([self.view(batch, f"speed {speed}", row) for row, speed in enumerate(SPEEDS)])
        maps = self.encoder(shown)[self.encoder.top].amax(dim=(3, 4)).mean(dim=2)
        features, more = self.centre(torch.stack(maps.chunk(2), dim=1))
        fast = self.linear(features)
        targets = torch.arange(2, device=fast.device).expand(len(batch), 2)
        return {"logits": torch.cat([torch.zeros_like(fast), fast], dim=2), "given/targets": targets, **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Binary cross entropy, and how often the speed is told rightly."""
        return classification(outputs["logits"], outputs["given/targets"], {"speed": 1}, watched=watched)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features."""
        self.centre.follow(outputs)
