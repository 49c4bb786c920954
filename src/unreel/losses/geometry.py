"""Where the embeddings lie: figures that show collapse before the loss does.

All look at unit vectors, at each of the n positions on its own, and give the mean over the positions.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def alignment(anchors: Float[Tensor, "b n d"], positives: Float[Tensor, "b n d"]) -> Float[Tensor, ""]:
    """Mean squared distance of an anchor to its positive, 0 to 4 (Wang and Isola, ICML 2020); smaller is closer."""
    first, second = (functional.normalize(each.float(), dim=-1) for each in (anchors, positives))
    return (first - second).square().sum(dim=-1).mean()


def uniformity(vectors: Float[Tensor, "b n d"]) -> Float[Tensor, ""]:
    """log of the mean of exp(−2 · squared distance) over all pairs of clips (Wang and Isola, ICML 2020).

    0 where all vectors are one (collapse), towards −4 where they are spread evenly over the sphere; 0 for one clip.
    """
    points = functional.normalize(vectors.float(), dim=-1).transpose(0, 1)
    if points.shape[1] < 2:
        return points.new_zeros(())
    upper = torch.triu_indices(points.shape[1], points.shape[1], offset=1, device=points.device)
    distances = 2 - 2 * (points @ points.transpose(1, 2))[:, upper[0], upper[1]]
    return (-2 * distances).exp().mean(dim=1).log().mean()


def effective_rank(vectors: Float[Tensor, "b n d"]) -> Float[Tensor, ""]:
    """exp of the entropy of the singular values (RankMe, Garrido et al., ICML 2023).

    1 where all vectors lie on one line (collapse), at most the smaller of b and d.
    """
    points = functional.normalize(vectors.float(), dim=-1).transpose(0, 1)
    if not points.isfinite().all():  # of which there are no singular values
        return points.new_full((), torch.nan)
    shares = functional.normalize(torch.linalg.svdvals(points), p=1, dim=-1)
    rank: Tensor = torch.special.entr(shares).sum(dim=-1).exp().mean()
    return rank
