"""Settings of HDC (Sec. 3)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from unreel.settings.model import Amount, PositiveAmount, PositiveCount
from unreel.settings.pretraining import PretrainSettings

Weights = tuple[Amount, Amount, Amount]


class HDCSettings(PretrainSettings):
    """Pretrain an encoder on a folder of videos, without labels, with HDC.

    Labels (folder names or labels.csv) and groups are used for the k-NN curve only, never for learning.

    --recipe NAME starts from named settings (--list-recipes shows them), --config RUN/settings.yaml from those of an
    earlier run; all other options change what they say.
    """

    changeable: ClassVar[frozenset[str]] = PretrainSettings.changeable | {"chunk_size"}

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

    @model_validator(mode="after")
    def _something_to_learn(self) -> "HDCSettings":
        if self.steps and not any(self.alpha + self.beta):
            raise ValueError(
                f"alpha and beta are all 0, so {self.steps} steps have nothing to learn; "
                "give a level a weight, or choose 0 steps for an untrained encoder"
            )
        return self
