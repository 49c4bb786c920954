"""Named settings: the rows of the paper's Table 1, and sizes that fit small machines.

Each docstring gives the paper's number (UCF101 split 1, 3D-ResNet18 pretrained on Kinetics-400, fine-tuned, top-1 %)
and, where it is known, the time a run takes. Use one with `unreel pretrain FOLDER --out RUN --recipe NAME`.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from unreel.errors import SettingsError

Changes = Mapping[str, Any]


def hdc() -> Changes:
    """The full model: both subtasks at levels 3, 4, 5, weights rising with the level. Paper: 69.0."""
    return _weights(0.25, 0.5, 1.0)


def sc() -> Changes:
    """Spatial Contrast alone, level 5. Paper: 61.3."""
    return {"alpha": (0, 0, 1), "beta": (0, 0, 0)}


def tc() -> Changes:
    """Temporal Contrast alone, level 5 (like CVRL). Paper: 62.7."""
    return {"alpha": (0, 0, 0), "beta": (0, 0, 1)}


def sc_tc() -> Changes:
    """Both subtasks at level 5. Paper: 65.5."""
    return _weights(0.0, 0.0, 1.0)


def two_level() -> Changes:
    """Both subtasks at levels 4, 5, equal weights. Paper: 66.9."""
    return _weights(0.0, 1.0, 1.0)


def two_level_weighted() -> Changes:
    """Both subtasks at levels 4, 5, weights 0.5 and 1. Paper: 67.8."""
    return _weights(0.0, 0.5, 1.0)


def three_level() -> Changes:
    """Both subtasks at levels 3, 4, 5, equal weights. Paper: 66.8."""
    return _weights(1.0, 1.0, 1.0)


def hdc_small() -> Changes:
    """HDC in about five minutes on two processor cores: 1/4 of the channels, 56 px, batches of 24. No paper number."""
    return {**hdc(), **SMALL}


def sc_small() -> Changes:
    """Spatial Contrast alone at the size of hdc-small."""
    return {**sc(), **SMALL}


def tc_small() -> Changes:
    """Temporal Contrast alone at the size of hdc-small."""
    return {**tc(), **SMALL}


def sc_tc_small() -> Changes:
    """Both subtasks at level 5 alone, at the size of hdc-small."""
    return {**sc_tc(), **SMALL}


SMALL: Changes = {
    "width": 0.25,
    "size": 56,
    "batch_size": 24,
    "steps": 400,
    "learning_rate": 0.02,
    "checkpoint_every": 200,
    "knn_every": 50,
}

RECIPES: dict[str, Callable[[], Changes]] = {
    "hdc": hdc,
    "sc": sc,
    "tc": tc,
    "sc+tc": sc_tc,
    "two-level": two_level,
    "two-level-weighted": two_level_weighted,
    "three-level": three_level,
    "hdc-small": hdc_small,
    "sc-small": sc_small,
    "tc-small": tc_small,
    "sc+tc-small": sc_tc_small,
}


def changes(name: str) -> Changes:
    """What a recipe changes in the default settings, its own name included.

    Raises:
        SettingsError: there is no recipe of that name; the nearest is suggested.
    """
    if name not in RECIPES:
        near = get_close_matches(name, RECIPES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(RECIPES)}"
        raise SettingsError(f"there is no recipe {name!r}; {hint}")
    return {"recipe": name, **RECIPES[name]()}


def described() -> str:
    """One line per recipe."""
    return "\n".join(f"  {name:20} {(recipe.__doc__ or '').splitlines()[0]}" for name, recipe in RECIPES.items())


def _weights(level3: float, level4: float, level5: float) -> Changes:
    weights = (level3, level4, level5)
    return {"alpha": weights, "beta": weights}
