"""What methods put upon an encoder, and how they feed it."""

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import TypeVar, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from unreel import models
from unreel.engine import process_group
from unreel.methods import GIVEN
from unreel.models import Encoder
from unreel.rng import Draw, draws_of
from unreel.settings.pretraining import PretrainSettings
from unreel.types import ClipBatch

T = TypeVar("T")
EMBEDDING_WIDTH = 128
PAIR_WIDTH = 512
CENTRED = f"{GIVEN}features"
_KEPT = 0.9


def ready(settings: PretrainSettings, frames: int | None = None) -> tuple[Encoder, int]:
    """A new encoder that is to be shown clips of so many frames, and the number of channels of its last level.

    Raises:
        SettingsError: there is no such encoder, or the clips are too small for it.
        MissingExtraError: what fuses layers is not installed.
    """
    encoder = models.ready(settings.encoder, settings)
    encoder.check(frames or settings.encoder.clip_length, settings.encoder.size, settings.encoder.size)
    return encoder, encoder.channels[encoder.top]


def top_features(encoder: Encoder, clips: Sequence[Float[Tensor, "b 3 t s s"]]) -> Float[Tensor, "b v c"]:
    """The mean of the encoder's last level for `v` clips of each video, all encoded in one call."""
    features: Tensor = encoder(torch.cat(list(clips)))[encoder.top].mean(dim=(2, 3, 4))
    return torch.stack(features.chunk(len(clips)), dim=1)


def drawn(settings: PretrainSettings, batch: ClipBatch, draw: Callable[[Draw], T]) -> list[T]:
    """What is drawn for each video of a batch; who asks again gets the same (see `unreel.rng.draws_of`)."""
    return [draw(draws_of(settings.seed, batch.epoch, video)) for video in batch.ids]


def dropped(
    features: Float[Tensor, "b *n"], share: float, seed: int, batch: ClipBatch, purpose: str = "dropout"
) -> Float[Tensor, "b *n"]:
    """Features with some set to zero and the others raised to make up for it: chosen by seed, epoch and video."""
    if not share:
        return features
    chances = (draws_of(seed, batch.epoch, video)(purpose) for video in batch.ids)
    kept = torch.from_numpy(np.stack([chance.random(features.shape[1:]) for chance in chances]) >= share)
    return features * kept.to(features.device) / (1 - share)


def mlp(channels: int, hidden: int, width: int, layers: int = 1) -> nn.Sequential:
    """Hidden layers with layer norm, which looks at no other clip, and ReLU; then a linear one."""
    sizes = [channels, *[hidden] * layers]
    parts = (nn.Sequential(nn.Linear(a, b), nn.LayerNorm(b), nn.ReLU()) for a, b in pairwise(sizes))
    return nn.Sequential(*parts, nn.Linear(hidden, width))


def projection(kind: str, channels: int) -> nn.Module:
    """The linear layer of the paper, or one of the encoder's width, ReLU and that (Chen et al., SimCLR, ICML 2020)."""
    last = nn.Linear(channels, EMBEDDING_WIDTH)
    return last if kind == "linear" else nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), last)


@final
class PairHead(nn.Module):
    """[f_i; f_j] of every pair i < j ─▶ one linear layer for all, ReLU ─▶ together, half dropped ─▶ linear layer."""

    def __init__(self, channels: int, pieces: int, classes: int) -> None:
        super().__init__()
        self._pairs = list(combinations(range(pieces), 2))
        self.pair = nn.Linear(2 * channels, PAIR_WIDTH)
        self.last = nn.Linear(PAIR_WIDTH * len(self._pairs), classes)

    def forward(self, features: Float[Tensor, "b v c"], seed: int, batch: ClipBatch) -> Float[Tensor, "b k"]:
        """The logits; what is dropped is drawn by video."""
        first, second = (features[:, list(rows)] for rows in zip(*self._pairs, strict=True))
        seen = self.pair(torch.cat([first, second], dim=-1)).relu().flatten(1)
        logits: Tensor = self.last(dropped(seen, 0.5, seed, batch) if self.training else seen)
        return logits


@final
class Centre(nn.Module):
    """Takes the running mean off features, where it is wanted: a buffer that changes once per step."""

    mean: Tensor

    def __init__(self, channels: int, wanted: bool) -> None:
        super().__init__()
        self.wanted = wanted
        self.register_buffer("mean", torch.zeros(channels))

    def forward(self, features: Float[Tensor, "b v c"]) -> tuple[Float[Tensor, "b v c"], dict[str, Tensor]]:
        """Features less the mean, and what a method's outputs must hold for `follow`."""
        if not self.wanted:
            return features, {}
        return features - self.mean.to(features.dtype), {CENTRED: features.detach()}

    def follow(self, outputs: Mapping[str, Tensor]) -> None:
        """Come nearer to the mean of a step's features, those of all processes."""
        if self.wanted:
            self.mean.lerp_(process_group.average(outputs[CENTRED].to(self.mean).mean(dim=(0, 1))), 1 - _KEPT)
