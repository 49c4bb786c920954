"""Pace Prediction (Wang et al., ECCV 2020): how fast is the clip shown?

Facts from the authors' code (laura-wang/video-pace: train.py, datasets/ucf101.py): 16 frames, each the p-th, p uniform
in 1 to 4; crop, flip and colour jitter; cross entropy on a linear layer. Ours: no looping at the video's end, which
would betray the pace, and one colour jitter for a clip instead of one for every frame.
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
from unreel.methods.heads import Centre, drawn, ready, top_features
from unreel.methods.speed import pace_drawn
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import PaceSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces, places


@final
@dataclass(frozen=True)
class Paced:
    """A clip of every frame, every second, …, at a pace that is drawn, and from a start that it allows."""

    length: int
    paces: int
    random_region: bool = True

    @property
    def needed(self) -> int:
        """What the fastest clip spans."""
        return (self.length - 1) * self.paces + 1

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "1 t"]:
        """The frames of the clip."""
        return Pieces(self.length, stride=pace_drawn(draw, self.paces)).frames(count, draw)

    def regions(self, draw: Draw) -> Float[np.ndarray, "1 2"]:
        """A random place, or the centre."""
        return places(draw, 1, random=self.random_region)


@final
class Pace(nn.Module):
    """view of a clip at some pace ─▶ encoder ─▶ mean of its last level ─▶ linear layer ─▶ which pace."""

    settings_kind = PaceSettings
    all_used = True

    def __init__(self, settings: PaceSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, settings.piece_length)
        self.sampling = Paced(settings.piece_length, settings.paces, settings.augmentation.crop)
        self.centre = Centre(channels, settings.centre)
        self.linear = nn.Linear(channels, settings.paces)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b p), and the number of each video's pace less one (b)."""
        features, more = self.centre(top_features(self.encoder, [self.view(batch, "clip")]))
        paces = drawn(self.settings, batch, partial(pace_drawn, paces=self.settings.paces))
        targets = torch.tensor(paces, device=features.device) - 1
        return {"logits": self.linear(features[:, 0]), "given/targets": targets, **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often the pace is told rightly."""
        return classification(outputs["logits"], outputs["given/targets"], {"pace": 1}, watched=watched)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features."""
        self.centre.follow(outputs)
