"""Settings of a fine-tuning run."""

from pathlib import Path
from typing import Annotated, ClassVar

import tyro
from pydantic import Field, model_validator

from unreel.errors import SettingsError
from unreel.settings.augmentation import AugmentationSettings
from unreel.settings.encoder import EncoderChoice, EncoderSettings, nested
from unreel.settings.model import BatchSize, Count, PositiveAmount, validated
from unreel.settings.training import TrainingSettings, check_statistics

Fold = Annotated[int, Field(ge=1, le=1000)]


class FinetuneSettings(TrainingSettings):
    """Teach a pretrained encoder to tell the labels of a folder of videos apart, and test it (Sec. 4).

    Labels come from where --labels says. What is tested is the test part of --split, the groups of
    --test-groups, or a fold, --test-fold; with none of them all videos are learnt from and none is left to test.

    --config RUN/settings.yaml starts from the settings of an earlier run; all other options change what they say.
    """

    changeable: ClassVar[frozenset[str]] = TrainingSettings.changeable | {"test_every", "weights"}

    weights: Path | None = None
    """Run folder, checkpoint or weights file to begin with; default: random weights (from scratch)."""
    weights_hash: Annotated[str | None, tyro.conf.Suppress] = None
    """What these are known by wherever they lie; found, not chosen."""
    frozen: bool = False
    """Train the linear layer only (linear probe)."""
    frozen_levels: Annotated[int, Field(ge=0, le=1000)] = 0
    """First blocks of the encoder that are left as they are; all of them (5 of unreel's own) are a linear probe."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Factor on the learning rate from one block of the encoder to the one before it; 1: all learn alike."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share of the encoder's features that the linear layer does not see of a clip."""
    standardise: bool = False
    """Give every feature the mean 0 and the spread 1 over the batch (in tests: over batches) before the linear layer,
    which then learns in hundreds of steps what takes thousands without; the paper does not."""
    label: str | None = None
    """Name of the label to learn; default: the only one that there is."""
    test_groups: tuple[str, ...] = ()
    """Groups that are held out for the test."""
    test_fold: tuple[Fold, Fold] | None = None
    """A fold that is held out, 1 3 for the first of three: whole groups, or where there are none single videos, of
    each label alike where that can be."""
    test_every: Count = 0
    """Steps between tests; 0: only at the end."""
    steps: Count = 10_000
    """Updates of the weights; the paper does not say how many. A run may be resumed with more."""
    batch_size: BatchSize = 32
    """Videos of a step, those of all processes together."""
    learning_rate: PositiveAmount = 0.01
    """Learning rate before it falls."""
    encoder: tyro.conf.OmitArgPrefixes[EncoderChoice] = EncoderChoice()
    """The encoder and what it is shown: known from --weights, chosen only for training from scratch."""
    augmentation: AugmentationSettings = AugmentationSettings(colour_jitter=False, channel_replication=False)
    """The transformations that clips are drawn with."""

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, values: object) -> object:
        return nested(values)

    @model_validator(mode="after")
    def _one_way_to_test(self) -> "FinetuneSettings":
        fold = self.test_fold
        ways = {
            f"split is {self.split!r}": self.split is not None,
            f"test_groups are {', '.join(self.test_groups)}": bool(self.test_groups),
            f"test_fold is {fold}": fold is not None,
        }
        if sum(ways.values()) > 1:
            raise ValueError(
                f"{' and '.join(way for way, given in ways.items() if given)}, expected one of them at the most: all "
                "say what is tested; take away what is too much"
            )
        if fold is not None and not 1 <= fold[0] <= fold[1] > 1:
            raise ValueError(
                f"test_fold is {fold[0]} of {fold[1]}, expected a number from 1 to that of the folds, 2 or more"
            )
        return self

    @model_validator(mode="after")
    def _statistics_counted_once(self) -> "FinetuneSettings":
        check_statistics(self)
        if self.standardise and self.accumulate > 1:
            raise ValueError(
                f"standardise is on with accumulate {self.accumulate}: the spread would be that of parts of a batch; "
                "choose one of them"
            )
        return self

    @property
    def encoder_settings(self) -> EncoderSettings:
        """The part that describes the encoder; the default where nothing is given."""
        return EncoderSettings.model_validate(self._given())

    def resolved(self, weights: EncoderSettings | None) -> "FinetuneSettings":
        """The same settings with all of the encoder's given: those of the weights, or without any the defaults.

        Raises:
            SettingsError: one is given already and is not that of the weights.
        """
        found = (weights or self.encoder_settings).model_dump()
        for name, value in self._given().items():
            if value != found[name]:
                option = "encoder" if name == "name" else name
                raise SettingsError(
                    f"{option} is {value!r}, but the encoder of {self.weights} has {found[name]!r}. Leave {option} "
                    "away, or choose other weights."
                )
        return validated(FinetuneSettings, self.model_dump() | {"encoder": found}, "unreel finetune")

    def _given(self) -> dict[str, object]:
        return self.encoder.model_dump(exclude_none=True)
