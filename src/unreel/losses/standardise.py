"""Embeddings about their mean: what they all share is taken from them before they are compared."""

import torch
from jaxtyping import Float
from torch import Tensor

from unreel.engine import process_group

SMALLEST = 1e-5
"""Added to the variance, as in batch norm: a dimension that is the same in all clips becomes 0."""


def standardised(vectors: Float[Tensor, "b ... d"]) -> Float[Tensor, "b ... d"]:
    """Every dimension with mean 0 and variance 1 over the batch and its positions: batch norm without a scale.

    The mean of positive features is most of them (ReLU, then an average over all places), so that the embeddings of
    all clips point the same way and InfoNCE has next to no gradient; without it, their differences are compared. In
    several processes the statistics are those of the whole batch, with gradient. In float32 at least.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        own = vectors.to(torch.promote_types(vectors.dtype, torch.float32))
        everyone = process_group.gather(own).flatten(0, -2)
        variance, mean = torch.var_mean(everyone, dim=0, correction=0)
        return (own - mean) * (variance + SMALLEST).rsqrt()
