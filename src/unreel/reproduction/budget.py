"""How much is done for a table: as the paper did it, or at another scale, for a CPU and a folder of one's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from unreel import recipes
from unreel.errors import SettingsError
from unreel.reading import FileSchema, read_yaml
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import Settings, validated
from unreel.settings.pretraining import PretrainSettings, pretraining

FOLDERS = {"folder": "-", "out": "-"}
"""Of a run whose folders are still to come."""
FOLDS = 3
EPOCHS = 200
PLANNED = {
    "folder",
    "out",
    "seed",
    "steps",
    "split",
    "recipe",
    "weights",
    "test_groups",
    "test_fold",
    "resume",
    "exclude",
}
"""Settings of runs that the plan decides."""
_WANTED = FileSchema(SettingsError, "Give --scale paper, small, or a YAML file with the keys pretrain and finetune.")


class ScaleSettings(Settings):
    """What all rows of a table begin with; what a row is about, as the weights of levels, is left to the row.

    At the paper's scale nothing is changed, and the steps of pretraining are those of the epochs.
    """

    pretrain: Mapping[str, Any] = Field(default_factory=dict)
    """Settings of `unreel pretrain`, by their names."""
    finetune: Mapping[str, Any] = Field(default_factory=dict)
    """Settings of `unreel evaluate finetune`."""
    note: str = ""
    """What is said under the table."""

    @model_validator(mode="after")
    def _leave_the_plan_its_own(self) -> "ScaleSettings":
        taken = sorted((PLANNED - {"steps"}).intersection([*self.pretrain, *self.finetune]))
        if taken:
            raise ValueError(f"it has {', '.join(taken)}, which unreel reproduce decides; take it away")
        return self


PAPER = ScaleSettings()
SMALL = ScaleSettings(
    pretrain={**recipes.SMALL, "steps": 200, "knn_every": 0, "checkpoint_every": 50},
    finetune={"steps": 100, "batch_size": 16},
)
"""Nothing is evaluated on the way, and little is lost when a machine is shut down."""


def read_scale(name: str) -> ScaleSettings:
    """The scale `paper` or `small`, or that of a YAML file.

    Raises:
        SettingsError: there is no such file, or it holds settings that do not exist or make no sense.
    """
    if name in ("paper", "small"):
        return PAPER if name == "paper" else SMALL
    scale = validated(ScaleSettings, read_yaml(Path(name), _WANTED), name)
    pretraining({**scale.pretrain, **FOLDERS}, f"{name}, pretrain")
    validated(FinetuneSettings, {**scale.finetune, **FOLDERS}, f"{name}, finetune")
    return scale


@dataclass(frozen=True)
class Budget:
    """What decides how much a run does.

    `epochs` passes over the pretraining videos, unless `steps` are given or the scale has its own. `exclude` is a
    regular expression of videos that are not pretrained on. `folds`: a folder without official splits is tested in so
    many parts, groups kept whole. `pretrain_words` and `finetune_words` are further options of these commands,
    `pretrain_changes` and `finetune_changes` the settings that they change; `how` are options that say where to
    compute.
    """

    scale: ScaleSettings = PAPER
    exclude: str | None = None
    epochs: int = EPOCHS
    steps: int | None = None
    folds: int = FOLDS
    seeds: tuple[int, ...] = (0,)
    label: str | None = None
    allow_leaks: tuple[str, ...] = ()
    pretrain_words: tuple[str, ...] = ()
    pretrain_changes: Mapping[str, Any] = field(default_factory=dict)
    finetune_words: tuple[str, ...] = ()
    finetune_changes: Mapping[str, Any] = field(default_factory=dict)
    how: tuple[str, ...] = ()

    def pretraining(self, recipe: str, videos: int = 1) -> PretrainSettings:
        """The settings with which a recipe is run on so many videos.

        Raises:
            SettingsError: the changes make no sense with the recipe.
        """
        changes = {**self.scale.pretrain, **recipes.changes(recipe), **self.pretrain_changes}
        settings = pretraining({**changes, **FOLDERS}, f"recipe {recipe}")
        if settings.steps == 0:  # scratch
            return settings
        of_epochs = max(1, ceil(self.epochs * videos / settings.batch_size))
        return settings.model_copy(update={"steps": self.steps or self.scale.pretrain.get("steps", of_epochs)})

    def pretraining_words(self, recipe: str) -> tuple[str, ...]:
        """The options that bring a recipe to this scale, and the further ones."""
        left = {"steps", *recipes.changes(recipe), *self.pretrain_changes}
        return (*words_of(_without(self.scale.pretrain, left)), *self.pretrain_words)

    @property
    def finetuning(self) -> FinetuneSettings:
        """The settings of fine-tuning, but for those of the encoder."""
        return validated(FinetuneSettings, {**self.scale.finetune, **self.finetune_changes, **FOLDERS}, "fine-tuning")

    @property
    def finetuning_words(self) -> tuple[str, ...]:
        """The options that bring fine-tuning to this scale, and the further ones."""
        settings = self.finetuning
        values = {"batch_size": settings.batch_size, **_without(self.scale.finetune, {"steps"})}
        words = words_of({"steps": settings.steps, **_without(values, set(self.finetune_changes))})
        return (*words, *self.finetune_words)

    @property
    def side(self) -> int:
        """The shorter side of prepared videos in pixels, that of all rows."""
        return self.pretraining("hdc").encoder_settings.prepared_side


def words_of(options: Mapping[str, Any], prefix: str = "--") -> tuple[str, ...]:
    """`--name value` of every option that has a value; several values follow one name, on and off are a word alone."""
    words: list[str] = []
    for name, value in options.items():
        option = name.replace("_", "-")
        if isinstance(value, Mapping):
            words += words_of(value, f"{prefix}{option}.")
        elif isinstance(value, bool):
            words.append(f"{prefix}{'' if value else 'no-'}{option}")
        elif value is not None and value != ():
            words += [prefix + option, *map(str, value if isinstance(value, tuple | list) else [value])]
    return tuple(words)


def _without(values: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
