"""Settings of an encoder and of a pretraining run."""

from math import ceil
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from unreel.settings.augmentation import AugmentationSettings
from unreel.settings.model import Amount, Count, PositiveAmount, PositiveCount, Settings
from unreel.settings.training import TrainingSettings

Weights = tuple[Amount, Amount, Amount]
Width = Annotated[float, Field(gt=0, le=8)]
Size = Annotated[int, Field(ge=16, le=1024)]
ClipLength = Annotated[int, Field(ge=4, le=1024)]
EncoderName = Literal["c3d", "r3d18", "r2plus1d10"]
Shortcut = Literal["A", "B"]
Input = Literal["rgb", "difference"]


class EncoderSettings(Settings):
    """Everything needed to build an encoder again and to feed it; stored beside its weights."""

    name: EncoderName = "r3d18"
    width: Width = 1.0
    norm: Literal["instance", "batch"] = "instance"
    shortcut: Shortcut = "B"
    input: Input = "rgb"
    size: Size = 112
    clip_length: ClipLength = 16

    @property
    def prepared_side(self) -> int:
        """The shorter side to prepare videos at: 128 pixels for an input of 112, as in the paper, and always even."""
        return 2 * ceil(self.size * 8 / 7 / 2)


class PretrainSettings(TrainingSettings):
    """Pretrain an encoder on a folder of videos, without labels.

    Labels (folder names or labels.csv) and groups are used for the k-NN curve only, never for learning.

    --recipe NAME starts from named settings (--list-recipes shows them), --config RUN/settings.yaml from those of an
    earlier run; all other options change what they say.
    """

    changeable: ClassVar[frozenset[str]] = TrainingSettings.changeable | {"knn_every", "knn_folder", "chunk_size"}

    recipe: str = "hdc"
    """Name of the settings started from."""
    exclude: str | None = None
    """Regular expression: no video in whose path it is found is learnt from."""
    encoder: EncoderName = "r3d18"
    """Architecture of the encoder: C3D, 3D-ResNet18 or R(2+1)D-10."""
    width: Width = 1.0
    """Factor on the encoder's channels: 0.25 for small machines."""
    norm: Literal["instance", "batch"] = "instance"
    """Normalisation layers; the paper's encoders have instance norm."""
    shortcut: Shortcut = "B"
    """Shortcut of r3d18 where the shape changes: B a 1×1×1 convolution, A subsampling and zero channels."""
    input: Input = "rgb"
    """What the encoder sees of a clip: its frames, as in the paper, or of each frame the difference to the next: what
    moves, and nothing of a camera's still background."""
    size: Size = 112
    """Height and width of the encoder's input in pixels."""
    clip_length: ClipLength = 16
    """Consecutive frames of a clip."""
    knn_every: Count = 1000
    """Steps between k-NN evaluations by labels (leave one out, R@1); 0: none."""
    knn_folder: Path | None = None
    """Labelled videos that k-NN evaluates; default: those learnt from, where they have labels."""
    alpha: Weights = (0.25, 0.5, 1.0)
    """Weights of Spatial Contrast at levels 3, 4, 5 (Eq. 6)."""
    beta: Weights = (0.25, 0.5, 1.0)
    """Weights of Temporal Contrast at levels 3, 4, 5 (Eq. 6)."""
    temperature: PositiveAmount = 0.07
    """τ of InfoNCE."""
    reduction: Literal["mean", "sum"] = "mean"
    """Mean over the batch, or the paper's sum: learning_rate is then to be divided by the batch size, and l2 (and
    clip_norm) multiplied by it, for the same updates."""
    both_directions: bool = False
    """Compare s with o and t with o too, and take the mean; the paper compares o with s and with t only."""
    hard_negatives: Amount = 0.0
    """β by which negatives that are near count more (Robinson et al., 2021); 0: all alike, as in the paper."""
    projection: Literal["linear", "mlp"] = "linear"
    """What embeds a level's features: one linear layer, as in the paper, or two with ReLU between them."""
    standardise: bool = False
    """Give every dimension of the embeddings mean 0 and spread 1 over the batch before they are compared; the paper
    compares them as they are."""
    clip_gap: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Smallest distance between the starts of a video's two clips, as a share of the largest that it allows; 0: they
    are drawn independently, as in the paper."""
    chunk_size: PositiveCount | None = None
    """Anchors that the loss compares at a time: its memory then grows with the batch, not with its square."""
    augmentation: AugmentationSettings = AugmentationSettings()

    @model_validator(mode="after")
    def _something_to_learn(self) -> "PretrainSettings":
        if self.steps and not any(self.alpha + self.beta):
            raise ValueError(
                f"alpha and beta are all 0, so {self.steps} steps have nothing to learn; "
                "give a level a weight, or choose 0 steps for an untrained encoder"
            )
        return self

    @model_validator(mode="after")
    def _statistics_counted_once(self) -> "PretrainSettings":
        if self.norm == "batch" and (self.accumulate > 1 or self.checkpoint_activations):
            raise ValueError(
                "norm is batch, whose statistics would count every clip twice with accumulate or "
                "checkpoint_activations, which compute clips twice; choose norm instance, or neither of them"
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
            input=self.input,
            size=self.size,
            clip_length=self.clip_length,
        )
