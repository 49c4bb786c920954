"""Pace Prediction with contrast (Wang et al., ECCV 2020): how fast are two clips of a video shown, and are they of one?

The contrast is not in the authors' code; recalled from the paper: the task of `pace`, and .1 times InfoNCE of two clips
of one video at different paces ("same context").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unreel.losses import classification, infonce, watch
from unreel.methods.heads import Centre, drawn, projection, ready, top_features
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import PaceContrastSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import places


def paces_drawn(draw: Draw, paces: int) -> tuple[int, int]:
    """The different paces of a video's two clips, 1 to `paces`, all pairs alike likely."""
    first, second = draw("pace").permutation(paces)[:2]
    return 1 + int(first), 1 + int(second)


@final
@dataclass(frozen=True)
class TwoPaces:
    """Two clips at different paces, each from a start that its pace allows."""

    length: int
    paces: int
    random_region: bool = True

    @property
    def needed(self) -> int:
        """What the fastest clip spans."""
        return (self.length - 1) * self.paces + 1

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "2 t"]:
        """The frames of both clips."""
        strides, chance = np.array(paces_drawn(draw, self.paces)), draw("clips")
        starts = chance.integers(count - (self.length - 1) * strides)
        return starts[:, None] + strides[:, None] * np.arange(self.length)

    def regions(self, draw: Draw) -> Float[np.ndarray, "2 2"]:
        """Random places, or the centre."""
        return places(draw, 2, random=self.random_region)


@final
class PaceContrast(nn.Module):
    """a view of each of two clips ─▶ encoder ─▶ mean of its last level ─▶ linear layers ─▶ which pace, which video."""

    settings_kind = PaceContrastSettings
    all_used = True

    def __init__(self, settings: PaceContrastSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, settings.piece_length)
        self.sampling = TwoPaces(settings.piece_length, settings.paces, settings.augmentation.crop)
        self.centre = Centre(channels, settings.centre)
        self.linear = nn.Linear(channels, settings.paces)
        self.projection = projection("linear", channels)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 2 p), the paces less one (b 2), and the embeddings (b 2 d) of both clips."""
        shown = [self.view(batch, f"clip {row}", row) for row in range(2)]
        features, more = self.centre(top_features(self.encoder, shown))
        paces = drawn(self.settings, batch, partial(paces_drawn, paces=self.settings.paces))
        targets = torch.tensor(paces, device=features.device) - 1
        embeddings = self.projection(features)
        return {"logits": self.linear(features), "embeddings": embeddings, "given/targets": targets, **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy of both clips' paces and the weighted contrast; how often each is right."""
        told = classification(outputs["logits"], outputs["given/targets"], {"pace": 1}, watched=watched)
        first, second = torch.split(outputs["embeddings"], 1, dim=1)
        found = infonce(first, second, temperature=self.settings.temperature)
        figures = {**told.figures, "accuracy/clips": found.accuracy}
        if watched:
            figures |= watch({"clips": (first, second)})
        total = told.total + self.settings.contrast_weight * found.loss
        return Loss(total, {**told.parts, "clips": found.loss.detach()}, figures)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features."""
        self.centre.follow(outputs)
