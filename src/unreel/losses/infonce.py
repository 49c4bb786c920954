"""InfoNCE: pick the own positive among those of the whole batch (Eqs. 1 and 3)."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from unreel.engine import processes

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
    chunk_size: int | None = None,
) -> InfoNCE:
    """−log softmax over the batch of cos(a_i, p_j)/τ at j = i, for each of the n positions on its own (Eq. 4).

    The negatives of a position are the same position of the other clips. Positions are averaged; clips are averaged
    ("mean") or added ("sum", as the paper writes it). One direction only: positives are not used as anchors.
    Computed in float32 at least, under mixed precision too: 1/τ magnifies every rounding.

    `chunk_size` anchors of one position are compared at a time and compared again in the backward pass: memory then
    grows with the batch, not with its square; value and gradients are the same.

    In several processes of b clips each, the positives of all are compared with. Value and accuracy are those of the
    whole batch in every process; gradients averaged over the processes, as DistributedDataParallel does, are those of
    one process with the whole batch.
    """
    with torch.autocast(anchors.device.type, enabled=False):
        precision = torch.promote_types(anchors.dtype, torch.float32)
        first, second = (functional.normalize(each.to(precision), dim=-1) for each in (anchors, positives))
        everyone = processes.gather(second)
        b, n, _ = first.shape
        own = torch.arange(b, device=first.device) + b * processes.rank()
        if chunk_size is None:
            sums = _compare(first, everyone, own, temperature)
        else:
            sums = torch.zeros(2, device=first.device, dtype=precision)
            for position in range(n):
                opposite = everyone[:, position : position + 1]
                for start in range(0, b, chunk_size):
                    part = first[start : start + chunk_size, position : position + 1]
                    targets = own[start : start + chunk_size]
                    sums = sums + checkpoint(_compare, part, opposite, targets, temperature, use_reentrant=False)
        loss, accuracy = (sums / (b * n)).unbind()
    if reduction == "sum":
        loss = loss * len(everyone)
    if processes.count() > 1:
        whole = processes.average(torch.stack([loss, accuracy]))
        loss, accuracy = loss + (whole[0] - loss).detach(), whole[1]
    return InfoNCE(loss, accuracy.detach())


def _compare(
    anchors: Float[Tensor, "a n d"], positives: Float[Tensor, "all n d"], own: Int[Tensor, " a"], temperature: float
) -> Float[Tensor, "2"]:
    """Sums over anchors and positions: of the loss, and of how often the own positive is the nearest."""
    similarities = torch.einsum("ind,jnd->nij", anchors, positives)
    targets = own.expand(similarities.shape[0], -1)
    loss = functional.cross_entropy((similarities / temperature).flatten(0, 1), targets.flatten(), reduction="sum")
    return torch.stack([loss, (similarities.detach().argmax(dim=-1) == targets).sum().to(loss)])
