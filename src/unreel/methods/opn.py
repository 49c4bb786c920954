"""OPN (Lee et al., ICCV 2017): in which order, forwards or backwards alike, are four pieces of a video shown?

Facts from the authors' files (HsinYingLee/OPN: UCF_datalayers.py, prototxt): an order and its reverse are one class;
80 of 100 pixels are cut with an offset of up to 5 pixels of each frame's own; one channel is shown in all three, drawn
for each frame; one mirror for all. Ours: frames become pieces, with a box and a channel of their own, and no piece is
chosen by its motion; the pair head has no batch norm.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unreel.augment import ViewDraws
from unreel.losses import classification
from unreel.methods.heads import Centre, PairHead, drawn, ready, top_features
from unreel.methods.ordering import Shuffled, order_drawn, orders
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import OPNSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import Pieces

PIECES = 4
KEPT = 80 / 90
"""Side of a piece's box beside that of the patch it lies in: 5 of 80 pixels are left to every side."""


def class_of(number: int) -> int:
    """The class of an order by its number: an order and its reverse are one."""
    forwards = [order for order in orders(PIECES) if order <= order[::-1]]
    order = orders(PIECES)[number]
    return forwards.index(min(order, order[::-1]))


CLASSES = len(orders(PIECES)) // 2


@final
class OPN(nn.Module):
    """four pieces in some order, a view of each ─▶ encoder ─▶ mean of its last level ─▶ pair head ─▶ which order."""

    settings_kind = OPNSettings
    all_used = True

    def __init__(self, settings: OPNSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, settings.piece_length)
        self.sampling = Shuffled(four_pieces(settings))
        self.centre = Centre(channels, settings.centre)
        self.head = PairHead(channels, PIECES, CLASSES)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 12), and the class of each video's order (b)."""
        shown = guarded_views(self.view, self.settings, batch)
        features, more = self.centre(top_features(self.encoder, shown))
        numbers = drawn(self.settings, batch, partial(order_drawn, count=PIECES))
        targets = torch.tensor([class_of(number) for number in numbers], device=features.device)
        return {"logits": self.head(features, self.settings.seed, batch), "given/targets": targets, **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often the order is told rightly."""
        return classification(outputs["logits"], outputs["given/targets"], {"order": 1}, watched=watched)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features."""
        self.centre.follow(outputs)


def four_pieces(settings: OPNSettings) -> Pieces:
    """The pieces that are ordered, all cut at one place of the frame."""
    random = settings.augmentation.crop
    return Pieces(settings.piece_length, PIECES, settings.piece_gap, random_region=random, together=True)


def guarded_views(view: Views, settings: OPNSettings, batch: ClipBatch) -> list[Float[Tensor, "b 3 t s s"]]:
    """A view of each piece: one draw for all, but for the box, which lies elsewhere in the patch, and the channel."""
    return [view(batch, "tuple", row, partial(_apart, settings, batch, row)) for row in range(PIECES)]


def _apart(settings: OPNSettings, batch: ClipBatch, row: int, draws: ViewDraws) -> ViewDraws:
    def own(draw: Draw) -> tuple[float, float, int]:
        chance = draw(f"piece {row}")
        return chance.random(), chance.random(), int(chance.integers(3))

    left, top, channel = (torch.tensor(each) for each in zip(*drawn(settings, batch, own), strict=True))
    patch = draws.box[:, 2]
    room = (1 - KEPT) * patch
    box = torch.stack([draws.box[:, 0] + left * room, draws.box[:, 1] + top * room, KEPT * patch], dim=1)
    shown = channel[:, None] if settings.augmentation.channel_replication else draws.channel
    return replace(draws, box=box.to(draws.box), channel=shown)
