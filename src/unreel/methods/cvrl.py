"""CVRL (Qian et al., CVPR 2021): contrast of two clips of each video, near ones drawn more often.

Facts from the authors' code (tensorflow/models, official/projects/video_ssl: ops, losses, configs): two clips of 16
frames, every second one; the density of their distance Δ is 2 (1 − Δ/M)/M; both directions, the clips of the own side
are negatives too. Ours: HDC's views, and its head of two layers instead of four.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor, nn

from unreel.losses import nt_xent, watch
from unreel.methods.heads import projection, ready, top_features
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import CVRLSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces, places


@final
@dataclass(frozen=True)
class NearClips:
    """Two clips, the distance of whose starts has a density that falls linearly to 0 at the largest; either first."""

    clip: Pieces

    @property
    def needed(self) -> int:
        """A clip's span: the two may overlap."""
        return self.clip.needed

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "2 t"]:
        """The frames of both clips."""
        chance, most = draw("clips"), count - self.needed
        apart = round(most * (1 - float(np.sqrt(chance.random()))))
        first = int(chance.integers(most - apart + 1))
        starts = [first, first + apart] if chance.random() < 0.5 else [first + apart, first]
        return np.array(starts)[:, None] + self.clip.stride * np.arange(self.clip.length)

    def regions(self, draw: Draw) -> Float[np.ndarray, "2 2"]:
        """Random places, or the centre."""
        return places(draw, 2, random=self.clip.random_region)


@final
class CVRL(nn.Module):
    """a view of each of two clips ─▶ encoder ─▶ mean of its last level ─▶ head ─▶ contrast over the batch."""

    settings_kind = CVRLSettings
    all_used = True

    def __init__(self, settings: CVRLSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings)
        self.sampling = NearClips(
            Pieces(settings.encoder.clip_length, stride=settings.stride, random_region=settings.augmentation.crop)
        )
        self.projection = projection("mlp", channels)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """The embeddings (b d) of both clips."""
        shown = [self.view(batch, f"clip {row}", row) for row in range(2)]
        first, second = self.projection(top_features(self.encoder, shown)).unbind(dim=1)
        return {"first": first, "second": second}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """The contrast, and how often the other clip of the video is the nearest."""
        found = nt_xent(outputs["first"], outputs["second"], temperature=self.settings.temperature)
        figures = watch({"clips": (outputs["first"], outputs["second"])}) if watched else {}
        return Loss(found.loss, {"clips": found.loss.detach()}, {"accuracy/clips": found.accuracy, **figures})

    def updated(self, outputs: Mapping[str, Tensor], step: int) -> None:
        """Nothing: it has no state but its weights."""
