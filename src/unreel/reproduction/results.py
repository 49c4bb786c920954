"""Ours beside the paper's: the numbers that the runs of a plan have left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from unreel.evaluation.finetune_results import read_finetuned
from unreel.evaluation.results import Provenance, read_retrievals
from unreel.reproduction.evidence import COLUMNS, DEVELOPED, TESTED, Pair, classification_of, pairs, score_of
from unreel.reproduction.paper import HITS, UNTRAINED, PaperRow
from unreel.reproduction.plan import ReproductionPlan
from unreel.training.run import VIDEOS, read_videos

NAMED = 10


@dataclass(frozen=True)
class FigureOrigin:
    """Where a figure is from: all that must be the same for two to compare, and how many videos were `seen`.

    `missing` are the others, each with the reason.
    """

    collection: str
    split: str
    protocol: str
    encoder: str
    checkpoint: str
    seed: int
    seen: int
    expected: int
    missing: Mapping[str, str]


@dataclass(frozen=True)
class Figure:
    """One number of one run on one split, in percent."""

    row: str
    column: str
    percent: float
    origin: FigureOrigin


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

    `columns` head our numbers, `printed` those of the paper; `pairs` are rows compared video by video.
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

    @property
    def complete(self) -> bool:
        """Whether every row that can be run was."""
        return all(any(line.ours) for line in self.lines if line.row.recipe)


def outcome(plan: ReproductionPlan, command: str) -> TableResults:
    """The table of a plan, of those runs that are finished."""
    table = plan.table
    rows = {row.name: row for row in table.ours}
    column = dict(zip(table.data, table.columns, strict=False))
    figures: list[Figure] = []
    for (name, data, _), paths in plan.results.items():
        for number, path in enumerate(paths):
            if not path.exists():
                continue
            if table.kind == "recognition":
                figures.append(_recognised(rows[name], column[data], path))  # type: ignore[index]
            elif table.kind == "evidence":
                figures.append(_evaluated(rows[name], number, path, plan.scale.label))
            else:
                figures += _retrieved(rows[name], path, plan.scale.label)
    lines = tuple(TableRow(row, tuple(_cell(row, each, figures, plan) for each in table.columns)) for row in table.rows)
    printed = table.printed or table.columns
    compared = tuple(pairs(plan.results, plan.scale.seeds, plan.scale.label)) if table.kind == "evidence" else ()
    tested = (TESTED,) if compared else ()
    notes = (*_notes(plan, figures), *_unseen(figures), *tested, f"Command: {command}")
    return TableResults(
        table.name, table.title, table.labels, table.columns, printed, lines, tuple(figures), notes, compared
    )


def _recognised(row: PaperRow, column: str, path: Path) -> Figure:
    found = read_finetuned(path)
    origin = FigureOrigin(
        found.collection,
        found.split,
        found.protocol,
        found.encoder,
        found.checkpoint,
        found.seed,
        found.seen,
        found.expected,
        {name: why for part in found.parts for name, why in part.missing.items()},
    )
    return Figure(row.name, column, 100 * found.figures["video/top1"], origin)


def _retrieved(row: PaperRow, path: Path, label: str | None) -> Iterator[Figure]:
    """The figures of the row's encoder; a small gallery has no R@50."""
    every = read_retrievals(path)
    found = next(each for each in every if (each.origin.encoder == UNTRAINED) == (row.recipe == UNTRAINED))
    score = score_of(found, label)
    return (Figure(row.name, f"R@{k}", 100 * score.hits[k], _origin(found.origin)) for k in HITS if k in score.hits)


def _evaluated(row: PaperRow, number: int, path: Path, label: str | None) -> Figure:
    """The figure in a column of `evidence`."""
    if number == 0:
        return _recognised(row, COLUMNS[0], path)
    if number == 1:
        found = classification_of(path, label)
        return Figure(row.name, COLUMNS[1], 100 * found.accuracy, _origin(found.origin, "linear, "))
    (retrieval,) = read_retrievals(path)
    return Figure(row.name, COLUMNS[number], 100 * score_of(retrieval, label).hits[1], _origin(retrieval.origin))


def _origin(found: Provenance, way: str = "") -> FigureOrigin:
    return FigureOrigin(
        found.collection,
        found.split,
        f"{way}{found.protocol}, level {found.level}",
        found.encoder,
        found.checkpoint,
        found.seed,
        found.seen,
        found.expected,
        found.missing,
    )


def _cell(row: PaperRow, column: str, figures: Sequence[Figure], plan: ReproductionPlan) -> TableCell | None:
    own = [each for each in figures if (each.row, each.column) == (row.name, column)]
    expected = len(plan.scale.seeds) * (len(plan.table.splits) or 1)
    if not row.recipe or len(own) < expected:  # the mean of some of the splits is another number
        return None
    seeds = [[each.percent for each in own if each.origin.seed == seed] for seed in plan.scale.seeds]
    means = [mean(each) for each in seeds]
    varied = means if len(means) > 1 else seeds[0]
    spread = stdev(varied) if len(varied) > 1 else None
    return TableCell(mean(means), spread, any(each.origin.seen < each.origin.expected for each in own))


def _notes(plan: ReproductionPlan, figures: Sequence[Figure]) -> Iterator[str]:
    """What the figures are of: data, split, protocol, seeds."""
    scale, table = plan.scale, plan.table
    if not figures:
        yield "Nothing has been run."
        return
    if table.kind == "evidence":
        yield DEVELOPED
    for name, words in (("collection", "Data"), ("split", "Split"), ("protocol", "Protocol")):
        yield f"{words}: {'; '.join(sorted({str(getattr(each.origin, name)) for each in figures}))}."
    runs = [run for (row, _), run in plan.pretrained.items() if not row.startswith("scratch")]
    yield from sorted({_pretrained(run, plan) for run in runs if (run / VIDEOS).exists()})
    over = f"seeds {', '.join(map(str, scale.seeds))}" if len(scale.seeds) > 1 else ""
    if not over and len(table.splits) > 1 and table.kind == "recognition":
        over = f"splits {', '.join(table.splits)}"
    yield f"Seed: {', '.join(map(str, scale.seeds))}." + (f" ±: standard deviation over {over}." if over else "")
    if scale.small:
        settings = scale.pretraining(scale.recipe(table.ours[-1]), 1)
        yield (
            f"Small: encoders of width {settings.encoder.width:g}, {settings.encoder.size} pixels, {settings.steps} "
            f"steps of {settings.batch_size} videos. The paper's are of Kinetics-400, whole encoders and UCF101 or "
            "HMDB51: ours are to be compared with each other, not with them."
        )


def _pretrained(run: Path, plan: ReproductionPlan) -> str:
    """How many of the videos to pretrain on were learnt from."""
    videos = read_videos(run)
    used, left_out = len(videos.used), len(videos.left_out)
    source, excluded = plan.sources[0], plan.scale.exclude
    if plan.table.kind == "evidence":
        again = f"; none of {excluded}" if excluded else "; those that are tested are among them"
    else:
        again = "; those that are tested are among them" if len(plan.sources) == 1 else ""
    chosen = f" ({source.include})" if source.include else ""
    return f"Pretrained without labels on {used:,} of {used + left_out:,} videos of {source.folder}{chosen}{again}."


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
