"""Small runs of the rivals: their settings, and batches read as their samplings ask, of videos made in memory."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from unreel import methods, recipes
from unreel.models import Encoder
from unreel.rng import draws_of
from unreel.settings.pretraining import PretrainSettings, pretraining
from unreel.types import ClipBatch
from unreel.video.decoding.yuv import Colour

TINY: Mapping[str, Any] = {"folder": "in", "out": "out", "width": 0.0625, "size": 32, "batch_size": 4}
CLASSES = {
    "vcop": 6,
    "opn": 12,
    "shuffle-learn": 2,
    "order-adaptive": 24,
    "pace": 4,
    "pace-contrast": 4,
    "speednet": 2,
    "playback": 6,
    "rotnet": 4,
    "puzzle": 24,
    "cloze": 4,
}
"""Of the tasks that are told by classes, at the short size."""
WITH_QUEUE = ("moco", "videomoco", "rspnet")


def settings_of(name: str, **changes: Any) -> PretrainSettings:
    """Settings of a rival with clips for 32 frames and a tiny encoder."""
    size = "-short" if name in recipes.RIVALS else ""
    return pretraining({**recipes.changes(f"{name}{size}"), **TINY, **changes}, name)


def method_of(settings: PretrainSettings) -> Any:
    """The method, its first weights drawn from seed 0."""
    torch.manual_seed(0)
    return methods.build(settings)


def in_double(method: Any) -> Any:
    """The method in float64, its encoders too, which are given views in float32."""
    method.double()
    for module in method.modules():
        if isinstance(module, Encoder):
            module.register_forward_pre_hook(lambda _, clips: (clips[0].double(),))
    return method


def video(number: int, frames: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Luma and chroma of a bright square that moves over a background of its own."""
    chance = np.random.default_rng(number)
    coarse = chance.integers(30, 130, (4, 4)).repeat(side // 4, axis=0).repeat(side // 4, axis=1)
    luma = np.broadcast_to(coarse, (frames, side, side)).astype(np.uint8)
    start, speed = chance.integers(0, side, 2), chance.uniform(0.3, 0.9, 2) * chance.choice([-1, 1], 2)
    luma = luma.copy()
    for frame in range(frames):
        top, left = (start + speed * frame).astype(int) % (side - 10)
        luma[frame, top : top + 10, left : left + 10] = 200 + frame % 30
    chroma = np.broadcast_to(chance.integers(60, 190, (2, 1, 1)), (frames, 2, side // 2, side // 2)).astype(np.uint8)
    return luma, chroma


def batch_of(
    method: Any,
    settings: PretrainSettings,
    count: int = 4,
    *,
    frames: int | None = None,
    side: int = 36,
    epoch: int = 0,
) -> ClipBatch:
    """The clips that a method reads of so many videos, in an epoch."""
    lumas, chromas, ids = [], [], tuple(f"{number}.mp4" for number in range(count))
    length = frames or method.sampling.needed + 5
    for number, name in enumerate(ids):
        table = method.sampling.frames(length, draws_of(settings.seed, epoch, name))
        luma, chroma = video(number, length, side)
        lumas.append(torch.from_numpy(luma[table]))
        chromas.append(torch.from_numpy(chroma[table]))
    to_rgb = torch.from_numpy(Colour("bt601", False).to_rgb()).expand(count, 3, 4)
    return ClipBatch(torch.stack(lumas), torch.stack(chromas), to_rgb, ids, epoch)
