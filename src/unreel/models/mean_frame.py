"""The mean frame: what stands still, and little else."""

from typing import final

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from unreel.models.baseline import Baseline

SIDE = 8


@final
class MeanFrame(Baseline):
    """The mean of a clip's frames, 8 × 8 cells of three colours in [-1, 1]: 192 numbers, one colour after the other."""

    minimum = (1, SIDE, SIDE)
    numbers = 3 * SIDE * SIDE

    def vectors(self, clips: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b c"]:
        return functional.adaptive_avg_pool2d(clips.mean(dim=2), SIDE).flatten(1)
