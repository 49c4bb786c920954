"""Checkpoints: all that a run needs to go on as if it had never stopped, whole on the disk or not there at all.

    RUN/checkpoints/
    ├── step-000400/
    │   ├── weights.safetensors      as those of a finished run: encoder and projections
    │   ├── optimizer.safetensors    velocities
    │   └── state.json               the step, the numbers of the optimiser, checksums of all three
    └── step-000500.damaged/         was found damaged by --resume previous, and set aside

No pickle is read or written. There is no state of chance: draws are functions of the step.
"""

import hashlib
import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from torch import Tensor

from unreel.checkpoint.weights import FINAL, WeightsHeader, read_tensors, save_weights, write_tensors
from unreel.engine.files import UNFINISHED, sha256_of, whole
from unreel.errors import CheckpointError, OutputError
from unreel.reading import FileSchema, brief, checked, read_json
from unreel.settings.model import Amount, Count, Settings

FORMAT = "unreel-checkpoint-1"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"
WANTED = FileSchema(CheckpointError, "Resume from the one before it with --resume previous.")


class _Optimizer(Settings):
    """What is no tensor of an optimiser's state_dict."""

    state: dict[int, dict[str, Any]]
    param_groups: list[dict[str, Any]]


class _Content(Settings):
    """What state.json says."""

    format: str
    step: Count
    score: Amount | None
    optimizer: _Optimizer
    scaler: dict[str, Any]
    files: dict[Literal["weights.safetensors", "optimizer.safetensors"], str] = Field(min_length=2)


@dataclass(frozen=True)
class TrainingState:
    """A run after `step` steps.

    `weights` is the method's state_dict, `optimizer` torch's state_dict of the optimiser, `scaler` that of the loss
    scaling in 16-bit floats (empty without). `score` is how well the step was evaluated, if it was.
    """

    step: int
    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    scaler: dict[str, Any] = field(default_factory=dict)
    score: float | None = None


def save_checkpoint(folder: Path, state: TrainingState, origin: WeightsHeader) -> Path:
    """Write `state` below `folder`; the path of the checkpoint.

    Raises:
        CheckpointError: it could not be written; nothing of it is left.
    """
    path = folder / f"step-{state.step:06d}"
    try:
        with whole(path) as unfinished:
            unfinished.mkdir()
            _write(unfinished, state, origin)
            if path.exists():
                shutil.rmtree(path)
    except OutputError as error:
        raise CheckpointError(
            f"{error} Checkpoints written before are whole: run the same command again, to resume from the newest of "
            "them."
        ) from error
    return path


def _write(folder: Path, state: TrainingState, origin: WeightsHeader) -> None:
    save_weights(folder / FINAL, state.weights, origin, step=state.step)
    tensors, numbers = _parted(state.optimizer)
    write_tensors(folder / OPTIMIZER, tensors)
    content = {
        "format": FORMAT,
        "step": state.step,
        "score": state.score,
        "optimizer": numbers,
        "scaler": state.scaler,
        "files": {name: sha256_of(folder / name) for name in (FINAL, OPTIMIZER)},
    }
    (folder / STATE).write_text(json.dumps(content | {"checksum": _own_checksum(content)}, indent=1))


def load_checkpoint(path: Path) -> TrainingState:
    """The state in a checkpoint's folder.

    Raises:
        CheckpointError: a file is missing, damaged or of another kind.
    """
    content = _content(path)
    (_, weights), (_, tensors) = read_tensors(path / FINAL, WANTED), read_tensors(path / OPTIMIZER, WANTED)
    for name, expected in content.files.items():
        if sha256_of(path / name) != expected:
            raise WANTED.error_for(path, f"is damaged: {name} is not what was written")
    optimizer = _joined(tensors, content.optimizer, path)
    return TrainingState(content.step, weights, optimizer, content.scaler, content.score)


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints below a folder, oldest first."""
    found = [each for each in folder.glob("step-*") if each.is_dir() and each.name[len("step-") :].isdecimal()]
    return sorted(found, key=step_of)


def step_of(path: Path) -> int:
    """The step of a checkpoint, by its name."""
    return int(path.name.removeprefix("step-"))


def prune(folder: Path, keep: int) -> None:
    """Leave the `keep` newest checkpoints below a folder, the one with the best score, and nothing unfinished."""
    for path in folder.glob(f"*{UNFINISHED}"):
        shutil.rmtree(path, ignore_errors=True)
    scores = _scores(folder)
    best = max(scores, key=lambda path: (scores[path], -step_of(path)), default=None)
    for path in checkpoints(folder)[:-keep]:
        if path != best:
            shutil.rmtree(path)


def best_score(folder: Path) -> float:
    """The highest score of the checkpoints below a folder; −∞ where none has one."""
    return max(_scores(folder).values(), default=-math.inf)


def _scores(folder: Path) -> dict[Path, float]:
    scores: dict[Path, float] = {}
    for path in checkpoints(folder):
        try:
            score = _content(path).score
        except CheckpointError:
            continue
        if score is not None:
            scores[path] = score
    return scores


def _content(path: Path) -> _Content:
    content = read_json(path / STATE, dict, WANTED)
    if content.pop("checksum", None) != _own_checksum(content):
        raise WANTED.error_for(path, f"is damaged: {STATE} is not what was written")
    if content.get("format") != FORMAT:
        raise WANTED.error_for(path, f"has the format {brief(content.get('format'))}, expected {FORMAT!r}")
    return checked(content, _Content, path / STATE, WANTED)


def _parted(optimizer: dict[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of an optimiser's state_dict, by "number of the parameter/name", and everything else."""
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, dict[str, Any]] = {}
    for parameter, values in optimizer["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{parameter}/{name}"] = value.detach().cpu().contiguous()
            else:
                numbers.setdefault(str(parameter), {})[name] = value
    return tensors, {"state": numbers, "param_groups": optimizer["param_groups"]}


def _joined(tensors: dict[str, Tensor], numbers: _Optimizer, path: Path) -> dict[str, Any]:
    state = {parameter: dict(each) for parameter, each in numbers.state.items()}
    for key, tensor in tensors.items():
        parameter, _, name = key.partition("/")
        if not (parameter.isascii() and parameter.isdecimal() and name):
            raise WANTED.error_for(
                path / OPTIMIZER, f"holds {brief(key)}, expected the number of a parameter and a name"
            )
        state.setdefault(int(parameter), {})[name] = tensor
    return {"state": state, "param_groups": numbers.param_groups}


def _own_checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
