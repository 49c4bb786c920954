"""Order prediction in which orders that are told wrongly come more often, after Büchler et al. (ECCV 2018).

Recalled from the paper; no code was found. There a policy network, taught by reinforcement with validation errors,
draws permutations. **Ours is no reinforcement learning**: the pieces and guards of OPN, 24 classes, of which c is drawn
with probability .1/24 + .9 · softmax(e/.1)_c, where e is the running error of each class.
"""

from collections.abc import Mapping
from functools import partial
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unreel.engine import process_group
from unreel.losses import classification
from unreel.methods.heads import Centre, PairHead, drawn, ready, top_features
from unreel.methods.opn import PIECES, four_pieces, guarded_views
from unreel.methods.ordering import orders
from unreel.methods.views import Views
from unreel.rng import Draw
from unreel.settings.rivals import AdaptiveOrderSettings
from unreel.types import ClipBatch, Loss

UNIFORM, SHARPNESS, KEPT = 0.1, 0.1, 0.99


@final
class AdaptiveOrder(nn.Module):
    """four pieces, a view of each ─▶ encoder ─▶ mean of its last level ─▶ put in some order ─▶ pair head ─▶ which."""

    settings_kind = AdaptiveOrderSettings
    all_used = True
    errors: Tensor

    def __init__(self, settings: AdaptiveOrderSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder, channels = ready(settings, settings.piece_length)
        self.sampling = four_pieces(settings)
        self.centre = Centre(channels, settings.centre)
        self.head = PairHead(channels, PIECES, len(orders(PIECES)))
        self.register_buffer("errors", torch.zeros(len(orders(PIECES))))

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 24), and the number of each video's order (b)."""
        features, more = self.centre(top_features(self.encoder, guarded_views(self.view, self.settings, batch)))
        ends = self.probabilities().cumsum(dim=0).tolist()
        numbers = drawn(self.settings, batch, partial(_number_drawn, ends=ends))
        shown = torch.tensor([orders(PIECES)[number] for number in numbers], device=features.device)
        features = features.gather(1, shown[:, :, None].expand_as(features))
        targets = torch.tensor(numbers, device=features.device)
        return {"logits": self.head(features, self.settings.seed, batch), "given/targets": targets, **more}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often the order is told rightly, the mean of the orders shown."""
        targets = outputs["given/targets"]
        return classification(outputs["logits"], targets, {"order": 1}, watched=watched, balanced=True)

    def updated(self, outputs: Mapping[str, Tensor], _step: int) -> None:
        """Follow the mean of the features, and the error of every order that was shown."""
        self.centre.follow(outputs)
        logits = process_group.gather(outputs["logits"])
        targets = process_group.gather(outputs["given/targets"])
        self.errors.copy_(followed(self.errors, (logits.argmax(dim=1) != targets).to(self.errors), targets))

    def probabilities(self) -> Float[Tensor, " k"]:
        """How likely each order is to be shown."""
        chosen = (self.errors.double() / SHARPNESS).softmax(dim=0)
        return UNIFORM / len(chosen) + (1 - UNIFORM) * chosen


def followed(
    errors: Float[Tensor, " k"], wrong: Float[Tensor, " n"], targets: Int[Tensor, " n"]
) -> Float[Tensor, " k"]:
    """Running errors after a step: those of the orders shown come nearer to their share of wrong answers."""
    count = torch.zeros_like(errors).index_add_(0, targets, torch.ones_like(wrong))
    share = torch.zeros_like(errors).index_add_(0, targets, wrong) / count.clamp(min=1)
    return torch.where(count > 0, KEPT * errors + (1 - KEPT) * share, errors)


def _number_drawn(draw: Draw, ends: list[float]) -> int:
    place = draw("order").random() * ends[-1]
    return next(number for number, end in enumerate(ends) if place < end or number == len(ends) - 1)
