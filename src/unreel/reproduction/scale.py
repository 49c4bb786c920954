"""How much is done for a table: as the paper did it, or at a size for a processor and a folder of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import torch

from unreel import models, recipes
from unreel.reproduction.paper import UNTRAINED, PaperRow
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.pretraining import PretrainSettings

# Multiply-adds of a clip of 16×112×112 (docs/method.md).
MULTIPLY_ADDS = {"c3d": 38.5e9, "r3d18": 8.3e9, "r2plus1d10": 21.4e9}
FORWARD, LEARNING = 2.0, 6.0
"""Floating-point operations for each multiply-add of the encoder: embedding a clip, and learning from it."""
CLIPS_OF_A_VIDEO, CROPS = 10, 5
BYTES_PER_WEIGHT = 4


@dataclass(frozen=True)
class Scale:
    """What decides how long a run is.

    `epochs` passes over the pretraining videos, unless `steps` are given; None of `finetune_steps`: unreel's own.
    `folds`: groups of a folder without official splits are held out in so many parts. `pretrain_options` and
    `finetune_options` are further words for these commands.
    """

    small: bool = False
    epochs: int = 200
    steps: int | None = None
    finetune_steps: int | None = None
    finetune_batch: int | None = None
    folds: int = 3
    seeds: tuple[int, ...] = (0,)
    pretrain_options: tuple[str, ...] = ()
    finetune_options: tuple[str, ...] = ()
    accelerator: str = "auto"

    def recipe(self, row: PaperRow) -> str:
        """The recipe of a row; retrieval's untrained encoder is the one that `hdc` begins with."""
        name = row.recipe if row.recipe != UNTRAINED else "hdc"
        if self.small:
            return f"{name}-small"  # with 3D-ResNet18: C3D would take five times as long
        return name if row.encoder == "r3d18" else f"{name}-{row.encoder}"

    def pretraining(self, recipe: str) -> PretrainSettings:
        """The settings of a recipe, but for the further options."""
        return PretrainSettings.model_validate({"folder": "-", "out": "-", **recipes.changes(recipe)})

    def steps_of(self, recipe: str, videos: int) -> int | None:
        """Steps of pretraining; None: as the recipe has it."""
        settings = self.pretraining(recipe)
        if settings.steps == 0:  # scratch
            return None
        if self.steps is not None or self.small:
            return self.steps
        return max(1, ceil(self.epochs * videos / settings.batch_size))

    @property
    def tuning_steps(self) -> int:
        """Steps of fine-tuning."""
        return self.finetune_steps or (100 if self.small else FinetuneSettings.model_fields["steps"].default)

    @property
    def tuning_batch(self) -> int:
        """Videos of a step of fine-tuning."""
        return self.finetune_batch or (16 if self.small else FinetuneSettings.model_fields["batch_size"].default)

    @property
    def side(self) -> int:
        """The shorter side of prepared videos in pixels."""
        return self.pretraining("hdc-small" if self.small else "hdc").encoder_settings.prepared_side


@dataclass(frozen=True)
class Reckoning:
    """Estimates, by counted multiply-adds; decoding is not counted, as it goes on beside."""

    scale: Scale
    _weights: dict[str, int] = field(default_factory=dict, repr=False)

    def pretraining(self, recipe: str, videos: int) -> float:
        """Floating-point operations of a pretraining run."""
        settings = self.scale.pretraining(recipe)
        steps = self.scale.steps_of(recipe, videos)
        views = 1 + any(settings.alpha) + any(settings.beta)
        count = settings.steps if steps is None else steps
        return LEARNING * self._clip(settings) * views * settings.batch_size * count

    def finetuning(self, recipe: str, videos: int, parts: int) -> float:
        """Floating-point operations of fine-tuning and testing on so many splits or folds."""
        clip = self._clip(self.scale.pretraining(recipe))
        learnt = LEARNING * clip * self.scale.tuning_batch * self.scale.tuning_steps * parts
        return learnt + FORWARD * clip * CLIPS_OF_A_VIDEO * CROPS * videos * 0.3 * parts

    def embedding(self, recipe: str, videos: int, encoders: int) -> float:
        """Floating-point operations of embedding a collection."""
        return FORWARD * self._clip(self.scale.pretraining(recipe)) * CLIPS_OF_A_VIDEO * videos * encoders

    def weights(self, recipe: str) -> int:
        """Bytes of the weights of a recipe's encoder."""
        if recipe not in self._weights:
            with torch.device("meta"):
                encoder = models.build_from(self.scale.pretraining(recipe).encoder_settings)
            self._weights[recipe] = BYTES_PER_WEIGHT * sum(each.numel() for each in encoder.parameters())
        return self._weights[recipe]

    def _clip(self, settings: PretrainSettings) -> float:
        """Multiply-adds of a clip."""
        area = (settings.size / 112) ** 2 * settings.clip_length / 16
        return MULTIPLY_ADDS[settings.encoder] * settings.width**2 * area


def words_of(options: Sequence[tuple[str, Any]]) -> tuple[str, ...]:
    """`--name value` of every option that has a value; several values follow one name."""
    words: list[str] = []
    for name, value in options:
        if value is not None and value != ():
            words += [f"--{name}", *(map(str, value) if isinstance(value, tuple) else [str(value)])]
    return tuple(words)
