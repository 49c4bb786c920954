"""`unreel watch`."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

import tyro

from unreel.cli.inputs.parsing import parse
from unreel.console import terminal
from unreel.errors import RunError
from unreel.settings.model import Seconds, Settings
from unreel.text import duration_text

if TYPE_CHECKING:
    from rich.console import Console

    from unreel.reporting.terminal_charts import Course
    from unreel.training.run_summary import RunSummary

RECENT = 10
"""Measured stretches that the time left is told from."""


class WatchSettings(Settings):
    """See runs while they train: loss, k-NN, learning rate, collapse and speed, as curves in the terminal.

    Several runs share each chart. Ends when all runs are finished, or with Ctrl-C, which leaves the runs alone.
    """

    run: tyro.conf.Positional[Path]
    """Run folder."""
    others: tyro.conf.Positional[tuple[Path, ...]] = ()
    """More run folders, to compare."""
    every: Seconds = 5.0
    """Seconds between looks."""
    once: bool = False
    """Draw once and end, with all charts; so it is where standard output is no terminal."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(WatchSettings, "watch", arguments)
    watch((settings.run, *settings.others), terminal(), every=settings.every, once=settings.once)


def watch(runs: Sequence[Path], console: "Console", *, every: float, once: bool) -> None:
    """Draw once, or every few seconds until all runs are finished.

    Raises:
        RunError: one is no run folder, or is damaged.
    """
    from rich.live import Live

    from unreel.reporting.terminal_charts import drawing

    if faults := [summary.fault for summary in _looked_at(runs) if summary.state == "damaged"]:
        raise RunError(*faults)
    if not once and console.is_terminal:
        with suppress(KeyboardInterrupt), Live(console=console, screen=True, auto_refresh=False) as live:
            summaries = _looked_at(runs)
            while any(summary.state != "finished" for summary in summaries):
                live.update(drawing(courses(summaries), *console.size), refresh=True)
                sleep(every)
                summaries = _looked_at(runs)
    console.print(drawing(courses(_looked_at(runs)), console.width))


def courses(summaries: "Sequence[RunSummary]") -> "list[Course]":
    """What is drawn of each run: called by its folder's name, or by the whole path where two folders share it."""
    from unreel.reporting.terminal_charts import Course

    names = [summary.path.resolve().name for summary in summaries]
    return [
        Course(name if names.count(name) == 1 else str(summary.path), status(summary), summary.metrics)
        for name, summary in zip(names, summaries, strict=True)
    ]


def status(summary: "RunSummary") -> str:
    """Recipe, state, how far, how long still, and how fast lately."""
    from unreel.training.run_summary import pace

    if summary.fault:
        return summary.fault
    seconds, waiting = pace(summary.metrics, RECENT)
    steps = f"step {summary.step}" + ("" if summary.steps is None else f" of {summary.steps}")
    parts = [summary.recipe, summary.state, steps]
    if seconds is not None and waiting is not None:
        if summary.state == "running" and summary.steps is not None:
            parts.append(f"{duration_text((summary.steps - summary.step) * seconds)} left")
        parts.append(f"{seconds:.2g} s per step, {waiting:.0%} waiting for data")
    return " · ".join(parts)


def _looked_at(runs: Sequence[Path]) -> "list[RunSummary]":
    from unreel.training.run_summary import find_runs, summarise

    for run in runs:
        if not run.is_dir():
            find_runs(run)  # says what is wrong
    return [summarise(run) for run in runs]
