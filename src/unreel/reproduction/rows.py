"""A row of a table: what it is called, what the paper prints in it, and the recipe that makes ours."""

from dataclasses import dataclass

from unreel.recipes import RIVALS, Rival, named
from unreel.settings.encoder import BASELINES

UNTRAINED = "untrained"
"""The row of an encoder before its first step, where a table is about retrieval."""


@dataclass(frozen=True)
class PaperRow:
    """A row: what stands in the columns that name it, and the paper's number in each of the others.

    `recipe` is one of `recipes.ROWS`, a rival's, `UNTRAINED`, or the name of a baseline; empty for what is not run.
    `could` is the rival's or baseline's that would make it.
    """

    labels: tuple[str, ...]
    paper: tuple[float | None, ...]
    recipe: str = ""
    encoder: str = ""
    could: str = ""

    @property
    def name(self) -> str:
        """What the row is called on the command line and in files; of a recipe, its name."""
        return named(self.recipe, self.encoder) if self.recipe else ", ".join(self.labels)

    @property
    def rival(self) -> Rival | None:
        """The method of others that the row is about, where it is run."""
        return RIVALS.get(self.recipe.removesuffix("-short"))

    @property
    def is_baseline(self) -> bool:
        """Whether it learns nothing, and is evaluated as it is only."""
        return self.recipe in BASELINES

    @property
    def pretrained_by(self) -> str:
        """The recipe whose weights the row has; an untrained encoder is the one that `hdc` begins with, and a baseline
        is shown the clips that it is shown."""
        return named("hdc" if self.recipe == UNTRAINED or self.is_baseline else self.recipe, self.encoder)
