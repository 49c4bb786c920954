"""A method of one's own: does a clip run forwards or backwards? (Arrow of time, Wei et al., CVPR 2018.)

    unreel pretrain videos --out runs/arrow --method examples/arrow_of_time.py:ArrowOfTime --steps 500

Each video is drawn forwards or backwards; a linear layer over the encoder's last level tells which. The direction is a
draw: `Direction`, in the processes that read, and `forward` ask for the same purpose and get the same number.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unreel import models
from unreel.methods.views import Views
from unreel.rng import Draw, draws_of
from unreel.settings.model import PositiveAmount
from unreel.settings.pretraining import PretrainSettings
from unreel.types import ClipBatch, Loss
from unreel.video.clips.sampling import OneClip


class ArrowSettings(PretrainSettings):
    """Pretrain an encoder to tell whether a clip runs forwards or backwards."""

    sharpness: PositiveAmount = 1.0
    """Factor on the logits."""


def is_backwards(draw: Draw) -> bool:
    """Whether a video is shown backwards in this epoch."""
    return bool(draw("direction").random() < 0.5)


@dataclass(frozen=True)
class Direction:
    """One clip at a random start, forwards or backwards."""

    length: int

    @property
    def needed(self) -> int:
        """A clip's frames."""
        return self.length

    def frames(self, count: int, draw: Draw) -> np.ndarray:
        """The frames of the clip (1 t)."""
        table = OneClip(self.length).frames(count, draw)
        return table[:, ::-1] if is_backwards(draw) else table

    def regions(self, draw: Draw) -> np.ndarray:
        """A random place of the frame (1 2)."""
        return OneClip(self.length).regions(draw)


class ArrowOfTime(nn.Module):
    """view ─▶ encoder ─▶ mean of its last level ─▶ linear layer ─▶ forwards or backwards."""

    settings_kind = ArrowSettings
    all_used = True

    def __init__(self, settings: ArrowSettings) -> None:
        super().__init__()
        self.settings = settings
        self.view = Views(settings, settings.augmentation, settings.encoder)
        self.encoder = models.ready(settings.encoder, settings)
        self.linear = nn.Linear(self.encoder.channels[self.encoder.top], 2)
        self.sampling = Direction(settings.encoder.clip_length)

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """Logits (b 2), and the direction of each video (b), which no gradient goes to."""
        features = self.encoder(self.view(batch, "clip"))[self.encoder.top].mean(dim=(2, 3, 4))
        drawn = [is_backwards(draws_of(self.settings.seed, batch.epoch, video)) for video in batch.ids]
        targets = torch.tensor(drawn, device=features.device).long()
        return {"logits": self.settings.sharpness * self.linear(features), "given/targets": targets}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often the direction was told rightly; by chance it is half of the time."""
        logits, targets = outputs["logits"], outputs["given/targets"]
        loss = functional.cross_entropy(logits.float(), targets)
        accuracy = (logits.argmax(dim=1) == targets).float().mean()
        return Loss(loss, {"cross_entropy": loss.detach()}, {"accuracy/direction": accuracy} if watched else {})

    def updated(self, outputs: Mapping[str, Tensor], step: int) -> None:
        """Nothing: no queue, no second encoder."""
