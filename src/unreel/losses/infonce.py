"""InfoNCE: pick the own positive among those of the whole batch (Eqs. 1 and 3)."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from unreel.engine import process_group
from unreel.losses.blockwise import Options, compare_blockwise

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
    hard_negatives: float = 0.0,
    chunk_size: int | None = None,
) -> InfoNCE:
    """−log softmax over the batch of cos(a_i, p_j)/τ at j = i, for each of the n positions on its own (Eq. 4).

    The negatives of a position are the same position of the other clips. Positions are averaged; clips are averaged
    ("mean") or added ("sum", as the paper writes it). One direction only: positives are not used as anchors.
    Computed in float32 at least, under mixed precision too: 1/τ magnifies every rounding.

    `hard_negatives` is β of Robinson et al. (ICLR 2021, Eq. 4, with τ⁺ = 0): the negative j of i counts in the sum
    with exp(β·sim_ij/τ) over the mean of that over all negatives of i; 0 counts all alike, as the paper does.

    `chunk_size` anchors of one position are compared at a time, with a block of positives, and compared again in the
    backward pass (`losses.blockwise`): memory then grows with the batch, not with its square; value and gradients are
    the same but for rounding.

    In several processes of b clips each, the positives of all are compared with. Value and accuracy are those of the
    whole batch in every process; gradients averaged over the processes, as DistributedDataParallel does, are those of
    one process with the whole batch.
    """
    with torch.autocast(anchors.device.type, enabled=False):
        precision = torch.promote_types(anchors.dtype, torch.float32)
        first, second = (functional.normalize(each.to(precision), dim=-1) for each in (anchors, positives))
        everyone = process_group.gather(second)
        b, n, _ = first.shape
        if chunk_size is None:
            own = torch.arange(b, device=first.device) + b * process_group.rank()
            sums = _compare(first, everyone, own, temperature, hard_negatives)
        else:
            chosen = Options(b * process_group.rank(), temperature, hard_negatives, chunk_size)
            sums = compare_blockwise(first, everyone, chosen)
        loss, accuracy = (sums / (b * n)).unbind()
    if reduction == "sum":
        loss = loss * len(everyone)
    return InfoNCE(*process_group.of_whole_batch(loss, accuracy))


def _compare(
    anchors: Float[Tensor, "a n d"],
    positives: Float[Tensor, "all n d"],
    own: Int[Tensor, " a"],
    temperature: float,
    hard_negatives: float,
) -> Float[Tensor, "2"]:
    """Sums over anchors and positions: of the loss, and of how often the own positive is the nearest."""
    similarities = torch.einsum("ind,jnd->nij", anchors, positives)
    targets = own.expand(similarities.shape[0], -1)
    scores = _weighted(similarities / temperature, targets, hard_negatives)
    loss = functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="sum")
    return torch.stack([loss, (similarities.detach().argmax(dim=-1) == targets).sum().to(loss)])


def _weighted(
    scores: Float[Tensor, "n a all"], targets: Int[Tensor, "n a"], hard_negatives: float
) -> Float[Tensor, "n a all"]:
    """The scores with the logarithm of every negative's weight added; weights are 1 on average over the negatives."""
    if not hard_negatives or scores.shape[-1] < 2:
        return scores
    positive = functional.one_hot(targets, scores.shape[-1]).bool()
    negatives = (hard_negatives * scores).masked_fill(positive, -torch.inf)
    weights = negatives.log_softmax(dim=-1) + math.log(scores.shape[-1] - 1)
    return scores + weights.masked_fill(positive, 0.0)
