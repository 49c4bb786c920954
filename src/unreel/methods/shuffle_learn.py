"""Shuffle and Learn (Misra et al., ECCV 2016): are three pieces of a video in order?

Facts from the authors' files (imisra/shuffle-tuple) and, for the share of 75 % out of order, from a third party's
(TCC); the tuples are recalled from the paper: of five moments a < b < c < d < e, (b, c, d) and its reverse are in
order, (b, a, d) and (b, e, d) are not. Ours: five pieces right after each other instead of frames far apart, and no
choice of windows by motion.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unreel.losses import classification
from unreel.methods.heads import Centre, drawn, ready, top_features
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import ShuffleLearnSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces

MOMENTS = 5
TUPLES = ((1, 2, 3), (3, 2, 1), *((1, 0, 3), (1, 4, 3)) * 3)
"""All alike likely: a quarter is in order."""


def tuple_drawn(draw: Draw) -> tuple[int, int, int]:
    """Which three of the five moments of a video are shown, in this order."""
    return TUPLES[draw("tuple").integers(len(TUPLES))]


def in_order(shown: tuple[int, int, int]) -> bool:
    """Whether the moment in the middle lies between the others."""
    return min(shown[0], shown[2]) < shown[1] < max(shown[0], shown[2])


@final
@dataclass(frozen=True)
class ThreeOfFive:
    """Three of five pieces that follow each other."""

    pieces: Pieces

    @property
    def needed(self) -> int:
        """That of all five."""
        return self.pieces.needed

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "3 t"]:
        """The frames of the three."""
        return self.pieces.frames(count, draw)[list(tuple_drawn(draw))]

    def regions(self, draw: Draw) -> Float[np.ndarray, "3 2"]:
        """Random places, or the centre."""
        return self.pieces.regions(draw)[:3]


@final
class ShuffleLearn(nn.Module):
    """three pieces, a view of each ─▶ encoder ─▶ mean of its last level ─▶ linear layer ─▶ in order or not."""

    settings_kind = ShuffleLearnSettings
    all_used = True

    def __init__(self, settings: ShuffleLearnSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, settings.piece_length)
        self.sampling = ThreeOfFive(Pieces(settings.piece_length, MOMENTS, random_region=settings.augmentation.crop))
        self.centre = Centre(channels, settings.centre)
        self.linear = nn.Linear(3 * channels, 2)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 2), and whether each video's pieces are in order (b)."""
        shown = [self.view(batch, f"piece {row}", row) for row in range(3)]
        features, more = self.centre(top_features(self.encoder, shown))
        right = drawn(self.settings, batch, lambda draw: int(in_order(tuple_drawn(draw))))
        targets = torch.tensor(right, device=features.device)
        return {"logits": self.linear(features.flatten(1)), "given/targets": targets, **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often it is told rightly, the mean of both classes."""
        targets = outputs["given/targets"]
        return classification(outputs["logits"], targets, {"order": 1}, watched=watched, balanced=True)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features."""
        self.centre.follow(outputs)
