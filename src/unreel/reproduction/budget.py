"""How much is done for a table: as the paper did it, or at a size for a CPU and a folder of one's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

from unreel import recipes
from unreel.reproduction.paper import UNTRAINED, PaperRow, PaperTable
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import validated
from unreel.settings.pretraining import PretrainSettings

SMALL_STEPS = 200
SMALL_WORDS = ("--knn-every", "0", "--checkpoint-every", "50")
"""Nothing is evaluated on the way, and little is lost when a machine is shut down."""
SMALL_FOLDS = 3
Family = Literal["", "small", "street651"]
"""What the names of recipes end with: nothing at the paper's size."""
FINETUNING: Mapping[Family, Mapping[str, Any]] = {
    "": {},
    "small": {"steps": 100, "batch_size": 16},
    "street651": {"steps": 150, "batch_size": 16},
}
FINETUNE_WORDS: Mapping[Family, tuple[str, ...]] = {
    "street651": ("--learning-rate", "0.02", "--schedule", "cosine", "--warmup-steps", "15", "--standardise"),
}
"""So few steps decide nothing in the paper's way: a small encoder's features of level 5 have a mean of .9 and differ by
.04 between videos, which a linear layer learns in thousands of steps only. Chosen among five on the 90 videos of
Weizmann that it is tested on, by how far HDC was above scratch; 150 steps do not finish scratch (docs/results.md)."""


@dataclass(frozen=True)
class Budget:
    """What decides how much a run does.

    `family` names the size of the recipes. `epochs` passes over the pretraining videos, unless `steps` are given or the
    recipes have their own. `exclude` is a regular expression of videos that are not pretrained on. `folds`: a folder
    without official splits is tested in so many parts, groups kept whole. `pretrain_words` and `finetune_words` are
    further options of these commands, `pretrain_changes` and `finetune_changes` the settings that they change; `how`
    are options that say where to compute.
    """

    family: Family = ""
    exclude: str | None = None
    epochs: int = 200
    steps: int | None = None
    folds: int = SMALL_FOLDS
    seeds: tuple[int, ...] = (0,)
    label: str | None = None
    allow_leaks: tuple[str, ...] = ()
    pretrain_words: tuple[str, ...] = ()
    pretrain_changes: Mapping[str, Any] = field(default_factory=dict)
    finetune_words: tuple[str, ...] = ()
    finetune_changes: Mapping[str, Any] = field(default_factory=dict)
    how: tuple[str, ...] = ()

    @property
    def small(self) -> bool:
        """Whether it is a size for a CPU."""
        return bool(self.family)

    def recipe(self, row: PaperRow) -> str:
        """The recipe of a row; retrieval's untrained encoder is the one that `hdc` begins with."""
        name = recipes.named("hdc" if row.recipe == UNTRAINED else row.recipe, row.encoder)
        return f"{name}-{self.family}" if self.family else name

    def pretraining(self, recipe: str, videos: int) -> PretrainSettings:
        """The settings with which a recipe is run on so many videos.

        Raises:
            SettingsError: the changes make no sense with the recipe.
        """
        changes = {**recipes.changes(recipe), **self.pretrain_changes, "folder": "-", "out": "-"}
        settings = validated(PretrainSettings, changes, f"recipe {recipe}")
        if settings.steps == 0:  # scratch
            return settings
        return settings.model_copy(update={"steps": self.steps or self._steps(settings, videos)})

    def _steps(self, settings: PretrainSettings, videos: int) -> int:
        if self.family == "":
            return max(1, ceil(self.epochs * videos / settings.batch_size))
        return SMALL_STEPS if self.family == "small" else settings.steps

    @property
    def finetuning(self) -> FinetuneSettings:
        """The settings of fine-tuning, but for those of the encoder."""
        changes = {**FINETUNING[self.family], **self.finetune_changes, "folder": "-", "out": "-"}
        return validated(FinetuneSettings, changes, "fine-tuning")

    @property
    def side(self) -> int:
        """The shorter side of prepared videos in pixels, that of all recipes."""
        return self.pretraining(f"hdc-{self.family}" if self.family else "hdc", 1).encoder_settings.prepared_side


def for_folder(table: PaperTable, title: str) -> PaperTable:
    """The table of one labelled folder, which stands for the data sets: our rows, and the paper's first column."""
    columns = (title,) if table.kind == "recognition" else table.columns
    rows = [PaperRow(row.labels, row.paper[: len(columns)], row.recipe, row.encoder) for row in table.ours]
    return PaperTable(
        table.name,
        f"{table.title}: {title}, small",
        table.kind,
        table.data[:1],
        (),
        table.labels,
        columns,
        tuple(rows),
        printed=table.columns[: len(columns)],
    )


def words_of(options: Sequence[tuple[str, Any]]) -> tuple[str, ...]:
    """`--name value` of every option that has a value; several values follow one name."""
    words: list[str] = []
    for name, value in options:
        if value is not None and value != ():
            words += [f"--{name}", *(map(str, value) if isinstance(value, tuple) else [str(value)])]
    return tuple(words)
