"""BYOL (Grill et al., NeurIPS 2020) on videos, with two clips of each (ρBYOL, Feichtenhofer et al., CVPR 2021).

Facts from the authors' code (facebookresearch/SlowFast): the first clip is the query, whose predictor tells what a
slowly following copy gives for the other; no negatives; the copy's share rises from .996 to 1; batch norm in the
heads. Ours: layer norm, which knows no other clip; where the embeddings collapse without batch norm, `standardise` may
help.
"""

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from unreel.engine import process_group
from unreel.losses import standardised, unit, watch
from unreel.methods.heads import mlp, ready, top_features
from unreel.methods.momentum import Follower, rising
from unreel.methods.views import Views
from unreel.settings.rivals import BYOLSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import TwoClips

WIDTH = 256


@final
class BYOL(nn.Module):
    """a view of one clip ─▶ encoder, projector, predictor; of another ─▶ copies of the first two ─▶ −cosine of both."""

    settings_kind = BYOLSettings
    all_used = True

    def __init__(self, settings: BYOLSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings)
        self.sampling = TwoClips(settings.encoder.clip_length, 0.0, settings.augmentation.random_regions)
        self.projector = mlp(channels, 8 * channels, WIDTH)
        self.predictor = mlp(WIDTH, 8 * channels, WIDTH)
        self.keys = Follower(self.encoder, self.projector)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """What is predicted for each video (b d), and what is to be (b d)."""
        features = top_features(self.encoder, [self.view(batch, "query")])[:, 0]
        targets = self.keys.heads(self.keys([self.view(batch, "key", 1)])[:, 0])
        return {"predictions": self.predictor(self.projector(features)), "given/targets": targets}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Minus the cosine, the mean over the batch."""
        predictions, targets = outputs["predictions"], outputs["given/targets"]
        figures = watch({"clips": (predictions, targets)}) if watched else {}
        if self.settings.standardise:
            predictions, targets = standardised(predictions), standardised(targets)
        with torch.autocast(predictions.device.type, enabled=False):
            loss = -(unit(predictions) * unit(targets)).sum(dim=1).mean()
        (total,) = process_group.of_whole_batch(loss)
        return Loss(total, {"cosine": total.detach()}, figures)

    def updated(self, _outputs: Mapping[str, Tensor], step: int) -> None:
        """Let the copies follow."""
        kept = rising(self.settings.momentum_copy, step, self.settings.steps)
        self.keys.follow(self.encoder, self.projector, kept)
