"""Contrasts of the paper's rivals: other negatives than InfoNCE as HDC has it.

All are computed in float32 at least. In several processes value and accuracy are those of the whole batch in every
process; gradients averaged over the processes are those of one process with the whole batch.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from unreel.engine import process_group
from unreel.losses.infonce import InfoNCE


def nt_xent(first: Float[Tensor, "b d"], second: Float[Tensor, "b d"], *, temperature: float) -> InfoNCE:
    """−log softmax of cos/τ at the other clip of the video, over all 2b − 1 other clips; both directions, added.

    Source: SimCLR (Chen et al., ICML 2020), Eq. 1, whose mean over 2b clips is half of this.
    """
    with torch.autocast(first.device.type, enabled=False):
        own = torch.cat([unit(first), unit(second)])
        b = len(first)
        everyone = torch.cat([process_group.gather(each.contiguous()) for each in own.chunk(2)])
        rows = _own_rows(b, first.device)
        others = len(everyone) // 2
        scores = own @ everyone.T / temperature
        itself = torch.cat([rows, rows + others])
        scores = scores.scatter(1, itself[:, None], -torch.inf)
        return _told(scores, torch.cat([rows + others, rows]), parts=2)


def against_queue(
    queries: Float[Tensor, "b d"],
    keys: Float[Tensor, "b d"],
    queue: Float[Tensor, "n d"],
    *,
    temperature: float,
    own: Bool[Tensor, "b n"] | None = None,
    weights: Float[Tensor, " n"] | None = None,
) -> InfoNCE:
    """−log softmax of cos/τ at a query's own key, over that and the queue's but for those that are its `own`, too.

    `weights` are factors on the queue's cosines.

    Source: MoCo (He et al., CVPR 2020), Eq. 1; the weights: VideoMoCo (Pan et al., CVPR 2021), Eq. 6.
    """
    with torch.autocast(queries.device.type, enabled=False):
        queries, keys, queue = unit(queries), unit(keys), unit(queue)
        negatives = queries @ queue.T
        if weights is not None:
            negatives = negatives * weights
        if own is not None:
            negatives = negatives.masked_fill(own, -torch.inf)
        scores = torch.cat([(queries * keys).sum(dim=1, keepdim=True), negatives], dim=1) / temperature
        return _told(scores, torch.zeros(len(scores), dtype=torch.long, device=scores.device))


def predicted(predictions: Float[Tensor, "b p s d"], targets: Float[Tensor, "b p s d"]) -> InfoNCE:
    """−log softmax of the dot product with the right target, over the targets of all videos, steps and places.

    Source: Dense Predictive Coding (Han et al., ICCV workshops 2019), Eq. 5; gradients reach the targets too.
    """
    with torch.autocast(predictions.device.type, enabled=False):
        precision = torch.promote_types(predictions.dtype, torch.float32)
        everyone = process_group.gather(targets.to(precision)).flatten(end_dim=2)
        own = predictions.to(precision).flatten(end_dim=2)
        return _told(own @ everyone.T, _own_rows(len(own), own.device))


def _told(scores: Float[Tensor, "m n"], targets: Int[Tensor, " m"], parts: int = 1) -> InfoNCE:
    loss = parts * functional.cross_entropy(scores, targets)
    accuracy = (scores.detach().argmax(dim=1) == targets).to(loss).mean()
    return InfoNCE(*process_group.of_whole_batch(loss, accuracy))


def _own_rows(count: int, device: torch.device) -> Int[Tensor, " n"]:
    """Where the rows of this process lie among those of all."""
    return torch.arange(count, device=device) + count * process_group.rank()


def unit(vectors: Float[Tensor, "*n d"]) -> Float[Tensor, "*n d"]:
    """Vectors of length 1, in float32 at least."""
    return functional.normalize(vectors.to(torch.promote_types(vectors.dtype, torch.float32)), dim=-1)
