"""Playback rates (Cho et al., 2020, arXiv 2003.02692): which of three clips is backwards, which one fast?

Recalled from the paper, whose repository (hyeon-jo/PSPNet) holds no code: clips of several signed speeds from random
starts, shuffled; a layer for every pair of clips tells which is which. Ours: the speeds −1, 1 and 2, and the encoder's
own norm instead of one over groups in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unreel.losses import classification
from unreel.methods.heads import Centre, PairHead, drawn, ready, top_features
from unreel.methods.ordering import order_drawn, orders
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import PlaybackSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import places

SPEEDS = (-1, 1, 2)


@final
@dataclass(frozen=True)
class Played:
    """Clips at the speeds −1, 1 and 2, each from a start of its own, in an order that is drawn."""

    length: int
    random_region: bool = True

    @property
    def needed(self) -> int:
        """What the fastest one spans."""
        return (self.length - 1) * max(SPEEDS) + 1

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "3 t"]:
        """The frames of the clips, the one shown first in the first row."""
        chance, steps = draw("clips"), np.arange(self.length)
        rows = []
        for speed in SPEEDS:
            frames = speed * steps
            rows.append(frames - frames.min() + chance.integers(count - abs(speed) * (self.length - 1)))
        return np.stack(rows)[list(orders(len(SPEEDS))[order_drawn(draw, len(SPEEDS))])]

    def regions(self, draw: Draw) -> Float[np.ndarray, "3 2"]:
        """Random places, or the centre."""
        return places(draw, len(SPEEDS), random=self.random_region)


@final
class Playback(nn.Module):
    """three clips, a view of each ─▶ encoder ─▶ mean of its last level ─▶ pair head ─▶ which is which."""

    settings_kind = PlaybackSettings
    all_used = True

    def __init__(self, settings: PlaybackSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings)
        self.sampling = Played(settings.encoder.clip_length, settings.augmentation.crop)
        self.centre = Centre(channels, settings.centre)
        self.head = PairHead(channels, len(SPEEDS), len(orders(len(SPEEDS))))

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 6), and the number of the order of each video's speeds (b)."""
        shown = [self.view(batch, f"clip {row}", row) for row in range(len(SPEEDS))]
        features, more = self.centre(top_features(self.encoder, shown))
        numbers = drawn(self.settings, batch, partial(order_drawn, count=len(SPEEDS)))
        targets = torch.tensor(numbers, device=features.device)
        return {"logits": self.head(features, self.settings.seed, batch), "given/targets": targets, **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often all three are told rightly."""
        return classification(outputs["logits"], outputs["given/targets"], {"speeds": 1}, watched=watched)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features."""
        self.centre.follow(outputs)
