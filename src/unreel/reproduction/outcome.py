"""Ours beside the paper's: the numbers that the runs of a plan have left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from unreel.evaluation.crossed import Finetuning, read_finetuning
from unreel.evaluation.results import Retrieval, read_retrievals
from unreel.reproduction.paper import HITS, UNTRAINED, PaperRow
from unreel.reproduction.plan import Plan

LABEL = "class"


@dataclass(frozen=True)
class Figure:
    """One number of one run, percent, with all that it takes to compare it; `seen` of `expected` videos."""

    row: str
    column: str
    seed: int
    percent: float
    protocol: str
    collection: str
    split: str
    encoder: str
    checkpoint: str
    seen: int
    expected: int


@dataclass(frozen=True)
class Cell:
    """Ours, percent: the mean over seeds, and their standard deviation where there are several."""

    percent: float
    spread: float | None


@dataclass(frozen=True)
class Line:
    """A row of the table; None where nothing was run, or where the paper has no number."""

    name: str
    ours: tuple[Cell | None, ...]
    paper: tuple[float | None, ...]
    others: bool = False


@dataclass(frozen=True)
class Outcome:
    """A table as it came out, the figures it is made of, and what is to be said under it."""

    name: str
    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    missing: Mapping[str, str]


def outcome(plan: Plan, names: Mapping[str, str], command: str) -> Outcome:
    """The table of a plan, of those runs that are there; `names` are what its data sets are called."""
    table = plan.table
    figures: list[Figure] = []
    missing: dict[str, str] = {}
    for (name, data, seed), path in plan.results.items():
        if path.exists():
            row = next(row for row in table.rows if row.name == name)
            read = _recognised if table.kind == "recognition" else _retrieved
            found, unseen = read(row, names[data], seed, path)
            figures += found
            missing |= unseen
    columns = table.columns if table.kind == "retrieval" else tuple(names.values())
    lines = [_line(row, columns, figures) for row in table.rows]
    others = [Line(each.name, (None,) * len(columns), each.paper, others=True) for each in table.others]
    notes = (*_notes(plan, figures), *_unseen(figures, missing), f"Command: {command}")
    return Outcome(table.name, table.title, columns, (*others, *lines), tuple(figures), notes, missing)


def _recognised(row: PaperRow, column: str, seed: int, path: Path) -> tuple[list[Figure], Mapping[str, str]]:
    found: Finetuning = read_finetuning(path)
    figure = Figure(
        row.name,
        column,
        seed,
        100 * found.figures["video/top1"],
        "fine-tuning, every clip × 5 crops",
        found.collection,
        found.scheme,
        found.encoder,
        found.checkpoint,
        found.seen,
        found.expected,
    )
    return [figure], found.missing


def _retrieved(row: PaperRow, _: str, seed: int, path: Path) -> tuple[list[Figure], Mapping[str, str]]:
    every = read_retrievals(path)
    found: Retrieval = next(each for each in every if (each.encoder == UNTRAINED) == (row.recipe == UNTRAINED))
    hits = found.score(LABEL).hits
    figures = [
        Figure(
            row.name,
            f"R@{k}",
            seed,
            100 * hits[k],
            f"{found.protocol}, level {found.level}",
            found.collection,
            found.split,
            found.encoder,
            found.checkpoint,
            found.seen,
            found.expected,
        )
        for k in HITS
        if k in hits  # a small gallery has no 50
    ]
    return figures, dict.fromkeys(found.missing, "not seen")


def _line(row: PaperRow, columns: Sequence[str], figures: Sequence[Figure]) -> Line:
    cells = []
    for column in columns:
        own = [each.percent for each in figures if (each.row, each.column) == (row.name, column)]
        cells.append(Cell(mean(own), stdev(own) if len(own) > 1 else None) if own else None)
    return Line(row.name, tuple(cells), row.paper)


def _notes(plan: Plan, figures: Sequence[Figure]) -> list[str]:
    """What the figures are of: data, split, protocol, seeds."""
    scale = plan.scale
    said: Callable[[str], str] = lambda name: ", ".join(sorted({getattr(each, name) for each in figures}))  # noqa: E731
    if not figures:
        return ["Nothing has been run."]
    notes = [f"Data: {said('collection')}; split: {said('split')}; protocol: {said('protocol')}."]
    seeds = ", ".join(map(str, scale.seeds))
    notes.append(f"Seeds: {seeds}" + ("; mean ± standard deviation over them." if len(scale.seeds) > 1 else "."))
    if plan.table.kind == "recognition":
        notes.append(f"Fine-tuning: {scale.tuning_steps} steps of {scale.tuning_batch} videos for every split or fold.")
    if scale.small:
        settings = scale.pretraining("hdc-small")
        steps = settings.steps if scale.steps is None else scale.steps
        notes.append(
            f"Small scale: 3D-ResNet18 of width {settings.width:g}, {settings.size} pixels, {steps} steps of "
            f"{settings.batch_size} videos. The paper's numbers are from Kinetics-400, whole encoders and UCF101 or "
            "HMDB51: ours are to be compared with each other, not with them."
        )
    return notes


def _unseen(figures: Sequence[Figure], missing: Mapping[str, str]) -> list[str]:
    """How many videos the figures have seen; said of every number that saw fewer than expected."""
    counts = sorted({(each.seen, each.expected) for each in figures})
    seen = "; ".join(f"{seen:,} of {expected:,}" for seen, expected in counts)
    notes = [f"Videos seen: {seen}."] if counts else []
    fewer = sorted({f"{each.row} ({each.column})" for each in figures if each.seen < each.expected})
    if fewer:
        notes.append(f"FEWER VIDEOS SEEN THAN THE LISTS NAME, by {', '.join(fewer)}.")
        notes.append(f"Not seen: {', '.join(list(missing)[:10])}{', …' if len(missing) > 10 else ''}.")
    return notes
