"""Recipes: the weights of the paper's Table 1, and names."""

import pytest

from unreel import recipes
from unreel.errors import SettingsError
from unreel.settings.pretraining import PretrainSettings

TABLE_1 = {  # method.md's reading of Table 1: (α, β) of levels 3, 4, 5 and the accuracy
    "sc": ((0, 0, 1), (0, 0, 0), "61.3"),
    "tc": ((0, 0, 0), (0, 0, 1), "62.7"),
    "sc+tc": ((0, 0, 1), (0, 0, 1), "65.5"),
    "two-level": ((0, 1, 1), (0, 1, 1), "66.9"),
    "two-level-weighted": ((0, 0.5, 1), (0, 0.5, 1), "67.8"),
    "three-level": ((1, 1, 1), (1, 1, 1), "66.8"),
    "hdc": ((0.25, 0.5, 1), (0.25, 0.5, 1), "69.0"),
}


@pytest.mark.parametrize("name", TABLE_1)
def test_table_1(name: str) -> None:
    alpha, beta, accuracy = TABLE_1[name]
    settings = PretrainSettings.model_validate({"folder": "in", "out": "out", **recipes.changes(name)})
    assert (settings.recipe, settings.alpha, settings.beta) == (name, alpha, beta)
    assert accuracy in str(recipes.RECIPES[name].__doc__)


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_is_valid_and_described(name: str) -> None:
    assert PretrainSettings.model_validate({"folder": "in", "out": "out", **recipes.changes(name)}).recipe == name
    assert f"  {name} " in recipes.described()


def test_unknown_recipe() -> None:
    with pytest.raises(SettingsError, match=r"no recipe 'hcd'; did you mean hdc\?"):
        recipes.changes("hcd")
