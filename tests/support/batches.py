"""Batches of decoded clips, made of noise."""

import torch

from unreel.types import ClipBatch
from unreel.video.decoding.yuv import Colour


def noise_batch(count: int = 4, frames: int = 16, side: int = 36) -> ClipBatch:
    """Two clips of each of `count` videos, the same every time."""
    generator = torch.Generator().manual_seed(0)
    luma = torch.randint(16, 236, (count, 2, frames, side, side), generator=generator, dtype=torch.uint8)
    shape = (count, 2, frames, 2, side // 2, side // 2)
    chroma = torch.randint(16, 240, shape, generator=generator, dtype=torch.uint8)
    to_rgb = torch.from_numpy(Colour("bt601", False).to_rgb()).expand(count, 3, 4)
    return ClipBatch(luma, chroma, to_rgb, tuple(f"{number}.mp4" for number in range(count)))
