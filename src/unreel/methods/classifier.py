"""Recognition (Sec. 4): a pretrained encoder and one linear layer, fine-tuned on labels."""

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from unreel import models
from unreel.augment import draw_views
from unreel.augment.backend import view_maker
from unreel.engine import process_group
from unreel.rng import generator
from unreel.settings.finetuning import FinetuneSettings
from unreel.types import ClipBatch, Loss

DEPTH = 5
"""Blocks of every encoder; the stem, with its norm, is block 1."""


@final
class Classifier(nn.Module):
    """clip ─▶ crop, scale, flip ─▶ encoder ─▶ mean of level 5 (─▶ standardised) ─▶ dropout ─▶ linear layer ─▶ classes

    `classes` are the names of what the logits stand for, `labels` the class of every video to learn from by its id.
    The encoder is freshly drawn from torch's generator; blocks that are frozen are neither trained nor, where they
    hold running statistics, changed.

    Raises:
        SettingsError: there is no such encoder, the clips are too small for it, or a GPU is to do what it cannot.
        MissingExtraError: what compiles views or layers is not installed.
    """

    def __init__(self, settings: FinetuneSettings, classes: Sequence[str], labels: Mapping[str, str]) -> None:
        super().__init__()
        self.settings, self.classes = settings, tuple(classes)
        chosen = settings.compiled_views, settings.accelerator, settings.precision
        self._make_view = view_maker(*chosen, settings.encoder_settings.input)
        encoder = settings.encoder_settings
        rows = {name: row for row, name in enumerate(self.classes)}
        self._targets = {identity: rows[label] for identity, label in labels.items()}
        self.encoder = models.build_from(encoder)
        self.encoder.check(encoder.clip_length, encoder.size, encoder.size)
        if settings.fused:
            self.encoder.fuse(settings.accelerator)
        channels = self.encoder.channels[DEPTH]
        self.standardised = nn.BatchNorm1d(channels, affine=False) if settings.standardise else nn.Identity()
        self.linear = nn.Linear(channels, len(self.classes))
        for block in self._frozen():
            block.requires_grad_(False)
        self.train()

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """The logits (b k) of a batch of one clip per video, and the row of the right class of each (b)."""
        logits = self._logits(self._dropped(self._features(self.view(batch)), batch))
        targets = torch.tensor([self._targets[identity] for identity in batch.ids], device=logits.device)
        return {"logits": logits, "targets": targets}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, the mean over the batch, and how often the right class comes first; watched: among five.

        In several processes value and figures are those of the whole batch in every process; gradients averaged over
        the processes, as DistributedDataParallel does, are those of one process with the whole batch.
        """
        logits, targets = outputs["logits"], outputs["targets"]
        with torch.autocast(logits.device.type, enabled=False):
            loss = functional.cross_entropy(logits.to(torch.promote_types(logits.dtype, torch.float32)), targets)
        right = logits.gather(1, targets[:, None])
        place = (logits > right).sum(dim=1)
        hits = {"top1": 1} | ({"top5": 5} if watched and len(self.classes) > 5 else {})
        values = torch.stack([loss.detach(), *((place < most).to(loss).mean() for most in hits.values())])
        whole = process_group.average(values)
        total = loss + (whole[0] - loss).detach() if process_group.count() > 1 else loss
        figures = {f"accuracy/{name}": value for name, value in zip(hits, whole[1:], strict=True)}
        return Loss(total, {"cross_entropy": whole[0]}, figures)

    @torch.inference_mode()
    def probabilities(self, clips: Float[Tensor, "b 3 t s s"]) -> Float[Tensor, "b k"]:
        """The softmax over the classes for clips in [−1, 1]; dropout is for training only."""
        return self._logits(self._features(clips)).softmax(dim=1)

    @torch.no_grad()
    def view(self, batch: ClipBatch) -> Float[Tensor, "b 3 t s s"]:
        """What the encoder is shown of the one clip of each video; in float32 under mixed precision too."""
        settings, frames = self.settings, batch.luma.shape[2]
        draws = draw_views(
            settings.augmentation, seed=settings.seed, epoch=batch.epoch, ids=batch.ids, view="finetune", frames=frames
        )
        with torch.autocast(batch.luma.device.type, enabled=False):
            size = settings.encoder_settings.size
            return self._make_view(batch.luma[:, 0], batch.chroma[:, 0], batch.to_rgb, draws, size)

    def train(self, mode: bool = True) -> "Classifier":
        """Switch to training or back; frozen blocks stay as they are in evaluation."""
        super().train(mode)
        for block in self._frozen():
            block.eval()
        return self

    def rate_factor(self, name: str) -> float:
        """The factor on a parameter's learning rate: 1 for the linear layer, `layer_decay` to the k, k blocks below."""
        part = name.removeprefix("encoder.")
        return 1.0 if part == name else self.settings.layer_decay ** (DEPTH + 1 - block_of(part))

    def _frozen(self) -> list[nn.Module]:
        last = DEPTH if self.settings.frozen else self.settings.frozen_levels
        return [module for name, module in self.encoder.named_children() if block_of(name) <= last]

    def _features(self, clips: Float[Tensor, "b 3 t s s"]) -> Float[Tensor, "b c"]:
        features: Tensor = self.standardised(self.encoder(clips)[DEPTH].mean(dim=(2, 3, 4)))
        return features

    def _dropped(self, features: Float[Tensor, "b c"], batch: ClipBatch) -> Float[Tensor, "b c"]:
        """Features with some set to zero and the others raised to make up for it: chosen by seed, epoch and video."""
        share = self.settings.dropout
        if not self.training or not share:
            return features
        draws = [
            generator(self.settings.seed, "dropout", batch.epoch, video).random(features.shape[1])
            for video in batch.ids
        ]
        kept = torch.from_numpy(np.stack(draws) >= share).to(features.device)
        return features * kept / (1 - share)

    def _logits(self, features: Float[Tensor, "b c"]) -> Float[Tensor, "b k"]:
        logits: Tensor = self.linear(features)
        return logits


def block_of(name: str) -> int:
    """The block, 1 to 5, of a part of an encoder."""
    part = name.split(".")[0]
    return int(part.removeprefix("block")) if part.startswith("block") else 1
