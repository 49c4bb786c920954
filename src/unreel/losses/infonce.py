"""InfoNCE: pick the own positive among those of the whole batch (Eqs. 1 and 3)."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Reduction = Literal["mean", "sum"]


@dataclass(frozen=True)
class InfoNCE:
    """The loss and, for watching, the share of anchors whose own positive is the nearest."""

    loss: Float[Tensor, ""]
    accuracy: Float[Tensor, ""]


def infonce(
    anchors: Float[Tensor, "b n d"],
    positives: Float[Tensor, "b n d"],
    *,
    temperature: float = 0.07,
    reduction: Reduction = "mean",
) -> InfoNCE:
    """−log softmax over the batch of cos(a_i, p_j)/τ at j = i, for each of the n positions on its own (Eq. 4).

    The negatives of a position are the same position of the other clips. Positions are averaged; clips are averaged
    ("mean") or added ("sum", as the paper writes it). One direction only: positives are not used as anchors.
    Computed in float32 at least, under mixed precision too: 1/τ magnifies every rounding.
    """
    with torch.autocast(anchors.device.type, enabled=False):
        precision = torch.promote_types(anchors.dtype, torch.float32)
        first, second = (functional.normalize(each.to(precision), dim=-1) for each in (anchors, positives))
        similarities = torch.einsum("ind,jnd->nij", first, second)
    targets = torch.arange(len(anchors), device=anchors.device).expand(similarities.shape[0], -1)
    losses = functional.cross_entropy((similarities / temperature).flatten(0, 1), targets.flatten(), reduction="sum")
    loss = losses / similarities.shape[0]
    accuracy = (similarities.detach().argmax(dim=-1) == targets).float().mean()
    return InfoNCE(loss / len(anchors) if reduction == "mean" else loss, accuracy)
