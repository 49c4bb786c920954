"""The paper's tables and figures: rows, columns and what is printed there. Numbers of the recipes are in `recipes`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from unreel.recipes import ENCODERS, PAPER

Data = Literal["ucf101", "hmdb51"]
DATA_SETS: Mapping[Data, str] = {"ucf101": "UCF101", "hmdb51": "HMDB51"}
UNTRAINED = "untrained"
"""The row of an encoder before its first step, where a table is about retrieval."""


@dataclass(frozen=True)
class PaperRow:
    """A row that is ours to run: `recipe` is one of `recipes.ROWS` or `UNTRAINED`, `paper` one number per column."""

    recipe: str
    encoder: str
    paper: tuple[float | None, ...]

    @property
    def name(self) -> str:
        """What the row is called: that of a recipe where it is one."""
        return self.recipe if self.encoder == "r3d18" else f"{self.recipe}-{self.encoder}"


@dataclass(frozen=True)
class OthersRow:
    """A row of another method: the paper's numbers, shown and never run."""

    name: str
    paper: tuple[float | None, ...]


@dataclass(frozen=True)
class PaperTable:
    """A table, or a figure whose rows are the encoders it shows.

    `splits` are those of the data sets, `columns` what a row has numbers of: the data sets, or the k of hit@k.
    """

    name: str
    title: str
    kind: Literal["recognition", "retrieval", "figure"]
    data: tuple[Data, ...]
    splits: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    others: tuple[OthersRow, ...] = ()


ALL_SPLITS = ("1", "2", "3")
HITS = (1, 5, 10, 20, 50)
_HIT_COLUMNS = tuple(f"R@{k}" for k in HITS)


def _rows(place: str, recipes: tuple[str, ...], encoders: tuple[str, ...] = ("r3d18",)) -> tuple[PaperRow, ...]:
    """Rows with the numbers that the paper prints of them at a place."""
    return tuple(
        PaperRow(recipe, encoder, values)
        for encoder in encoders
        for recipe in recipes
        for printed, values in PAPER.get((recipe, encoder), {}).items()
        if printed.startswith(place)
    )


_LADDER = ("sc", "tc", "sc+tc", "two-level", "two-level-weighted", "three-level", "hdc", "scratch")
_SWITCHED_OFF = ("no-colour-jitter", "no-channel-replication", "no-colour-change", "no-flip", "no-scale-jitter")
_OTHERS_RECOGNITION = (
    OthersRow("Random Initialization, CaffeNet [45]", (38.6, 13.3)),
    OthersRow("Shuffle & Learn, CaffeNet [45]", (50.2, 18.1)),
    OthersRow("Büchler et al., CaffeNet [5]", (58.6, 25.0)),
    OthersRow("Random Initialization, VGG-M-2048 [39]", (51.1, 18.3)),
    OthersRow("OPN, VGG-M-2048 [39]", (59.8, 23.8)),
    OthersRow("Random Initialization, R3D-18 [74]", (54.4, 21.5)),
    OthersRow("Clip Order, R3D-18 [74]", (64.9, 29.5)),
    OthersRow("VCP, R3D-18 [41]", (66.0, 31.5)),
    OthersRow("Random Initialization, R3D-18+1 [33]", (44.7, 19.4)),
    OthersRow("CCL, R3D-18+1 [33]", (69.4, 37.8)),
    OthersRow("Random Initialization, 2D3D-ResNet18 [15]", (46.5, 17.1)),
    OthersRow("DPC, 2D3D-ResNet18 [15]", (68.2, 34.5)),
    OthersRow("Random Initialization, I3D [4]", (47.9, 29.6)),
    OthersRow("SpeedNet, I3D [4]", (66.7, 43.7)),
    OthersRow("Random Initialization, 3D-ResNet18 [18]", (42.4, 17.1)),
    OthersRow("3D-RotNet, 3D-ResNet18 [30]", (62.9, 33.7)),
    OthersRow("3D-ST-Puzzle, 3D-ResNet18 [32]", (65.8, 33.7)),
    OthersRow("Random Initialization, C3D [74]", (61.6, 23.2)),
    OthersRow("Motion & Appearance, C3D [67]", (61.2, 33.4)),
    OthersRow("Clip Order, C3D [74]", (65.6, 28.4)),
    OthersRow("VCP, C3D [41]", (68.5, 32.5)),
    OthersRow("Cho et al., C3D [8]", (70.4, 34.3)),
    OthersRow("Clip Order, R(2+1)D-10 [74]", (72.4, 30.9)),
    OthersRow("VCP, R(2+1)D-10 [41]", (66.3, 32.2)),
    OthersRow("Cho et al., R(2+1)D-10 [8]", (74.8, 36.8)),
    OthersRow("PacePrediction, R(2+1)D-10 [68]", (77.1, 36.6)),
)

_TABLES = (
    PaperTable(
        "table1",
        "Table 1: decoupled and hierarchical contrast, fine-tuned, top-1 %",
        "recognition",
        ("ucf101",),
        ("1",),
        ("UCF101",),
        _rows("Table 1", _LADDER),
    ),
    PaperTable(
        "table2",
        "Table 2: spatial augmentations, fine-tuned, top-1 %",
        "recognition",
        ("ucf101",),
        ("1",),
        ("UCF101",),
        (*_rows("Table 2", _SWITCHED_OFF), *_rows("Table 1", ("hdc",))),
    ),
    PaperTable(
        "table3",
        "Table 3: recognition, top-1 %, mean of the splits",
        "recognition",
        ("ucf101", "hmdb51"),
        ALL_SPLITS,
        ("UCF101", "HMDB51"),
        _rows("Table 3", ("scratch", "hdc-slow", "hdc"), tuple(ENCODERS)),
        _OTHERS_RECOGNITION,
    ),
    PaperTable(
        "table4",
        "Table 4: nearest-neighbour retrieval on UCF101, %",
        "retrieval",
        ("ucf101",),
        ("1",),
        _HIT_COLUMNS,
        (
            PaperRow(UNTRAINED, "c3d", (16.7, 27.5, 33.7, 41.4, 53.0)),
            PaperRow("hdc", "c3d", (33.9, 49.6, 55.7, 61.6, 69.9)),
        ),
        (
            OthersRow("OPN [39]", (19.9, 28.7, 34.0, 40.6, 51.6)),
            OthersRow("Büchler et al. [5]", (25.7, 36.2, 42.2, 49.2, 59.5)),
            OthersRow("Clip Order, C3D [74]", (12.5, 29.0, 39.0, 50.6, 66.9)),
            OthersRow("VCP, C3D [41]", (17.3, 31.5, 42.0, 52.6, 67.7)),
            OthersRow("CCL, R3D-18+1 [33]", (22.0, 39.1, 44.6, 56.3, 70.8)),
        ),
    ),
    PaperTable(
        "table5",
        "Table 5: nearest-neighbour retrieval on HMDB51, %",
        "retrieval",
        ("hmdb51",),
        ("1",),
        _HIT_COLUMNS,
        (
            PaperRow(UNTRAINED, "c3d", (7.4, 20.5, 31.9, 44.5, 66.3)),
            PaperRow("hdc", "c3d", (14.6, 28.8, 36.1, 44.8, 57.9)),
        ),
        (
            OthersRow("Clip Order, C3D [74]", (7.4, 22.6, 34.4, 48.5, 70.1)),
            OthersRow("VCP, C3D [41]", (7.8, 23.8, 35.3, 49.3, 71.6)),
        ),
    ),
    PaperTable(
        "figure1",
        "Figure 1: the nearest video of SC, TC and HDC",
        "figure",
        ("ucf101",),
        ("1",),
        (),
        tuple(PaperRow(recipe, "r3d18", ()) for recipe in ("sc", "tc", "hdc")),
    ),
    PaperTable(
        "figure4",
        "Figure 4: the nearest video of SC, TC, SC+TC and HDC",
        "figure",
        ("ucf101",),
        ("1",),
        (),
        tuple(PaperRow(recipe, "r3d18", ()) for recipe in ("sc", "tc", "sc+tc", "hdc")),
    ),
)
TABLES: Mapping[str, PaperTable] = {table.name: table for table in _TABLES}
