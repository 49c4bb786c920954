"""Pieces of a video shown in another order."""

from dataclasses import dataclass
from itertools import permutations
from typing import final

import numpy as np
from jaxtyping import Float, Int

from unreel.rng import Draw
from unreel.video.clips.sampling import Pieces


def orders(count: int) -> list[tuple[int, ...]]:
    """All orders of so many pieces; an order's number is its place among them, 0 the right one."""
    return list(permutations(range(count)))


def order_drawn(draw: Draw, count: int) -> int:
    """The number of the order in which a video's pieces are shown, all alike likely."""
    return int(draw("order").integers(len(orders(count))))


@final
@dataclass(frozen=True)
class Shuffled:
    """Pieces, in an order that is drawn."""

    pieces: Pieces

    @property
    def needed(self) -> int:
        """That of the pieces."""
        return self.pieces.needed

    def frames(self, count: int, draw: Draw) -> Int[np.ndarray, "v t"]:
        """The frames of the pieces, the one shown first in the first row."""
        return self.pieces.frames(count, draw)[list(orders(self.pieces.count)[order_drawn(draw, self.pieces.count)])]

    def regions(self, draw: Draw) -> Float[np.ndarray, "v 2"]:
        """Those of the pieces; they tell nothing of the order."""
        return self.pieces.regions(draw)
