"""Named settings: every row of the paper's ablations for each of its encoders, and sizes that fit small machines.

A row's name alone means 3D-ResNet18, the paper's own choice for Tables 1 and 2; `hdc-c3d` and `hdc-r2plus1d10` are the
same row with another encoder. Each docstring gives the paper's number for that row and encoder: pretrained on
Kinetics-400, fine-tuned, top-1 %. Use one with `unreel pretrain FOLDER --out RUN --recipe NAME`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from unreel.console import Table
from unreel.errors import SettingsError
from unreel.settings.augmentation import AugmentationSettings
from unreel.settings.pretraining import settings_kind

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


@dataclass(frozen=True)
class Rival:
    """A method that the paper compares HDC with, or one of its kin.

    By default it has clips as long as its authors'; `short` makes them fit videos of 32 frames (C3D, which needs 8 of a
    piece, makes the five of `shuffle-learn` 40 frames long). `own_data`: the numbers that the paper prints of it are
    from pretraining on UCF101 itself.
    """

    family: str
    about: str
    short: Changes = field(default_factory=dict)
    own_data: bool = False


_PIECES: Changes = {"piece_length": 8, "piece_gap": 4}
_EIGHT: Changes = {"piece_length": 8}
FAMILIES = ("order", "speed", "transformation", "prediction", "contrast")
RIVALS: Mapping[str, Rival] = {
    "vcop": Rival("order", "Clip Order, Xu 2019: in which order are three pieces shown?", _PIECES, own_data=True),
    "opn": Rival(
        "order", "OPN, Lee 2017: four pieces, forwards and backwards alike", {**_EIGHT, "piece_gap": 0}, own_data=True
    ),
    "shuffle-learn": Rival(
        "order", "Shuffle & Learn, Misra 2016: are three pieces in order?", {"piece_length": 6}, own_data=True
    ),
    "order-adaptive": Rival(
        "order", "after Büchler 2018: orders told wrongly come more often", {**_EIGHT, "piece_gap": 0}
    ),
    "pace": Rival("speed", "PacePrediction, Wang 2020: how fast is the clip shown?", _EIGHT),
    "pace-contrast": Rival("speed", "the same, with contrast of two clips of a video", _EIGHT),
    "speednet": Rival("speed", "SpeedNet, Benaim 2020: is it shown at twice its speed?"),
    "playback": Rival("speed", "Cho 2020: which of three clips is backwards, which one fast?"),
    "rotnet": Rival("transformation", "3D-RotNet, Jing 2018: by how much is the clip turned?", {"stride": 1}),
    "puzzle": Rival("transformation", "3D-ST-Puzzle, Kim 2019: the order of four pieces in space or time", _EIGHT),
    "cloze": Rival(
        "transformation",
        "VCP, Luo 2020: what was done to the middle one of three pieces?",
        {**_PIECES, "replaced": False},
        own_data=True,
    ),
    "statistics": Rival("transformation", "Motion & Appearance, Wang 2019: where most moves, what changes most"),
    "dpc": Rival(
        "prediction",
        "DPC, Han 2019: the features of what comes next",
        {**_EIGHT, "blocks": 4, "predicted": 2, "stride": 1},
    ),
    "cvrl": Rival("contrast", "CVRL, Qian 2021: two clips of a video, near ones preferred", {"stride": 1}),
    "moco": Rival("contrast", "MoCo, He 2020, as in Feichtenhofer 2021: a queue of earlier clips"),
    "videomoco": Rival("contrast", "VideoMoCo, Pan 2021: the same, older clips counting less, frames blanked"),
    "rspnet": Rival("contrast", "RSPNet, Chen 2021: relative speed, and a queue"),
    "byol": Rival("contrast", "BYOL, Grill 2020, as in Feichtenhofer 2021: no negatives"),
    "tclr": Rival("contrast", "TCLR, Dave 2022: videos, and the parts of each", _EIGHT),
    "ccl": Rival("contrast", "after CCL, Kong 2020: cycles between videos and frames"),
}
"""By name; their settings are in `unreel.settings.rivals`, where each has its defaults as its authors have them."""
LONGER_PIECES: Mapping[tuple[str, str], Changes] = {("dpc", "c3d"): _EIGHT, ("shuffle-learn", "c3d"): _EIGHT}
"""C3D has no output for fewer than 8 frames."""


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

OTHERS = """
Random Initialization [45] |  | CaffeNet | 38.6 13.3
Shuffle & Learn [45] | shuffle-learn | CaffeNet | 50.2 18.1
Büchler et al. [5] | order-adaptive | CaffeNet | 58.6 25.0
Random Initialization [39] |  | VGG-M-2048 | 51.1 18.3
OPN [39] | opn | VGG-M-2048 | 59.8 23.8
Random Initialization [74] |  | R3D-18 | 54.4 21.5
Clip Order [74] | vcop | R3D-18 | 64.9 29.5
VCP [41] | cloze | R3D-18 | 66.0 31.5
Random Initialization [33] |  | R3D-18+1 | 44.7 19.4
CCL [33] | ccl | R3D-18+1 | 69.4 37.8
Random Initialization [15] |  | 2D3D-ResNet18 | 46.5 17.1
DPC [15] | dpc | 2D3D-ResNet18 | 68.2 34.5
Random Initialization [4] |  | I3D | 47.9 29.6
SpeedNet [4] | speednet | I3D | 66.7 43.7
Random Initialization [18] |  | 3D-ResNet18 | 42.4 17.1
3D-RotNet [30] | rotnet | 3D-ResNet18 | 62.9 33.7
3D-ST-Puzzle [32] | puzzle | 3D-ResNet18 | 65.8 33.7
Random Initialization [74] |  | C3D | 61.6 23.2
Motion & Appearance [67] | statistics | C3D | 61.2 33.4
Clip Order [74] | vcop | C3D | 65.6 28.4
VCP [41] | cloze | C3D | 68.5 32.5
Cho et al. [8] | playback | C3D | 70.4 34.3
Clip Order [74] | vcop | R(2+1)D-10 | 72.4 30.9
VCP [41] | cloze | R(2+1)D-10 | 66.3 32.2
Cho et al. [8] | playback | R(2+1)D-10 | 74.8 36.8
PacePrediction [68] | pace-contrast | R(2+1)D-10 | 77.1 36.6
"""
"""What Table 3 prints of methods of others, references being the paper's, each with our recipe: top-1 % on UCF101 and
on HMDB51, each with data, scratch and budget of its own."""

SMALL_SIZE = (
    "1/4 of the channels, 56 px, 400 steps of 24 videos, about five minutes on two CPU cores (C3D and R(2+1)D-10 "
    "about three times as long)"
)
SHORT_SIZE = "pieces that fit videos of 32 frames"
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


def _of_rival(row: str, encoder: str, size: str) -> Recipe:
    def recipe() -> Changes:
        rival, rate = RIVALS[row], settings_kind(row).model_fields["learning_rate"].default
        own = {**(rival.short if size else {}), **LONGER_PIECES.get((row, encoder), {})}
        return {**(SMALL if size == "-small" else {}), "method": row, "learning_rate": rate, **own, "encoder": encoder}

    sizes = {"": "as long as its authors have it", "-short": SHORT_SIZE, "-small": f"{SHORT_SIZE}, {SMALL_SIZE}"}
    recipe.__doc__ = f"{RIVALS[row].about}; {ENCODERS[encoder]}; {sizes[size]}."
    return recipe


SMALL_RECIPES: Mapping[str, Recipe] = {
    f"{named(row, encoder)}-small": _small(row, encoder) for encoder in ENCODERS for row in ROWS
} | {f"{named(row, encoder)}-small": _of_rival(row, encoder, "-small") for encoder in ENCODERS for row in RIVALS}
RECIPES: Mapping[str, Recipe] = {
    **{named(row, encoder): _of_the_paper(row, encoder) for encoder in ENCODERS for row in ROWS},
    **{
        named(f"{row}{size}", encoder): _of_rival(row, encoder, size)
        for size in ("", "-short")
        for encoder in ENCODERS
        for row in RIVALS
    },
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
    """One row per row of the paper and per rival, with its numbers for each encoder, and one per other size."""
    table = Table("", ("recipe", "what it is", *ENCODERS.values()), left=("what it is", *ENCODERS.values()))
    table.lines = [
        "A name alone means 3D-ResNet18; add -c3d or -r2plus1d10 for the same row with another encoder: hdc-c3d.",
        "Numbers are the paper's, pretrained on Kinetics-400 and fine-tuned, top-1 %: Tables 1 and 2 on UCF101 "
        "split 1, Table 3 and Sec. 4.1 the mean of three splits, of UCF101 and of HMDB51.",
        "Those of rivals are their authors', as Table 3 prints them: no equal budgets; own data: pretrained on UCF101.",
        f"Short: {SHORT_SIZE}. Small: {SMALL_SIZE}; rivals are short, too.",
    ]
    for row, recipe in ROWS.items():
        table.add(row, recipe.__doc__, *(reported(row, encoder) for encoder in ENCODERS))
    for row, rival in sorted(RIVALS.items(), key=lambda each: FAMILIES.index(each[1].family)):
        table.add(
            row, f"{rival.family}: {rival.about}", *(_printed_of_rival(row, shown) for shown in ENCODERS.values())
        )
    table.add("vcop-short, …", "Any rival with shorter pieces, with any of the encoders: vcop-short-c3d.", "", "", "")
    table.add(
        "hdc-small, …", "Any of these rows at the small size, with any of the encoders: vcop-c3d-small.", "", "", ""
    )
    return table


def printed_rows(text: str) -> Iterator[tuple[str, str, str, tuple[float, ...]]]:
    """The lines `method | recipe | architecture | numbers` of what the paper prints."""
    for line in text.strip().split("\n"):
        method, recipe, architecture, numbers = (cell.strip() for cell in line.split("|"))
        yield method, recipe, architecture, tuple(map(float, numbers.split()))


def shorter(row: str) -> str:
    """The row of a rival with clips that fit videos of 32 frames; any other row itself."""
    return f"{row}-short" if row in RIVALS else row


def _printed_of_rival(row: str, architecture: str) -> str:
    """What Table 3 prints of a rival with an architecture; of one that is none of ours with 3D-ResNet18."""
    found = [
        f"{', '.join(f'{each:.1f}' for each in numbers)}{f', {shown}' if shown != architecture else ''}"
        for _, recipe, shown, numbers in printed_rows(OTHERS)
        if recipe == row and _shown_with(shown) == architecture
    ]
    return "; ".join(found) + (" (own data)" if found and RIVALS[row].own_data else "")


def _shown_with(architecture: str) -> str:
    """Our encoder that stands for an architecture of the paper's tables."""
    return architecture if architecture in ENCODERS.values() else ENCODERS["r3d18"]
