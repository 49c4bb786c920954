"""The paper's tables and figures: rows in its order, and what it prints there. Numbers of recipes are in `recipes`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from unreel.errors import SettingsError
from unreel.recipes import ENCODERS, PAPER, ROWS, named
from unreel.reproduction.others import RECOGNITION, RETRIEVAL, Others

Data = Literal["ucf101", "hmdb51", "weizmann"]
DATA_SETS: Mapping[Data, str] = {"ucf101": "UCF101", "hmdb51": "HMDB51", "weizmann": "Weizmann"}
UNTRAINED = "untrained"
"""The row of an encoder before its first step, where a table is about retrieval."""
HITS = (1, 5, 10, 20, 50)
ALL_SPLITS = ("1", "2", "3")


@dataclass(frozen=True)
class PaperRow:
    """A row: what stands in the columns that name it, and the paper's number in each of the others.

    `recipe` is one of `recipes.ROWS`, or `UNTRAINED`; empty for a method of others, which is shown and never run.
    """

    labels: tuple[str, ...]
    paper: tuple[float | None, ...]
    recipe: str = ""
    encoder: str = ""

    @property
    def name(self) -> str:
        """What the row is called on the command line and in files; of a recipe, its name."""
        if not self.recipe:
            return ", ".join(self.labels)
        return named(self.recipe, self.encoder)


@dataclass(frozen=True)
class PaperTable:
    """A table, or a figure whose rows are the encoders it shows.

    `labels` head the columns that name a row, `columns` those of numbers: one of each data set, of each k of hit@k, or
    of each evaluation.
    `splits` are those that a number is the mean of. `printed` heads the paper's numbers where they are of other data.
    """

    name: str
    title: str
    kind: Literal["recognition", "retrieval", "figure", "evidence"]
    data: tuple[Data, ...]
    splits: tuple[str, ...]
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    printed: tuple[str, ...] = ()

    @property
    def ours(self) -> tuple[PaperRow, ...]:
        """The rows that can be run."""
        return tuple(row for row in self.rows if row.recipe)


def restricted(table: PaperTable, names: Sequence[str]) -> PaperTable:
    """The table with some of the rows that can be run, and all of others; all where none is named.

    Raises:
        SettingsError: it has no such row.
    """
    known = [row.name for row in table.ours]
    for unknown in [name for name in names if name not in known]:
        raise SettingsError(f"{table.name} has no row {unknown!r} to run. Its rows are: {', '.join(known)}.")
    return replace(table, rows=tuple(row for row in table.rows if not (names and row.recipe) or row.name in names))


def _printed(recipe: str, encoder: str, place: str) -> tuple[float, ...]:
    """What the paper prints of a recipe at a place."""
    return next(values for printed, values in PAPER[recipe, encoder].items() if printed.startswith(place))


def _ladder() -> Iterator[PaperRow]:
    """Table 1: which levels have Spatial and Temporal Contrast, and with which weights."""
    for recipe in ("sc", "tc", "sc+tc", "two-level", "two-level-weighted", "three-level", "scratch", "hdc"):
        changes = ROWS[recipe]()
        used = [{level: weight for level, weight in zip((3, 4, 5), changes[name], strict=True) if weight}
                for name in ("alpha", "beta")]  # fmt: skip
        levels = (", ".join(map(str, each)) or "–" for each in used)
        weights = (", ".join(f"{weight:g}" for weight in each.values()) or "–" for each in used)
        yield PaperRow((recipe, *levels, *weights), _printed(recipe, "r3d18", "Table 1"), recipe, "r3d18")


_SWITCHES = {
    "colour_jitter": "colour jittering",
    "channel_replication": "channel replication",
    "flip": "flipping",
    "scale_jitter": "scale jittering",
}


def _switched_off() -> Iterator[PaperRow]:
    """Table 2: which of the spatial augmentations are not used."""
    recipes = ("no-colour-jitter", "no-channel-replication", "no-colour-change", "no-flip", "no-scale-jitter", "hdc")
    for recipe in recipes:
        used = ROWS[recipe]().get("augmentation")
        marks = ("✗" if used is not None and not getattr(used, switch) else "" for switch in _SWITCHES)
        place = "Table 1" if recipe == "hdc" else "Table 2"
        yield PaperRow((recipe, *marks), _printed(recipe, "r3d18", place), recipe, "r3d18")


def _compared() -> Iterator[PaperRow]:
    """Table 3: group by group, each beginning with random weights and ending with HDC."""
    for architecture, others in RECOGNITION.items():
        encoder = next((name for name, shown in ENCODERS.items() if shown == architecture), "")
        methods = list(others)
        if encoder and methods[0].method.startswith("Random"):  # the paper has made this number itself, too
            yield PaperRow((methods.pop(0).method, architecture), others[0].numbers)
        if encoder:
            source = " [74]" if encoder == "r2plus1d10" else ", the paper's own"
            name = f"Random Initialization{source}"
            yield PaperRow((name, architecture), _printed("scratch", encoder, "Table 3"), "scratch", encoder)
        yield from (PaperRow((each.method, architecture), each.numbers) for each in methods)
        for method, recipe in (("HDC†", "hdc-slow"), ("HDC", "hdc")) if encoder else ():
            yield PaperRow((method, architecture), _printed(recipe, encoder, "Table 3"), recipe, encoder)


def _retrieved(data: Data, untrained: tuple[float, ...], hdc: tuple[float, ...]) -> Iterator[PaperRow]:
    """Tables 4 and 5: ours are random weights, in the middle, and HDC, at the end."""
    first, second = RETRIEVAL[data]
    yield from _shown(first)
    yield PaperRow(("Random Initialized", "C3D"), untrained, UNTRAINED, "c3d")
    yield from _shown(second)
    yield PaperRow(("HDC", "C3D"), hdc, "hdc", "c3d")


def _shown(others: Sequence[Others]) -> Iterator[PaperRow]:
    return (PaperRow((each.method, each.architecture), each.numbers) for each in others)


def _retrieval(name: str, data: Data, untrained: tuple[float, ...], hdc: tuple[float, ...]) -> PaperTable:
    return PaperTable(
        name,
        f"Table {name[-1]}: nearest-neighbour retrieval on {DATA_SETS[data]}, %",
        "retrieval",
        (data,),
        ("1",),
        ("method", "architecture"),
        tuple(f"R@{k}" for k in HITS),
        tuple(_retrieved(data, untrained, hdc)),
    )


def _figure(name: str, recipes: tuple[str, ...]) -> PaperTable:
    shown = ", ".join(recipe.upper() for recipe in recipes)
    rows = tuple(PaperRow((recipe.upper(),), (None,) * len(HITS), recipe, "r3d18") for recipe in recipes)
    title = f"Figure {name[-1]}: the nearest videos by {shown}"
    return PaperTable(name, title, "figure", ("ucf101",), ("1",), ("method",), tuple(f"R@{k}" for k in HITS), rows)


_TABLES = (
    PaperTable(
        "table1",
        "Table 1: decoupled and hierarchical contrast, top-1 %",
        "recognition",
        ("ucf101",),
        ("1",),
        ("row", "SC", "TC", "α", "β"),
        ("UCF101",),
        tuple(_ladder()),
    ),
    PaperTable(
        "table2",
        "Table 2: spatial augmentations switched off (✗), top-1 %",
        "recognition",
        ("ucf101",),
        ("1",),
        ("row", *_SWITCHES.values()),
        ("UCF101",),
        tuple(_switched_off()),
    ),
    PaperTable(
        "table3",
        "Table 3: recognition, top-1 %, mean of three splits",
        "recognition",
        ("ucf101", "hmdb51"),
        ALL_SPLITS,
        ("method", "architecture"),
        ("UCF101", "HMDB51"),
        tuple(_compared()),
    ),
    _retrieval("table4", "ucf101", (16.7, 27.5, 33.7, 41.4, 53.0), (33.9, 49.6, 55.7, 61.6, 69.9)),
    _retrieval("table5", "hmdb51", (7.4, 20.5, 31.9, 44.5, 66.3), (14.6, 28.8, 36.1, 44.8, 57.9)),
    _figure("figure1", ("sc", "tc", "hdc")),
    _figure("figure4", ("sc", "tc", "sc+tc", "hdc")),
)
TABLES: Mapping[str, PaperTable] = {table.name: table for table in _TABLES}
