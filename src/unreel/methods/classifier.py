"""Recognition (Sec. 4): a pretrained encoder and one linear layer, fine-tuned on labels."""

from collections.abc import Mapping, Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from unreel import models
from unreel.errors import SettingsError
from unreel.losses import classification
from unreel.methods.heads import dropped
from unreel.methods.views import Views
from unreel.settings.finetuning import FinetuneSettings
from unreel.types import ClipBatch, Loss


@final
class Classifier(nn.Module):
    """clip ─▶ crop, scale, flip ─▶ encoder ─▶ mean of the top (─▶ standardised) ─▶ dropout ─▶ linear layer ─▶ classes

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
        encoder = settings.encoder_settings
        self._view = Views(settings, settings.augmentation, encoder)
        rows = {name: row for row, name in enumerate(self.classes)}
        self._targets = {identity: rows[label] for identity, label in labels.items()}
        self.encoder = models.ready(encoder, settings)
        self._blocks = self.encoder.blocks()
        names = {module: f"encoder.{name}." for name, module in self.encoder.named_modules()}
        self._number_of = {names[part]: number for number, block in enumerate(self._blocks, 1) for part in block}
        if settings.frozen_levels > len(self._blocks):
            raise SettingsError(
                f"frozen_levels is {settings.frozen_levels}, but {type(self.encoder).__name__} has {len(self._blocks)} "
                "blocks. Freeze these or fewer."
            )
        channels = self.encoder.channels[self.encoder.top]
        self.standardised = nn.BatchNorm1d(channels, affine=False) if settings.standardise else nn.Identity()
        self.linear = nn.Linear(channels, len(self.classes))
        for block in self._frozen():
            block.requires_grad_(False)
        self.train()

    def forward(self, batch: ClipBatch) -> dict[str, Tensor]:
        """The logits (b k) of a batch of one clip per video, and the row of the right class of each (b)."""
        features = self._features(self.view(batch))
        if self.training:
            features = dropped(features, self.settings.dropout, self.settings.seed, batch)
        logits = self._logits(features)
        targets = torch.tensor([self._targets[identity] for identity in batch.ids], device=logits.device)
        return {"logits": logits, "targets": targets}

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """Cross entropy, and how often the right class comes first; watched: among five (see `classification`)."""
        hits = {"top1": 1} | ({"top5": 5} if watched and len(self.classes) > 5 else {})
        return classification(outputs["logits"], outputs["targets"], hits)

    @torch.inference_mode()
    def probabilities(self, clips: Float[Tensor, "b 3 t s s"]) -> Float[Tensor, "b k"]:
        """The softmax over the classes for clips in [−1, 1]; dropout is for training only."""
        return self._logits(self._features(clips)).softmax(dim=1)

    @torch.inference_mode()
    def shares_of(self, features: Float[Tensor, "b c"]) -> Float[Tensor, "b k"]:
        """The same for the means of the top that an encoder gave before."""
        return self._logits(self.standardised(features)).softmax(dim=1)

    def updated(self, outputs: Mapping[str, Tensor], step: int) -> None:
        """Nothing: it has no state but its weights."""

    def view(self, batch: ClipBatch) -> Float[Tensor, "b 3 t s s"]:
        """What the encoder is shown of the one clip of each video."""
        return self._view(batch, "finetune")

    def train(self, mode: bool = True) -> "Classifier":
        """Switch to training or back; frozen blocks stay as they are in evaluation."""
        super().train(mode)
        for block in self._frozen():
            block.eval()
        return self

    def rate_factor(self, name: str) -> float:
        """The factor on a parameter's learning rate: 1 for the linear layer, `layer_decay` to the k, k blocks below."""
        number = next((number for part, number in self._number_of.items() if name.startswith(part)), None)
        return 1.0 if number is None else self.settings.layer_decay ** (len(self._blocks) + 1 - number)

    def _frozen(self) -> list[nn.Module]:
        last = len(self._blocks) if self.settings.frozen else self.settings.frozen_levels
        return [part for block in self._blocks[:last] for part in block]

    def _features(self, clips: Float[Tensor, "b 3 t s s"]) -> Float[Tensor, "b c"]:
        features: Tensor = self.standardised(self.encoder(clips)[self.encoder.top].mean(dim=(2, 3, 4)))
        return features

    def _logits(self, features: Float[Tensor, "b c"]) -> Float[Tensor, "b k"]:
        logits: Tensor = self.linear(features)
        return logits
