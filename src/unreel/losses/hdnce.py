"""HD-NCE, the compound loss of the paper: L = Σ_k α_k L_s^k + β_k L_t^k (Eq. 6)."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from unreel.losses.geometry import alignment, effective_rank, uniformity
from unreel.losses.infonce import InfoNCE, infonce
from unreel.types import Loss

Pairs = Mapping[Any, tuple[Float[Tensor, "b ..."], Float[Tensor, "b ..."]]]


def hdnce(
    spatial: Pairs,
    temporal: Pairs,
    *,
    alpha: Mapping[Any, float],
    beta: Mapping[Any, float],
    contrast: Callable[[Tensor, Tensor], InfoNCE] = infonce,
    both_directions: bool = False,
) -> Loss:
    """Spatial Contrast and Temporal Contrast of every level, weighted and added.

    `spatial` maps level → (anchors, positives) of shape (b n d), one row per temporal position (Eq. 4); `temporal`
    maps level → pairs of shape (b d) (Eq. 5). A level of weight 0 is left out and costs nothing. The parts are named
    `spatial_3` … `temporal_5`; `figures` holds `accuracy/…` of each: the share of clips whose positive is the nearest.
    `contrast` is `infonce` with its options; it takes other processes into account. `both_directions` takes the mean
    with anchors and positives changed about (the paper has one direction, o → s and o → t); accuracies stay those of
    the first.
    """
    terms = [("spatial", level, alpha[level], spatial) for level in sorted(alpha) if alpha[level]]
    terms += [("temporal", level, beta[level], temporal) for level in sorted(beta) if beta[level]]
    weighted: list[Tensor] = []
    parts: dict[str, Tensor] = {}
    figures: dict[str, Tensor] = {}
    for task, level, weight, pairs in terms:
        anchors, positives = _by_position(pairs[level])
        result = contrast(anchors, positives)
        value = (result.loss + contrast(positives, anchors).loss) / 2 if both_directions else result.loss
        weighted.append(weight * value)
        parts[f"{task}_{level}"] = value.detach()
        figures[f"accuracy/{task}_{level}"] = result.accuracy
    if not weighted:
        raise ValueError("every level has weight 0: nothing is left to learn")
    return Loss(torch.stack(weighted).sum(), parts, figures)


@torch.no_grad()
def watch(pairs: Pairs) -> dict[str, Tensor]:
    """Figures that tell whether embeddings collapse: `alignment/NAME`, `uniformity/NAME`, `rank/NAME` of every pair.

    Uniformity and rank are the anchors', of this process alone.
    """
    figures: dict[str, Tensor] = {}
    for name, pair in pairs.items():
        anchors, positives = _by_position(pair)
        figures[f"alignment/{name}"] = alignment(anchors, positives)
        figures[f"uniformity/{name}"] = uniformity(anchors)
        figures[f"rank/{name}"] = effective_rank(anchors)
    return figures


def _by_position(pair: tuple[Tensor, Tensor]) -> tuple[Float[Tensor, "b n d"], Float[Tensor, "b n d"]]:
    anchors, positives = pair
    return (anchors, positives) if anchors.ndim == 3 else (anchors.unsqueeze(1), positives.unsqueeze(1))
