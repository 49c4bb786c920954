"""`unreel runs`."""

from collections.abc import Sequence
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from unreel.cli.inputs.parsing import parse
from unreel.console import Table, say, say_json, show
from unreel.errors import SettingsError
from unreel.settings.model import Settings
from unreel.text import unbroken

if TYPE_CHECKING:
    from unreel.training.run_summary import RunSummary

HIGHEST_FIRST = ("step", "written")
COLOURS = {"running": "green", "stopped": "yellow", "damaged": "red"}

RunRow = dict[str, Any]


class RunsSettings(Settings):
    """Compare the runs of a folder: what each is, how far it came, how well and how fast."""

    folder: tyro.conf.Positional[Path]
    """Folder that holds run folders, at any depth."""
    sort: str = "run"
    """Column to sort by, the best first: highest scores and steps, latest written, lowest of all else."""
    settings: bool = False
    """Show the settings in which the runs differ."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print JSON, for programs."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(RunsSettings, "runs", arguments))


def run(settings: RunsSettings) -> None:
    """Look at all runs and print them.

    Raises:
        RunError: there is no run in the folder.
        SettingsError: there is no column of that name to sort by.
    """
    from unreel.training.run_summary import differing, find_runs, summarise

    found = [summarise(path) for path in find_runs(settings.folder)]
    shown = differing(found) if settings.settings else []
    rows = sort_rows([row(summary, settings.folder, shown) for summary in found], settings.sort)
    if settings.as_json:
        say_json(rows)
        return
    show(build_table(rows))
    faults = [f"{unbroken(each['run'])}: {line}" for each in rows for line in each["fault"].split("\n") if line]
    say(*faults, style="red")


def row(summary: "RunSummary", folder: Path, shown: Sequence[str]) -> RunRow:
    """All that is printed of a run, as JSON holds it: figures that are missing or not finite are null."""
    return {
        "run": str(summary.path.relative_to(folder)) if summary.path != folder else folder.resolve().name,
        "recipe": summary.recipe,
        "state": summary.state,
        "step": summary.step,
        "steps": summary.steps,
        "loss": summary.loss if summary.loss is not None and isfinite(summary.loss) else None,
        **{name: {"best": best, "step": step} for name, (best, step) in summary.scores.items()},
        "seconds per step": summary.seconds,
        "waiting": summary.waiting,
        "written": summary.written.astimezone().isoformat(timespec="seconds"),
        "settings": {name: summary.settings.get(name) for name in shown},
        "fault": summary.fault,
    }


def sort_rows(rows: list[RunRow], name: str) -> list[RunRow]:
    """The rows by one column or setting, the best first; rows without it are last.

    Raises:
        SettingsError: no row has it.
    """
    names = list(dict.fromkeys(key for each in rows for key in (*each, *each["settings"]) if key != "settings"))
    if name not in names:
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
        raise SettingsError(f"got --sort {name!r}, expected the name of a column; {hint}")
    cells = {id(each): each.get(name, each["settings"].get(name)) for each in rows}
    known = [each for each in rows if cells[id(each)] is not None]
    highest = name in HIGHEST_FIRST or any(isinstance(cells[id(each)], dict) for each in known)
    known.sort(key=lambda each: _rank(cells[id(each)]), reverse=highest)
    return known + [each for each in rows if cells[id(each)] is None]


def build_table(rows: list[RunRow]) -> Table:
    """The rows for people."""
    scores = sorted({name for each in rows for name, cell in each.items() if isinstance(cell, dict)} - {"settings"})
    settings = list(rows[0]["settings"])
    figures = ("step", "loss", *(f"best {score}" for score in scores), "s per step", "waiting")
    left = ("recipe", "state", "last written", *settings)
    table = Table("", ("run", "recipe", "state", *figures, "last written", *settings), left=left, colours=COLOURS)
    for each in rows:
        table.add(
            each["run"],
            each["recipe"],
            each["state"],
            str(each["step"]) + ("" if each["steps"] is None else f" of {each['steps']}"),
            _number(each["loss"], ".4g"),
            *(_score(each.get(name)) for name in scores),
            _number(each["seconds per step"], ".2g"),
            _number(each["waiting"], ".0%"),
            each["written"][:16].replace("T", " "),
            *("–" if each["settings"][name] is None else str(each["settings"][name]) for name in settings),
        )
    return table


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _score(cell: RunRow | None) -> str:
    return "–" if cell is None else f"{cell['best']:.1%} @ {cell['step']}"


def _rank(cell: Any) -> tuple[int, Any]:
    """Numbers before all else, which is compared as text."""
    if isinstance(cell, dict):
        return 0, cell["best"]
    return (0, cell) if isinstance(cell, (int, float)) else (1, str(cell))
