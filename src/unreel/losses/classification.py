"""Cross entropy over classes, of the whole batch in every process."""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from unreel.engine import process_group
from unreel.types import Loss


def classification(
    logits: Float[Tensor, "*b k"],
    targets: Int[Tensor, "*b"],
    figures: Mapping[str, int],
    *,
    watched: bool = False,
    balanced: bool = False,
) -> Loss:
    """Cross entropy, the mean over all rows, and how often the right class comes first.

    `figures` are their names, each with among how many it is to be: {"top1": 1, "top5": 5}; `balanced` takes the mean
    over the classes that the batch has. `watched` adds by chance how often it does.

    In several processes value and figures are those of the whole batch in every process; gradients averaged over the
    processes, as DistributedDataParallel does, are those of one process with the whole batch.
    """
    logits, targets = logits.flatten(end_dim=-2), targets.flatten()
    with torch.autocast(logits.device.type, enabled=False):
        loss = functional.cross_entropy(logits.to(torch.promote_types(logits.dtype, torch.float32)), targets)
    right = logits.gather(1, targets[:, None])
    place = (logits > right).sum(dim=1)
    hits = [(place < most).to(loss) for most in figures.values()]
    rights = [_balanced(each, targets, logits.shape[1]) if balanced else each.mean() for each in hits]
    total, *whole = process_group.of_whole_batch(loss, *rights)
    told = {f"accuracy/{name}": value for name, value in zip(figures, whole, strict=True)}
    if watched:
        told |= {f"chance/{name}": loss.new_tensor(most / logits.shape[1]) for name, most in figures.items()}
    return Loss(total, {"cross_entropy": total.detach()}, told)


def _balanced(hits: Float[Tensor, " n"], targets: Int[Tensor, " n"], classes: int) -> Float[Tensor, ""]:
    """The mean over the classes there are of the share of hits in each, in all processes together."""
    sums = hits.new_zeros(2, classes).index_add_(1, targets, torch.stack([hits, torch.ones_like(hits)]))
    right, count = process_group.average(sums)
    shares: Tensor = right / count.clamp(min=torch.finfo(count.dtype).tiny)
    return shares[count > 0].mean()
