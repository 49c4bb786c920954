"""Named settings: every row of the paper's ablations for each of its encoders, and sizes that fit small machines.

A row's name alone means 3D-ResNet18, the paper's own choice for Tables 1 and 2; `hdc-c3d` and `hdc-r2plus1d10` are the
same row with another encoder. Each docstring gives the paper's number for that row and encoder: pretrained on
Kinetics-400, fine-tuned, top-1 %. Use one with `unreel pretrain FOLDER --out RUN --recipe NAME`.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from unreel.console import Table
from unreel.errors import SettingsError
from unreel.settings.augmentation import AugmentationSettings

Changes = Mapping[str, Any]
Recipe = Callable[[], Changes]


def hdc() -> Changes:
    """The full model: both subtasks at levels 3, 4, 5, weights rising with the level."""
    return _weights(0.25, 0.5, 1.0)


def hdc_slow() -> Changes:
    """HDC†: the full model, its learning rate decreasing more slowly."""
    return {**hdc(), "decay": 1e-5}


def sc() -> Changes:
    """Spatial Contrast alone, level 5."""
    return {"alpha": (0, 0, 1), "beta": (0, 0, 0)}


def tc() -> Changes:
    """Temporal Contrast alone, level 5 (like CVRL)."""
    return {"alpha": (0, 0, 0), "beta": (0, 0, 1)}


def sc_tc() -> Changes:
    """Both subtasks at level 5."""
    return _weights(0.0, 0.0, 1.0)


def two_level() -> Changes:
    """Both subtasks at levels 4, 5, equal weights."""
    return _weights(0.0, 1.0, 1.0)


def two_level_weighted() -> Changes:
    """Both subtasks at levels 4, 5, weights 0.5 and 1."""
    return _weights(0.0, 0.5, 1.0)


def three_level() -> Changes:
    """Both subtasks at levels 3, 4, 5, equal weights."""
    return _weights(1.0, 1.0, 1.0)


def hdc_plus() -> Changes:
    """Not the paper's: HDC on what moves, with standardised embeddings."""
    return {**hdc(), "input": "difference", "standardise": True, "learning_rate": 0.1}


def scratch() -> Changes:
    """No pretraining: random weights, saved as a run that everything else can start from."""
    return {**_weights(0.0, 0.0, 0.0), "steps": 0}


def no_colour_jitter() -> Changes:
    """HDC without colour jitter."""
    return _without("colour_jitter")


def no_channel_replication() -> Changes:
    """HDC without channel replication."""
    return _without("channel_replication")


def no_colour_change() -> Changes:
    """HDC without colour jitter and without channel replication."""
    return _without("colour_jitter", "channel_replication")


def no_flip() -> Changes:
    """HDC without flipping."""
    return _without("flip")


def no_scale_jitter() -> Changes:
    """HDC without scale jittering."""
    return _without("scale_jitter")


def plain_temporal_view() -> Changes:
    """HDC without spatial augmentations in Temporal Contrast."""
    return _without("in_temporal_contrast")


ROWS: Mapping[str, Recipe] = {
    "sc": sc,
    "tc": tc,
    "sc+tc": sc_tc,
    "two-level": two_level,
    "two-level-weighted": two_level_weighted,
    "three-level": three_level,
    "hdc": hdc,
    "hdc-slow": hdc_slow,
    "hdc-plus": hdc_plus,
    "scratch": scratch,
    "no-colour-jitter": no_colour_jitter,
    "no-channel-replication": no_channel_replication,
    "no-colour-change": no_colour_change,
    "no-flip": no_flip,
    "no-scale-jitter": no_scale_jitter,
    "plain-temporal-view": plain_temporal_view,
}
ENCODERS: Mapping[str, str] = {"r3d18": "3D-ResNet18", "c3d": "C3D", "r2plus1d10": "R(2+1)D-10"}

# (row, encoder) → what the paper reports, by place: Tables 1 and 2 on UCF101 split 1; Table 3 and Sec. 4.1 the mean of
# three splits, of UCF101 and of HMDB51.
PAPER: Mapping[tuple[str, str], Mapping[str, tuple[float, ...]]] = {
    ("sc", "r3d18"): {"Table 1": (61.3,)},
    ("tc", "r3d18"): {"Table 1": (62.7,)},
    ("sc+tc", "r3d18"): {"Table 1": (65.5,)},
    ("two-level", "r3d18"): {"Table 1": (66.9,)},
    ("two-level-weighted", "r3d18"): {"Table 1": (67.8,)},
    ("three-level", "r3d18"): {"Table 1": (66.8,)},
    ("hdc", "r3d18"): {"Table 1": (69.0,), "Table 3": (68.5, 38.1)},
    ("hdc", "c3d"): {"Table 3": (72.3, 39.3)},
    ("hdc", "r2plus1d10"): {"Table 3": (76.2, 39.8)},
    ("hdc-slow", "r3d18"): {"Table 3": (69.8, 38.4)},
    ("hdc-slow", "c3d"): {"Table 3": (73.1, 39.5)},
    ("hdc-slow", "r2plus1d10"): {"Table 3": (76.8, 40.0)},
    ("scratch", "r3d18"): {"Table 1": (43.5,), "Table 3": (43.8, 19.1)},
    ("scratch", "c3d"): {"Table 3": (51.4, 22.5)},
    ("scratch", "r2plus1d10"): {"Table 3, from [74]": (56.2, 22.0)},
    ("no-colour-jitter", "r3d18"): {"Table 2": (65.4,)},
    ("no-channel-replication", "r3d18"): {"Table 2": (61.0,)},
    ("no-colour-change", "r3d18"): {"Table 2": (49.4,)},
    ("no-flip", "r3d18"): {"Table 2": (68.0,)},
    ("no-scale-jitter", "r3d18"): {"Table 2": (64.7,)},
    ("plain-temporal-view", "c3d"): {"Sec. 4.1": (68.9, 38.0)},
}

SMALL_SIZE = (
    "1/4 of the channels, 56 px, 400 steps of 24 videos, about five minutes on two CPU cores (C3D and R(2+1)D-10 "
    "about three times as long)"
)
SMALL: Changes = {
    "width": 0.25,
    "size": 56,
    "batch_size": 24,
    "steps": 400,
    "learning_rate": 0.02,
    "checkpoint_every": 200,
    "knn_every": 50,
}


def reported(row: str, encoder: str) -> str:
    """What the paper reports of a row with an encoder, as `69.0 (Table 1); 68.5, 38.1 (Table 3)`; empty if nothing."""
    numbers = PAPER.get((row, encoder), {})
    return "; ".join(f"{', '.join(f'{each:.1f}' for each in values)} ({place})" for place, values in numbers.items())


def _weights(level3: float, level4: float, level5: float) -> Changes:
    weights = (level3, level4, level5)
    return {"alpha": weights, "beta": weights}


def _without(*transformations: str) -> Changes:
    return {**hdc(), "augmentation": AugmentationSettings.model_validate(dict.fromkeys(transformations, False))}


def _of_the_paper(row: str, encoder: str) -> Recipe:
    def recipe() -> Changes:
        return {**ROWS[row](), "encoder": encoder}

    number = reported(row, encoder) or "no number for this encoder"
    recipe.__doc__ = f"{str(ROWS[row].__doc__).removesuffix('.')}, {ENCODERS[encoder]}. Paper: {number}."
    return recipe


def _small(row: str, encoder: str) -> Recipe:
    def recipe() -> Changes:
        return {**SMALL, **ROWS[row](), "encoder": encoder}

    recipe.__doc__ = f"{row}, {ENCODERS[encoder]}, at a small size: {SMALL_SIZE}. No paper number."
    return recipe


def named(row: str, encoder: str) -> str:
    """The name of a row's recipe with an encoder: that of the row alone is 3D-ResNet18's."""
    return row if encoder == "r3d18" else f"{row}-{encoder}"


SMALL_RECIPES: Mapping[str, Recipe] = {
    f"{named(row, encoder)}-small": _small(row, encoder) for encoder in ENCODERS for row in ROWS
}
RECIPES: Mapping[str, Recipe] = {
    **{named(row, encoder): _of_the_paper(row, encoder) for encoder in ENCODERS for row in ROWS},
    **SMALL_RECIPES,
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


def described() -> Table:
    """One row per row of the paper, with its number for each encoder, and one per small recipe."""
    table = Table("", ("recipe", "what it is", *ENCODERS.values()), left=("what it is", *ENCODERS.values()))
    table.lines = [
        "A name alone means 3D-ResNet18; add -c3d or -r2plus1d10 for the same row with another encoder: hdc-c3d.",
        "Numbers are the paper's, pretrained on Kinetics-400 and fine-tuned, top-1 %: Tables 1 and 2 on UCF101 "
        "split 1, Table 3 and Sec. 4.1 the mean of three splits, of UCF101 and of HMDB51.",
        f"Small: {SMALL_SIZE}.",
    ]
    for row, recipe in ROWS.items():
        table.add(row, recipe.__doc__, *(reported(row, encoder) for encoder in ENCODERS))
    table.add(
        "hdc-small, …", "Any of these rows at the small size, with any of the encoders: hdc-c3d-small.", "", "", ""
    )
    return table
