"""Settings of a pretraining run."""

from math import ceil
from pathlib import Path
from typing import Annotated, Literal

import tyro
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from unreel.settings.augmentation import AugmentationSettings
from unreel.settings.model import Settings

Weights = tuple[
    Annotated[float, Field(ge=0)],
    Annotated[float, Field(ge=0)],
    Annotated[float, Field(ge=0)],
]
EncoderName = Literal["c3d", "r3d18", "r2plus1d10"]
Shortcut = Literal["A", "B"]
Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(ge=0)]


class EncoderSettings(Settings):
    """Everything needed to build an encoder again and to feed it; stored beside its weights."""

    name: EncoderName = "r3d18"
    width: PositiveFloat = 1.0
    norm: Literal["instance", "batch"] = "instance"
    shortcut: Shortcut = "B"
    size: Annotated[int, Field(ge=16)] = 112
    clip_length: Annotated[int, Field(ge=4)] = 16

    @property
    def prepared_side(self) -> int:
        """The shorter side to prepare videos at: 128 pixels for an input of 112, as in the paper, and always even."""
        return 2 * ceil(self.size * 8 / 7 / 2)


class PretrainSettings(Settings):
    """Pretrain an encoder on a folder of videos, without labels.

    Labels (folder names or labels.csv) and groups are used for the k-NN curve only, never for learning.

    --recipe NAME starts from named settings (--list-recipes shows them), --config RUN/settings.yaml from those of an
    earlier run; all other options change what they say.
    """

    folder: tyro.conf.Positional[Path]
    """Folder of videos, or of prepared videos (see `unreel prepare`); an unprepared one is prepared on the way."""
    out: Path
    """Run folder to make: settings, log, metrics and weights."""
    recipe: str = "hdc"
    """Name of the settings started from."""
    encoder: EncoderName = "r3d18"
    """Architecture of the encoder: C3D, 3D-ResNet18 or R(2+1)D-10."""
    width: PositiveFloat = 1.0
    """Factor on the encoder's channels: 0.25 for small machines."""
    norm: Literal["instance", "batch"] = "instance"
    """Normalisation layers; the paper's encoders have instance norm."""
    shortcut: Shortcut = "B"
    """Shortcut of r3d18 where the shape changes: B a 1×1×1 convolution, A subsampling and zero channels."""
    size: Annotated[int, Field(ge=16)] = 112
    """Height and width of the encoder's input in pixels."""
    clip_length: Annotated[int, Field(ge=4)] = 16
    """Consecutive frames of a clip."""
    steps: Count = 10_000
    """Updates of the weights; 0 leaves the random ones (recipe scratch)."""
    batch_size: Annotated[int, Field(ge=2)] = 128
    """Videos of a step, each giving three views."""
    seed: int = 0
    """Decides the first weights and every draw."""
    checkpoint_every: Count = 1000
    """Steps between saved weights; 0: only the last are saved."""
    log_every: PositiveInt = 10
    """Steps between lines of the metrics."""
    knn_every: Count = 1000
    """Steps between k-NN judgements by the collection's labels (leave one out, R@1); 0: none."""
    alpha: Weights = (0.25, 0.5, 1.0)
    """Weights of Spatial Contrast at levels 3, 4, 5 (Eq. 6)."""
    beta: Weights = (0.25, 0.5, 1.0)
    """Weights of Temporal Contrast at levels 3, 4, 5 (Eq. 6)."""
    temperature: PositiveFloat = 0.07
    """τ of InfoNCE."""
    reduction: Literal["mean", "sum"] = "mean"
    """Mean over the batch, or the paper's sum (the learning rate must then be lower by the batch size)."""
    chunk_size: PositiveInt | None = None
    """Anchors that the loss compares at a time: its memory then grows with the batch, not with its square."""
    learning_rate: PositiveFloat = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    keras_momentum: bool = False
    """Keep the learning rate inside the velocity, as Keras does: v ← momentum · v − rate · gradient."""
    decay: Rate = 1e-4
    """Keras's learning-rate decay: the rate is learning_rate / (1 + decay · updates)."""
    warmup_steps: Count = 0
    """Steps over which the learning rate rises from 0; the paper has none."""
    l2: Rate = 5e-5
    """λ of Keras's L2 penalty λ·Σw² on convolution and linear kernels."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Number format of the forward pass."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    loader_workers: Count | None = None
    """Processes that decode; none given: 1 for each 8 processors where these train, otherwise all but one of them, 16
    at the most."""
    group_pattern: str | None = None
    """Regular expression whose first group, found in a video's path, names its group (person, source): the k-NN
    judgement then looks for neighbours in other groups only."""
    split: str | None = None
    """Learn from the training part of this official split only; refused if its other videos are known from there."""
    allow_leaks: tuple[str, ...] = ()
    """Names of what may be known from there: ids of held-out videos, groups, or a reason ("near duplicate")."""
    augmentation: AugmentationSettings = AugmentationSettings()

    @model_validator(mode="after")
    def _something_to_learn(self) -> "PretrainSettings":
        if self.steps and not any(self.alpha + self.beta):
            raise ValueError(
                f"alpha and beta are all 0, so {self.steps} steps have nothing to learn; "
                "give a level a weight, or choose 0 steps for an untrained encoder"
            )
        return self

    @property
    def encoder_settings(self) -> EncoderSettings:
        """The part that describes the encoder."""
        return EncoderSettings(
            name=self.encoder,
            width=self.width,
            norm=self.norm,
            shortcut=self.shortcut,
            size=self.size,
            clip_length=self.clip_length,
        )
