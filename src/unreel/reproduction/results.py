"""Ours beside the paper's: the numbers that the runs of a plan have left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from unreel.reproduction.columns import Figure
from unreel.reproduction.evidence import TESTED, Pair, pairs
from unreel.reproduction.plan import ReproductionPlan
from unreel.reproduction.pretraining_costs import PretrainingCost, pretraining_costs
from unreel.reproduction.rows import PaperRow
from unreel.training.run import VIDEOS, read_videos

NAMED = 10


@dataclass(frozen=True)
class TableCell:
    """Ours, percent: the mean over seeds and splits, and the standard deviation over seeds, or of one over splits."""

    percent: float
    spread: float | None
    fewer: bool = False


@dataclass(frozen=True)
class TableRow:
    """A row of the table; None where nothing was run, or where the paper has no number."""

    row: PaperRow
    ours: tuple[TableCell | None, ...]


@dataclass(frozen=True)
class TableResults:
    """A table as it came out, the figures it is made of, and what is to be said under it.

    `columns` head our numbers, `printed` those of the paper; `pairs` are rows compared video by video, `costs`
    what their pretraining took.
    """

    name: str
    title: str
    labels: tuple[str, ...]
    columns: tuple[str, ...]
    printed: tuple[str, ...]
    lines: tuple[TableRow, ...]
    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()
    costs: tuple[PretrainingCost, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every row that can be run was."""
        return all(any(line.ours) for line in self.lines if line.row.recipe)


def outcome(plan: ReproductionPlan, command: str) -> TableResults:
    """The table of a plan, of those runs that are finished."""
    table = plan.table
    figures = tuple(_figures(plan))
    lines = tuple(TableRow(row, tuple(_cell(row, head, figures, plan) for head in table.heads)) for row in table.rows)
    compared = tuple(pairs(plan))
    tested = (TESTED,) if compared else ()
    notes = (*_notes(plan, figures), *_unseen(figures), *tested, f"Command: {command}")
    printed = table.printed or table.heads
    costs = tuple(pretraining_costs(plan)) if table.watched else ()
    return TableResults(
        table.name, table.title, table.labels, table.heads, printed, lines, figures, notes, compared, costs
    )


def _figures(plan: ReproductionPlan) -> Iterator[Figure]:
    rows = {row.name: row for row in plan.table.ours}
    columns = {column.head: column for column in plan.table.columns}
    for (name, head, _), paths in plan.results.items():
        figures = (columns[head].read(path, rows[name], plan.budget.label) for path in paths if path.exists())
        yield from (figure for figure in figures if figure)


def _cell(row: PaperRow, head: str, figures: Sequence[Figure], plan: ReproductionPlan) -> TableCell | None:
    if not row.recipe:
        return None
    own = [each for each in figures if (each.row, each.column) == (row.name, head)]
    expected = {seed: len(paths) for (*cell, seed), paths in plan.results.items() if cell == [row.name, head]}
    seeds = [[each.percent for each in own if each.origin.seed == seed] for seed in expected]
    if not own or list(map(len, seeds)) != [*expected.values()]:  # the mean of some of the splits is another number
        return None
    means = [mean(each) for each in seeds]
    varied = means if len(means) > 1 else seeds[0]
    spread = stdev(varied) if len(varied) > 1 else None
    return TableCell(mean(means), spread, any(each.origin.seen < each.origin.expected for each in own))


def _notes(plan: ReproductionPlan, figures: Sequence[Figure]) -> Iterator[str]:
    """What the figures are of: data, split, protocol, seeds."""
    budget, table = plan.budget, plan.table
    if not figures:
        yield "Nothing has been run."
        return
    if budget.scale.note:
        yield budget.scale.note
    if any(row.rival and row.rival.own_data and row.paper[0] is not None for row in table.rows):
        yield "own data: pretrained by its authors on UCF101 itself; no number of others is of an equal budget."
    for name, words in (("collection", "Data"), ("split", "Split"), ("protocol", "Protocol")):
        yield f"{words}: {'; '.join(sorted({str(getattr(each.origin, name)) for each in figures}))}."
    runs = [run for (row, _), run in plan.pretrained.items() if not row.startswith("scratch")]
    yield from sorted({_pretrained(run, plan) for run in runs if (run / VIDEOS).exists()})
    over = f"seeds {', '.join(map(str, budget.seeds))}" if len(budget.seeds) > 1 else ""
    if not over and len(table.splits) > 1:
        over = f"splits {', '.join(table.splits)}"
    yield f"Seed: {', '.join(map(str, budget.seeds))}." + (f" ±: standard deviation over {over}." if over else "")
    if not table.splits and plan.pretrained:
        yield _size(plan)


def _size(plan: ReproductionPlan) -> str:
    """What differs from the paper on a folder of one's own."""
    settings = plan.budget.pretraining(plan.table.ours[-1].pretrained_by, plan.sources[0].files)
    return (
        f"Encoders of width {settings.encoder.width:g}, {settings.encoder.size} pixels, {settings.steps} steps of "
        f"{settings.batch_size} videos. The paper's numbers are of Kinetics-400, whole encoders and UCF101 or "
        "HMDB51: ours are to be compared with each other, not with them."
    )


def _pretrained(run: Path, plan: ReproductionPlan) -> str:
    """How many of the videos to pretrain on were learnt from."""
    videos, excluded = read_videos(run), plan.budget.exclude
    used, left_out = len(videos.used), len(videos.left_out)
    source, *evaluated = plan.sources
    again = ""
    if excluded:
        again = f"; none of {excluded}"
    elif not evaluated:
        again = "; those that are tested are among them"
    elif any(source.may_hold(each) for each in evaluated):
        again = "; those that are tested are in the same folder and may be among them"
    return f"Pretrained without labels on {used:,} of {used + left_out:,} videos of {source.folder}{again}."


def _unseen(figures: Sequence[Figure]) -> Iterator[str]:
    """How many videos the figures have seen; said of every number that saw fewer than expected, and why."""
    counts = {(each.origin.collection, each.origin.split, each.origin.seen, each.origin.expected) for each in figures}
    seen = "; ".join(f"{seen:,} of {expected:,} ({split})" for _, split, seen, expected in sorted(counts))
    if counts:
        yield f"Videos seen: {seen}."
    fewer = [each for each in figures if each.origin.seen < each.origin.expected]
    if fewer:
        names = sorted({f"{each.row} ({each.column})" for each in fewer})
        yield f"FEWER VIDEOS SEEN THAN EXPECTED, marked (!): {', '.join(names)}."
        missing = {name: why for each in fewer for name, why in each.origin.missing.items()}
        told = [f"{name} ({why})" for name, why in sorted(missing.items())[:NAMED]]
        yield f"Not seen: {', '.join(told)}{f' and {len(missing) - NAMED} more' if len(missing) > NAMED else ''}."
