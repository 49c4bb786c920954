"""The values that pass between the floors, and the one legend of their shapes.

b  clips in the batch, one row per video     c  channels      t  frames (or temporal positions of a level)
h, w  height and width in pixels or cells    v  clips per video
n  positions compared (temporal positions in Spatial Contrast, 1 in Temporal Contrast)    d  embedding width
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


# ClipBatch and Loss are not frozen because Fabric, in passing them in and out of a model, sets their tensors anew.
@dataclass
class ClipBatch:
    """Decoded clips of `b` videos, `v` clips each, as the codec left them (YUV 4:2:0).

    `luma` and `chroma` (Cb, Cr) hold code values 0..255; `to_rgb` takes (Y, Cb, Cr, 1) to RGB in 0..1, one matrix per
    video because matrix and range belong to the stream. `ids` name the videos, `epoch` is part of every draw.
    """

    luma: UInt8[Tensor, "b v t h w"]
    chroma: UInt8[Tensor, "b v t 2 h/2 w/2"]
    to_rgb: Float[Tensor, "b 3 4"]
    ids: tuple[str, ...]
    epoch: int = 0

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str) -> "ClipBatch":
        """The same batch with its tensors on `device`."""
        luma, chroma, to_rgb = (part.to(device, non_blocking=True) for part in (self.luma, self.chroma, self.to_rgb))
        return replace(self, luma=luma, chroma=chroma, to_rgb=to_rgb)

    def parts(self, count: int) -> list["ClipBatch"]:
        """The same batch in that many parts, as equal as may be."""
        tensors = zip(*(each.tensor_split(count) for each in (self.luma, self.chroma, self.to_rgb)), strict=True)
        ids = iter(self.ids)
        return [
            ClipBatch(luma, chroma, to_rgb, tuple(islice(ids, len(luma))), self.epoch)
            for luma, chroma, to_rgb in tensors
        ]

    def pin_memory(self) -> "ClipBatch":
        """The same batch in page-locked memory."""
        luma, chroma, to_rgb = (part.pin_memory() for part in (self.luma, self.chroma, self.to_rgb))
        return replace(self, luma=luma, chroma=chroma, to_rgb=to_rgb)


Level = int | str
"""The name of an encoder's level: the block's number of unreel's own, as in the paper."""


class Pyramid(Mapping[Level, Float[Tensor, "_ _ _ _ _"]]):
    """Feature maps (b c t h w) by level: `pyramid[5]` is what the last block gives."""

    def __init__(self, levels: Mapping[Any, Tensor]) -> None:
        self._levels: dict[Level, Tensor] = dict(levels)

    def __getitem__(self, level: Level) -> Float[Tensor, "_ _ _ _ _"]:
        return self._levels[level]

    def __iter__(self) -> Iterator[Level]:
        return iter(self._levels)

    def __len__(self) -> int:
        return len(self._levels)


@dataclass
class Loss:
    """A scalar to minimise, its named parts (detached, before weighting) and figures that tell how learning goes."""

    total: Float[Tensor, ""]
    parts: dict[str, Float[Tensor, ""]]
    figures: dict[str, Float[Tensor, ""]] = field(default_factory=dict)
