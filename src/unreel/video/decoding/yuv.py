"""Frames as the codec left them: YUV 4:2:0 planes and the matrix that turns them into RGB."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt8

Matrix = Literal["bt601", "bt709", "bt2020"]

# The weights of red and blue in the luma of each standard (ITU-R BT.601, BT.709 and BT.2020; green has the rest).
_LUMA_WEIGHTS: dict[Matrix, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}


@dataclass(frozen=True)
class Colour:
    """How the code values of a video stand for colours.

    `full_range` says that luma and chroma use all of 0..255, and not 16..235 and 16..240.
    """

    matrix: Matrix = "bt601"
    full_range: bool = False

    def to_rgb(self) -> Float32[np.ndarray, "3 4"]:
        """The matrix that takes (Y, Cb, Cr, 1), code values 0..255, to (R, G, B) in 0..1.

        Code values that stand for no colour land outside of 0..1: clamp them.
        """
        red, blue = _LUMA_WEIGHTS[self.matrix]
        green = 1 - red - blue
        luma_scale, chroma_scale, black = (1 / 255, 1 / 255, 0) if self.full_range else (1 / 219, 1 / 224, 16)
        from_cb = chroma_scale * 2 * (1 - blue) * np.array([0, -blue / green, 1])
        from_cr = chroma_scale * 2 * (1 - red) * np.array([1, -red / green, 0])
        from_luma = np.full(3, luma_scale)
        offset = -black * from_luma - 128 * (from_cb + from_cr)
        return np.stack([from_luma, from_cb, from_cr, offset], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Planes:
    """A clip: `luma`, and `chroma` (first Cb, then Cr) at half its height and width, rounded up."""

    luma: UInt8[np.ndarray, "t h w"]
    chroma: UInt8[np.ndarray, "t 2 (h+1)//2 (w+1)//2"]
    colour: Colour

    def picture(self, place: int) -> UInt8[np.ndarray, "h w 3"]:
        """One frame as RGB, to be looked at: each colour sample stands for four pixels."""
        luma = self.luma[place].astype(np.float32)
        chroma = self.chroma[place].repeat(2, axis=1).repeat(2, axis=2)[:, : luma.shape[0], : luma.shape[1]]
        values = np.stack([luma, *chroma, np.ones_like(luma)], axis=2) @ self.colour.to_rgb().T
        return np.asarray(np.rint(values.clip(0, 1) * 255), np.uint8)
