"""Clip Order (Xu et al., CVPR 2019): in which order are three pieces of a video shown?

Facts from the authors' code (xudejing/video-clip-order-prediction: train_vcop.py, models/vcopn.py, datasets/ucf101.py):
three pieces of 16 frames, 8 frames between them, shown in a uniform order; the label is its place among all six; each
piece is cropped on its own; a layer for every pair of pieces, half of what it gives dropped. Ours: HDC's views without
channel replication, where theirs only crop.
"""

from collections.abc import Mapping
from functools import partial
from typing import final

import torch
from torch import Tensor, nn

from unreel.losses import classification
from unreel.methods.heads import Centre, PairHead, drawn, ready, top_features
from unreel.methods.ordering import Shuffled, order_drawn, orders
from unreel.methods.views import Views
from unreel.settings.rivals import ClipOrderSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces

PIECES = 3


@final
class ClipOrder(nn.Module):
    """three pieces in some order, a view of each ─▶ encoder ─▶ mean of its last level ─▶ pair head ─▶ which order."""

    settings_kind = ClipOrderSettings
    all_used = True

    def __init__(self, settings: ClipOrderSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, settings.piece_length)
        self.sampling = Shuffled(
            Pieces(settings.piece_length, PIECES, settings.piece_gap, random_region=settings.augmentation.crop)
        )
        self.centre = Centre(channels, settings.centre)
        self.head = PairHead(channels, PIECES, len(orders(PIECES)))

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 6), and the number of each video's order (b)."""
        shown = [self.view(batch, f"piece {row}", row) for row in range(PIECES)]
        features, more = self.centre(top_features(self.encoder, shown))
        numbers = drawn(self.settings, batch, partial(order_drawn, count=PIECES))
        targets = torch.tensor(numbers, device=features.device)
        return {"logits": self.head(features, self.settings.seed, batch), "given/targets": targets, **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often the order is told rightly."""
        return classification(outputs["logits"], outputs["given/targets"], {"order": 1}, watched=watched)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features."""
        self.centre.follow(outputs)
