"""A colour histogram: which colours there are, and nothing of where and when."""

from typing import final

from jaxtyping import Float
from torch import Tensor

from unreel.models.baseline import Baseline

BINS = 4


@final
class ColourHistogram(Baseline):
    """The shares of a clip's pixels that fall into each of 4 × 4 × 4 equal boxes of red, green and blue: 64 numbers.

    The three are counted together, for counted apart yellow beside black would be red beside green. A pixel counts in
    one box only.
    """

    numbers = BINS**3

    def vectors(self, clips: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b c"]:
        red, green, blue = ((clips + 1) * (BINS / 2)).long().clamp(0, BINS - 1).flatten(2).unbind(dim=1)
        boxes = (red * BINS + green) * BINS + blue
        own = boxes + self.numbers * boxes.new_tensor(range(len(boxes)))[:, None]
        counts = own.flatten().bincount(minlength=self.numbers * len(boxes))
        return counts.view(len(boxes), self.numbers).float() / boxes.shape[1]
