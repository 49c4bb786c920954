"""A table as people and papers take it: terminal, Markdown, CSV, LaTeX.

Two executions that found the same give the same bytes, but for the last line of the Markdown: when, and how long.
"""

from collections.abc import Sequence
from pathlib import Path

from unreel.console import Table
from unreel.engine.files import write_whole
from unreel.reproduction.columns import Figure
from unreel.reproduction.results import TableCell, TableResults, TableRow
from unreel.reproduction.rows import PaperRow
from unreel.text import comma_separated as as_csv

PROVENANCE = ("data", "split", "protocol", "encoder", "checkpoint", "seed", "seen", "expected")
_FIELDS = {"data": "collection"}
_PAIRED = ["difference of", "column", "points", "95 % over videos", "p over videos", "videos"]
_COSTS = ["pretraining of", "frames encoded per video and step", "minutes", "memory, GB", "own task, right %"]
_NAMING = 2
"""How many of these are names."""
_LATEX = str.maketrans(
    {each: f"\\{each}" for each in "&%_#${}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "ü": r"\"u"}
    | {"±": r"$\pm$", "†": r"$^\dagger$", "×": r"$\times$", "✗": r"$\times$", "α": r"$\alpha$", "β": r"$\beta$"}
)


def terminal(outcome: TableResults) -> Table:
    """Ours and the paper's, side by side."""
    table = Table(outcome.title, _header(outcome), outcome.notes, left=outcome.labels)
    for cells in _cells(outcome):
        table.add(*cells)
    return table


def markdown(outcome: TableResults, made: str) -> str:
    """The table, what it is of, and where every figure is from; `made` says when, in a line of its own."""
    header = _header(outcome)
    aligned = ["---"] * len(outcome.labels) + ["---:"] * (len(header) - len(outcome.labels))
    parts = [
        f"**{outcome.title}**",
        _grid([header, aligned, *_cells(outcome)]),
        "\n".join(f"- {note}" for note in outcome.notes),
    ]
    if outcome.pairs:
        aligned = ["---"] * _NAMING + ["---:"] * (len(_PAIRED) - _NAMING)
        parts.append(_grid([_PAIRED, aligned, *_paired(outcome)]))
    if outcome.costs:
        parts.append(_grid([_COSTS, ["---", *["---:"] * (len(_COSTS) - 2), "---"], *_spent(outcome)]))
    if outcome.figures:
        titles = ("figures of", "column", *PROVENANCE)
        parts.append(_grid([titles, ["---"] * len(titles), *_sources(outcome.figures)]))
    return "\n\n".join([*parts, made]) + "\n"


def compared(outcome: TableResults) -> Table:
    """Rows against rows, video by video."""
    table = Table("compared video by video, in points", _PAIRED, left=_PAIRED[:_NAMING])
    for cells in _paired(outcome):
        table.add(*cells)
    return table


def costs(outcome: TableResults) -> Table:
    """What the pretraining of each row took, and how far it came in its own task."""
    table = Table("pretraining", _COSTS, left=_COSTS[-1:])
    for cells in _spent(outcome):
        table.add(*cells)
    return table


def comma_separated(outcome: TableResults) -> str:
    """A line for every figure of every run, with all that belongs to it; of what was not run, the paper's number."""
    rows: list[Sequence[object]] = []
    for line in outcome.lines:
        for column, paper in zip(outcome.columns, line.row.paper, strict=True):
            begin = (outcome.name, *line.row.labels, column, "" if paper is None else paper)
            own = [each for each in outcome.figures if (each.row, each.column) == (line.row.name, column)]
            rows += ((*begin, f"{each.percent:.4f}", *_origin(each)) for each in own)
            if not own:
                rows.append((*begin, *("",) * (1 + len(PROVENANCE))))
    return as_csv(("table", *outcome.labels, "column", "paper", "ours", *PROVENANCE), rows)


def latex(outcome: TableResults) -> str:
    """A booktabs table."""
    header = _header(outcome)
    kinds = "l" * len(outcome.labels) + "r" * (len(header) - len(outcome.labels))
    notes = " ".join(map(_escaped, outcome.notes[:-1]))  # not the command, which no page is wide enough for
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{{kinds}}}",
        r"\toprule",
        _row(header),
        r"\midrule",
        *map(_row, _cells(outcome)),
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{_escaped(outcome.title)}. {notes}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def write_all(outcome: TableResults, folder: Path, made: str) -> list[Path]:
    """Markdown, CSV and LaTeX in a folder, in the place of what an earlier execution left there."""
    texts = {".md": markdown(outcome, made), ".csv": comma_separated(outcome), ".tex": latex(outcome)}
    paths = []
    for suffix, text in texts.items():
        paths.append(folder / f"{outcome.name}{suffix}")
        write_whole(paths[-1], text)
    return paths


def _header(outcome: TableResults) -> list[str]:
    names = list(outcome.labels)
    for paper, ours, known in zip(outcome.printed, outcome.columns, _known(outcome), strict=True):
        names += [f"{paper}, paper", f"{ours}, ours"] if known else [f"{ours}, ours"]
    return names


def _known(outcome: TableResults) -> list[bool]:
    """Of each column, whether the paper has a number in it."""
    numbers = zip(*(line.row.paper for line in outcome.lines), strict=True)
    return [any(number is not None for number in column) for column in numbers]


def _cells(outcome: TableResults) -> list[list[str]]:
    """The cells of every line, under `_header`."""
    known = _known(outcome)
    return [_cells_of(line, known) for line in outcome.lines]


def _cells_of(line: TableRow, known: Sequence[bool]) -> list[str]:
    cells = list(line.row.labels)
    for paper, ours, in_paper in zip(line.row.paper, line.ours, known, strict=True):
        cells += [_printed(paper, line.row)] if in_paper else []
        cells.append(_cell(ours) if line.row.recipe else "not run")
    return cells


def _printed(paper: float | None, row: PaperRow) -> str:
    own_data = row.rival is not None and row.rival.own_data
    return "–" if paper is None else f"{paper:.1f}{', own data' if own_data else ''}"


def _cell(cell: TableCell | None) -> str:
    if cell is None:
        return "–"
    spread = f" ± {cell.spread:.1f}" if cell.spread is not None else ""
    return f"{cell.percent:.1f}{spread}{' (!)' if cell.fewer else ''}"


def _paired(outcome: TableResults) -> list[list[str]]:
    """A line for every pair and column, under `_PAIRED`."""
    return [
        [
            f"{each.second} − {each.first}",
            each.column,
            f"{each.difference:+.1f}",
            f"{each.interval[0]:+.1f} to {each.interval[1]:+.1f}",
            f"{each.p_value:.4f}",
            str(each.videos),
        ]
        for each in outcome.pairs
    ]


def _spent(outcome: TableResults) -> list[list[str]]:
    """A line for every row, under `_COSTS`."""
    return [
        [each.row, f"{each.frames:g}", f"{each.minutes:.1f}", f"{each.memory:.2f}", each.solved]
        for each in outcome.costs
    ]


def _origin(figure: Figure) -> tuple[str, ...]:
    """What the columns of `PROVENANCE` hold."""
    return tuple(str(getattr(figure.origin, _FIELDS.get(name, name))) for name in PROVENANCE)


def _sources(figures: Sequence[Figure]) -> list[list[str]]:
    """A line for the figures of one row and one run together: R@1 to R@50 are from the same."""
    found: dict[tuple[str, ...], list[str]] = {}
    for each in figures:
        found.setdefault((each.row, *_origin(each)), []).append(each.column)
    return [[row, ", ".join(columns), *origin] for (row, *origin), columns in found.items()]


def _grid(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows)


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(_escaped, cells)) + r" \\"


def _escaped(text: str) -> str:
    return text.translate(_LATEX)
