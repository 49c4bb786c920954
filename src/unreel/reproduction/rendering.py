"""A table as people and papers take it: terminal, Markdown, CSV, LaTeX."""

import csv
from dataclasses import asdict, fields
from io import StringIO
from pathlib import Path

from rich.table import Table

from unreel.engine.files import write_whole
from unreel.reproduction.outcome import Cell, Figure, Line, Outcome

_LATEX = {
    "&": r"\&",
    "%": r"\%",
    "_": r"\_",
    "#": r"\#",
    "±": r"$\pm$",
    "†": r"$\dagger$",
    "ü": r"\"u",
    "×": r"$\times$",
}


def terminal(outcome: Outcome) -> Table:
    """Ours and the paper's, side by side."""
    table = Table(title=outcome.title, caption="\n".join(outcome.notes), caption_justify="left")
    for name in _header(outcome):
        table.add_column(name, justify="left" if name == "row" else "right", no_wrap=name == "row")
    for line in outcome.lines:
        table.add_row(*_cells(line), style="dim" if line.others else "")
    return table


def markdown(outcome: Outcome) -> str:
    """The same as Markdown; two executions that found the same give the same bytes."""
    header = _header(outcome)
    rows = [header, ["---", *["---:"] * (len(header) - 1)], *map(_cells, outcome.lines)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"**{outcome.title}**\n\n{table}\n\n" + "\n".join(f"- {note}" for note in outcome.notes) + "\n"


def comma_separated(outcome: Outcome) -> str:
    """One row for every figure of every run, with all that belongs to it."""
    text = StringIO()
    writer = csv.DictWriter(text, [*(each.name for each in fields(Figure)), "paper"], lineterminator="\n")
    writer.writeheader()
    paper = {
        (line.name, column): number
        for line in outcome.lines
        for column, number in zip(outcome.columns, line.paper, strict=True)
    }
    for figure in outcome.figures:
        number = paper[figure.row, figure.column]
        writer.writerow(
            {**asdict(figure), "percent": f"{figure.percent:.4f}", "paper": "" if number is None else number}
        )
    return text.getvalue()


def latex(outcome: Outcome) -> str:
    """A booktabs table; others' rows first, as in the paper."""
    header = _header(outcome)
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        _row(header),
        r"\midrule",
    ]
    before = None
    for line in outcome.lines:
        if before is not None and before.others and not line.others:
            lines.append(r"\midrule")
        lines.append(_row(_cells(line)))
        before = line
    notes = " ".join(map(_escaped, outcome.notes[:-1]))  # not the command, which no page is wide enough for
    lines += [r"\bottomrule", r"\end{tabular}", rf"\caption{{{_escaped(outcome.title)}. {notes}}}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def write_all(outcome: Outcome, folder: Path) -> list[Path]:
    """Markdown, CSV and LaTeX in a folder, in the place of what an earlier execution left there."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {".md": markdown(outcome), ".csv": comma_separated(outcome), ".tex": latex(outcome)}
    paths = []
    for suffix, text in texts.items():
        paths.append(folder / f"{outcome.name}{suffix}")
        write_whole(paths[-1], text)
    return paths


def _header(outcome: Outcome) -> list[str]:
    return ["row", *(f"{column}, {whose}" for column in outcome.columns for whose in ("ours", "paper"))]


def _cells(line: Line) -> list[str]:
    cells = [line.name]
    for ours, paper in zip(line.ours, line.paper, strict=True):
        cells += [_cell(ours), "–" if paper is None else f"{paper:.1f}"]
    return cells


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "–"
    return f"{cell.percent:.1f}" + (f" ± {cell.spread:.1f}" if cell.spread is not None else "")


def _row(cells: list[str]) -> str:
    return " & ".join(map(_escaped, cells)) + r" \\"


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(each, each) for each in text.replace("\\", r"\textbackslash{}"))
