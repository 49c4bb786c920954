"""The training section of a report: what each run is and its curves, several runs beside each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from unreel.reporting.curves import CurveChart, Rows, charts, compared_charts

LONG = 40
"""Characters of a fact that has a line of its own."""


@dataclass(frozen=True)
class ShownRun:
    """One run: `facts` are shown in their order (recipe, steps, command, versions), `metrics` are its rows."""

    name: str
    kind: Literal["pretraining", "fine-tuning"]
    facts: Mapping[str, str]
    metrics: Rows


@dataclass(frozen=True)
class SettingsTable:
    """What all runs `share`, and what not: the value of each run, "–" where it has none, by fact."""

    names: list[str]
    shared: dict[str, str]
    differing: dict[str, list[str]]


def facts(runs: Sequence[ShownRun]) -> SettingsTable:
    """The facts of all runs, in the order in which the runs name them, those that differ at length (commands) last."""
    names = dict.fromkeys(name for run in runs for name in run.facts)
    values = {name: [run.facts.get(name, "–") for run in runs] for name in names}
    differing = {name: each for name, each in values.items() if len(set(each)) > 1}
    return SettingsTable(
        [run.name for run in runs],
        {name: each[0] for name, each in values.items() if name not in differing},
        dict(sorted(differing.items(), key=lambda item: max(map(len, item[1])) > LONG)),
    )


def run_charts(runs: Sequence[ShownRun]) -> list[CurveChart]:
    """The curves of one run, or those of several in the same charts."""
    if len(runs) == 1:
        return charts(runs[0].metrics)
    return compared_charts({run.name: run.metrics for run in runs})
