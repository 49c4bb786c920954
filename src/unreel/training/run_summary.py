"""Run folders as they are found, whole, half-made or broken: what each is, how far it came and how well it does.

Looks only: no settings are validated, nothing is written, torch is not imported.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from unreel.engine.locks import is_locked
from unreel.errors import RunError
from unreel.reading import FileSchema, read_yaml
from unreel.training.metrics import FILE as METRICS
from unreel.training.metrics import read_metrics
from unreel.training.run import LOCK, SETTINGS, VERSIONS

WEIGHTS = "weights.safetensors"
SCORES = ("knn", "test")
"""Groups of figures of which the highest is the best."""
_NO_RUNS_INSIDE = {"checkpoints", "tensorboard", "wandb"}

_SHOWN = {"out", "recipe", "steps"}

State = Literal["running", "finished", "stopped", "damaged"]
Rows = Sequence[Mapping[str, int | float]]


@dataclass(frozen=True)
class RunSummary:
    """One run folder.

    `scores` hold the best value of every score and its first step; `seconds` are those of a step, `waiting` the share
    of them spent waiting for data; `settings` are flat (`augmentation.flip`); `fault` says why a run is damaged;
    `metrics` are all figures, as `read_metrics` gives them.
    """

    path: Path
    state: State
    written: datetime
    settings: Mapping[str, Any]
    step: int = 0
    loss: float | None = None
    scores: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    seconds: float | None = None
    waiting: float | None = None
    fault: str = ""
    metrics: Rows = ()

    @property
    def recipe(self) -> str:
        """The recipe of a pretraining run; a fine-tuning run has none."""
        return str(self.settings.get("recipe", "finetune")) if self.settings else ""

    @property
    def steps(self) -> int | None:
        """The steps that the run is to take; None: not known."""
        steps = self.settings.get("steps")
        return steps if isinstance(steps, int) else None


def find_runs(folder: Path) -> list[Path]:
    """The run folders in `folder`, itself among them, by name.

    Raises:
        RunError: there is no such folder, or no run in it.
    """
    if not folder.is_dir():
        raise RunError(f"{folder} is no folder; expected a run folder, or one that holds run folders.")
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _NO_RUNS_INSIDE]
        if {LOCK, METRICS}.intersection(files) or {SETTINGS, VERSIONS} <= set(files):
            found.append(Path(place))
    if not found:
        raise RunError(f"{folder} holds no run folder; expected one as `unreel pretrain` leaves it at --out.")
    return sorted(found)


def summarise(run: Path) -> RunSummary:
    """What is known about a run folder; what is wrong with it is a part of the answer, not an error."""
    settings: dict[str, Any] = {}
    try:
        settings = read_loosely(run)
        metrics = read_metrics(run)
        state = state_of(run, settings.get("steps"))
    except (RunError, OSError) as error:
        return RunSummary(run, "damaged", _last_written(run), settings, fault=str(error))
    losses = [float(row["loss"]) for row in metrics if "loss" in row]
    seconds, waiting = pace(metrics)
    return RunSummary(
        path=run,
        state=state,
        written=_last_written(run),
        settings=settings,
        step=max((int(row["step"]) for row in metrics), default=0),
        loss=losses[-1] if losses else None,
        scores=best_scores(metrics),
        seconds=seconds,
        waiting=waiting,
        metrics=metrics,
    )


def state_of(run: Path, steps: int | None) -> State:
    """Whether a process trains the run now, has finished its steps, or has left it."""
    if (run / LOCK).exists() and is_locked(run / LOCK):
        return "running"
    return "finished" if is_finished(run, steps) else "stopped"


def is_finished(run: Path, steps: int | None) -> bool:
    """Whether the final weights are there, and those of that step: a finished run may go on to more steps."""
    if not (run / WEIGHTS).is_file():
        return False
    try:
        with safe_open(run / WEIGHTS, framework="numpy") as file:
            reached = json.loads(file.metadata()["unreel"])["step"]
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, RecursionError):
        return True  # of another make: their presence tells
    return steps is None or bool(reached == steps)


def read_loosely(run: Path) -> dict[str, Any]:
    """The settings of a run of any kind and age, flat, not validated.

    Raises:
        RunError: they are missing or no YAML mapping.
    """
    if not (run / SETTINGS).exists():
        raise RunError(f"{run} holds no {SETTINGS}; expected one in every run folder, made as its run starts.")
    return flattened(read_yaml(run / SETTINGS, FileSchema(RunError, "Mend or remove it.")))


def flattened(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings within settings, named by their path: `augmentation.flip`."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= flattened(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


def differing(runs: Iterable[RunSummary]) -> list[str]:
    """The settings in which two runs that have them differ, but for those that every table shows."""
    values: dict[str, list[Any]] = {}
    for run in runs:
        for name, value in run.settings.items():
            values.setdefault(name, []).append(value)
    return [name for name, given in values.items() if name not in _SHOWN and any(each != given[0] for each in given)]


def best_scores(metrics: Rows) -> dict[str, tuple[float, int]]:
    """The highest value of every score and the first step it was reached at."""
    best: dict[str, tuple[float, int]] = {}
    for row in metrics:
        for name, value in row.items():
            is_score = name.split("/")[0] in SCORES and isfinite(value)
            if is_score and (name not in best or value > best[name][0]):
                best[name] = float(value), int(row["step"])
    return best


def pace(metrics: Rows, laps: int = 0) -> tuple[float | None, float | None]:
    """Seconds per step over the last `laps` measured stretches (0: all), and the share of them waiting for data."""
    measured = [row for row in metrics if "seconds/step" in row][-laps:]
    before = [0, *(int(row["step"]) for row in metrics if "seconds/step" in row)][-len(measured) - 1 :]
    taken = [max(0, int(row["step"]) - earlier) for row, earlier in zip(measured, before, strict=False)]
    whole = sum(steps * row["seconds/step"] for steps, row in zip(taken, measured, strict=True))
    if not whole:
        return None, None
    waited = sum(steps * row.get("seconds/data", 0.0) for steps, row in zip(taken, measured, strict=True))
    return whole / sum(taken), waited / whole


def _last_written(run: Path) -> datetime:
    files = (run / METRICS, run / "log.txt", run / SETTINGS)
    newest = max((path.stat().st_mtime for path in files if path.exists()), default=run.stat().st_mtime)
    return datetime.fromtimestamp(newest, timezone.utc)
