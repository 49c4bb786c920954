"""The paper's tables and figures: rows in its order, and what it prints there. Numbers of recipes are in `recipes`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from unreel.errors import SettingsError
from unreel.recipes import ENCODERS, OTHERS, PAPER, RIVALS, ROWS, printed_rows, shorter
from unreel.reproduction.columns import Column, FineTuned, HitRate
from unreel.reproduction.rows import PaperRow
from unreel.settings.encoder import BASELINES

DATA_SETS = {"ucf101": "UCF101", "hmdb51": "HMDB51"}
ABLATION = ("sc", "tc", "sc+tc", "two-level", "two-level-weighted", "three-level", "scratch", "hdc")
SWITCHED_OFF = ("no-colour-jitter", "no-channel-replication", "no-colour-change", "no-flip", "no-scale-jitter")
_SWITCHES = {
    "colour_jitter": "colour jittering",
    "channel_replication": "channel replication",
    "flip": "flipping",
    "scale_jitter": "scale jittering",
}
HITS = (1, 5, 10, 20, 50)

# Tables 4 and 5: hit@1, 5, 10, 20, 50 in %; with our two rows.
_RETRIEVAL = {
    "ucf101": """
OPN [39] | opn |  | 19.9 28.7 34.0 40.6 51.6
Büchler et al. [5] | order-adaptive |  | 25.7 36.2 42.2 49.2 59.5
Random Initialized | untrained | C3D | 16.7 27.5 33.7 41.4 53.0
Clip Order [74] | vcop | C3D | 12.5 29.0 39.0 50.6 66.9
VCP [41] | cloze | C3D | 17.3 31.5 42.0 52.6 67.7
CCL [33] | ccl | R3D-18+1 | 22.0 39.1 44.6 56.3 70.8
HDC | hdc | C3D | 33.9 49.6 55.7 61.6 69.9
""",
    "hmdb51": """
Random Initialized | untrained | C3D | 7.4 20.5 31.9 44.5 66.3
Clip Order [74] | vcop | C3D | 7.4 22.6 34.4 48.5 70.1
VCP [41] | cloze | C3D | 7.8 23.8 35.3 49.3 71.6
HDC | hdc | C3D | 14.6 28.8 36.1 44.8 57.9
""",
}


@dataclass(frozen=True)
class PaperTable:
    """A table, or a figure whose rows are the encoders it shows.

    `labels` head the columns that name a row. `splits` are those that a number is the mean of; without any a folder of
    one's own is tested. `printed` heads the paper's numbers where they are of other data. `drawn`: the nearest videos
    of all rows are shown side by side. `watched`: pretraining is evaluated on the way, and its curves are drawn.
    `compared` are rows, each with those that it is compared with video by video.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[PaperRow, ...]
    labels: tuple[str, ...] = ("row",)
    splits: tuple[str, ...] = ("1",)
    printed: tuple[str, ...] = ()
    drawn: bool = False
    watched: bool = False
    compared: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def ours(self) -> tuple[PaperRow, ...]:
        """The rows that can be run."""
        return tuple(row for row in self.rows if row.recipe)

    def runs(self, seeds: Sequence[int]) -> Iterator[tuple[PaperRow, int]]:
        """These rows with each seed, seed by seed; a baseline, of which nothing is drawn, once."""
        yield from ((row, 0) for row in self.ours if row.is_baseline)
        yield from ((row, seed) for seed in seeds for row in self.ours if not row.is_baseline)

    @property
    def heads(self) -> tuple[str, ...]:
        """What heads our numbers."""
        return tuple(column.head for column in self.columns)

    @property
    def data(self) -> tuple[str, ...]:
        """The data sets that evaluate."""
        return tuple(dict.fromkeys(column.data for column in self.columns))


def restricted(table: PaperTable, names: Sequence[str]) -> PaperTable:
    """The table with some of the rows that can be run, and all of others; where none is named, all but rivals' are run.

    A row that is not run and of which nothing is printed is left out.

    Raises:
        SettingsError: it has no such row.
    """
    runnable = [row if row.recipe else replace(row, recipe=row.could) for row in table.rows]
    known = [row.name for row in runnable if row.recipe]
    for unknown in [name for name in names if name not in known]:
        raise SettingsError(f"{table.name} has no row {unknown!r} to run. Its rows are: {', '.join(known)}.")
    rows = [own if own.recipe and own.name in names else row for own, row in zip(runnable, table.rows, strict=True)]
    shown = (row for row in rows if row.recipe or any(number is not None for number in row.paper))
    return replace(table, rows=tuple(row for row in shown if not (names and row.recipe) or row.name in names))


def for_folder(table: PaperTable, folder: str) -> PaperTable:
    """The table of one labelled folder, which stands for the first data set: our rows, and the columns of that."""
    own = [column for column in table.columns if column.data == table.data[0]]
    return replace(
        table,
        title=f"{table.title}: {folder}",
        columns=tuple(column.on(folder) for column in own),
        rows=tuple(replace(row, paper=row.paper[: len(own)], recipe=shorter(row.recipe)) for row in table.ours),
        splits=(),
        printed=tuple(column.head for column in own),
    )


def _ladder() -> Iterator[PaperRow]:
    """Table 1: which levels have Spatial and Temporal Contrast, and with which weights."""
    for recipe in ABLATION:
        changes = ROWS[recipe]()
        used = [{level: weight for level, weight in zip((3, 4, 5), changes[name], strict=True) if weight}
                for name in ("alpha", "beta")]  # fmt: skip
        levels = (", ".join(map(str, each)) or "–" for each in used)
        weights = (", ".join(f"{weight:g}" for weight in each.values()) or "–" for each in used)
        yield PaperRow((recipe, *levels, *weights), _printed(recipe, "r3d18", "Table 1"), recipe, "r3d18")


def _switched_off() -> Iterator[PaperRow]:
    """Table 2: which of the spatial augmentations are not used."""
    for recipe in (*SWITCHED_OFF, "hdc"):
        used = ROWS[recipe]().get("augmentation")
        marks = ("✗" if used is not None and not getattr(used, switch) else "" for switch in _SWITCHES)
        place = "Table 1" if recipe == "hdc" else "Table 2"
        yield PaperRow((recipe, *marks), _printed(recipe, "r3d18", place), recipe, "r3d18")


def _compared() -> Iterator[PaperRow]:
    """Table 3: group by group, each beginning with random weights and ending with HDC."""
    for architecture, others in groupby(_rows(OTHERS, "r3d18"), key=lambda row: row.labels[1]):
        encoder = next((name for name, shown in ENCODERS.items() if shown == architecture), "")
        methods = list(others)
        if encoder and methods[0].labels[0].startswith("Random"):  # the paper has made this number itself, too
            yield methods.pop(0)
        source = " [74]" if encoder == "r2plus1d10" else ", the paper's own"
        yield from _shown(f"Random Initialization{source}", "scratch", architecture, encoder)
        yield from methods
        yield from _shown("HDC†", "hdc-slow", architecture, encoder)
        yield from _shown("HDC", "hdc", architecture, encoder)


def _shown(method: str, recipe: str, architecture: str, encoder: str) -> Iterator[PaperRow]:
    """Our row of Table 3, where the architecture is one of ours."""
    if encoder:
        yield PaperRow((method, architecture), _printed(recipe, encoder, "Table 3"), recipe, encoder)


def _rows(text: str, otherwise: str) -> Iterator[PaperRow]:
    """The rows of lines of the paper; of architectures that are none of ours, ours has the encoder `otherwise`."""
    for method, recipe, architecture, numbers in printed_rows(text):
        encoder = next((name for name, shown in ENCODERS.items() if shown == architecture), otherwise)
        rival = recipe in RIVALS
        own, encoder = "" if rival else recipe, encoder if recipe else ""
        yield PaperRow((method, architecture), numbers, own, encoder, recipe if rival else "")


def _printed(recipe: str, encoder: str, place: str) -> tuple[float, ...]:
    """What the paper prints of a recipe at a place."""
    return next(values for printed, values in PAPER[recipe, encoder].items() if printed.startswith(place))


def _ablation(name: str, title: str, labels: tuple[str, ...], rows: Iterator[PaperRow]) -> PaperTable:
    return PaperTable(
        name, f"Table {name[-1]}: {title}, top-1 %", (FineTuned("UCF101", "ucf101"),), tuple(rows), labels
    )


def _retrieval(name: str, data: str) -> PaperTable:
    title = f"Table {name[-1]}: nearest-neighbour retrieval on {DATA_SETS[data]}, %"
    columns = tuple(HitRate(f"R@{k}", data, k, beside=True) for k in HITS)
    baselines = (PaperRow((each, "–"), (None,) * len(HITS), encoder="r3d18", could=each) for each in BASELINES)
    rows = (*_rows(_RETRIEVAL[data], "c3d"), *baselines)
    return PaperTable(name, title, columns, rows, ("method", "architecture"))


def _figure(name: str, recipes: tuple[str, ...]) -> PaperTable:
    title = f"Figure {name[-1]}: the nearest videos by {', '.join(recipe.upper() for recipe in recipes)}"
    columns = tuple(HitRate(f"R@{k}", "ucf101", k) for k in HITS)
    rows = tuple(PaperRow((recipe.upper(),), (None,) * len(HITS), recipe, "r3d18") for recipe in recipes)
    return PaperTable(name, title, columns, rows, ("method",), drawn=True)


_TABLES = (
    _ablation("table1", "decoupled and hierarchical contrast", ("row", "SC", "TC", "α", "β"), _ladder()),
    _ablation("table2", "spatial augmentations switched off (✗)", ("row", *_SWITCHES.values()), _switched_off()),
    PaperTable(
        "table3",
        "Table 3: recognition, top-1 %, mean of three splits",
        tuple(FineTuned(head, data) for data, head in DATA_SETS.items()),
        tuple(_compared()),
        ("method", "architecture"),
        ("1", "2", "3"),
    ),
    PaperTable(
        "sec41",
        "Sec. 4.1: Temporal Contrast with and without spatial augmentations, top-1 %, mean of three splits",
        tuple(FineTuned(head, data) for data, head in DATA_SETS.items()),
        tuple(
            PaperRow(
                (f"HDC, {words} spatial augmentations in TC", "C3D"), _printed(recipe, "c3d", place), recipe, "c3d"
            )
            for words, recipe, place in (("with", "hdc", "Table 3"), ("without", "plain-temporal-view", "Sec. 4.1"))
        ),
        ("method", "architecture"),
        ("1", "2", "3"),
    ),
    _retrieval("table4", "ucf101"),
    _retrieval("table5", "hmdb51"),
    _figure("figure1", ("sc", "tc", "hdc")),
    _figure("figure4", ("sc", "tc", "sc+tc", "hdc")),
)
TABLES: Mapping[str, PaperTable] = {table.name: table for table in _TABLES}
