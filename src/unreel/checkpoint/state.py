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
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from unreel.checkpoint.weights import FINAL, Origin, save_weights, write_tensors
from unreel.engine.files import UNFINISHED, sha256_of, whole
from unreel.errors import CheckpointError, OutputError

FORMAT = "unreel-checkpoint-1"
OPTIMIZER = "optimizer.safetensors"
STATE = "state.json"


@dataclass(frozen=True)
class TrainingState:
    """A run after `step` steps.

    `weights` is the method's state_dict, `optimizer` torch's state_dict of the optimiser, `scaler` that of the loss
    scaling in 16-bit floats (empty without). `score` is how well the step was judged, if it was.
    """

    step: int
    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    scaler: dict[str, Any] = field(default_factory=dict)
    score: float | None = None


def save_checkpoint(folder: Path, state: TrainingState, origin: Origin) -> Path:
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
            f"{error} Checkpoints written before are whole: run the same command again, to go on from the newest of "
            "them."
        ) from error
    return path


def _write(folder: Path, state: TrainingState, origin: Origin) -> None:
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
    for name, expected in content["files"].items():
        if not (path / name).is_file():
            raise _unusable(path, f"holds no {name}")
        if sha256_of(path / name) != expected:
            raise _unusable(path, f"is damaged: {name} is not what was written")
    try:
        weights, tensors = load_file(path / FINAL), load_file(path / OPTIMIZER)
    except SafetensorError as error:
        raise _unusable(path, f"is damaged ({error})") from error
    optimizer = _joined(tensors, content["optimizer"])
    return TrainingState(content["step"], weights, optimizer, content["scaler"], content["score"])


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
            score = _content(path)["score"]
        except CheckpointError:
            continue
        if score is not None:
            scores[path] = score
    return scores


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads((path / STATE).read_text(encoding="utf-8"))
        written = content.pop("checksum")
    except (OSError, ValueError, KeyError, AttributeError, RecursionError):
        raise _unusable(path, f"has no {STATE} that can be read") from None
    if written != _own_checksum(content):
        raise _unusable(path, f"is damaged: {STATE} is not what was written")
    if content["format"] != FORMAT:
        raise _unusable(path, f"has the format {content['format']!r}, expected {FORMAT!r}")
    return dict(content)


def _unusable(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"the checkpoint {path} {what}. Go on from the one before it with --resume previous.")


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


def _joined(tensors: dict[str, Tensor], numbers: dict[str, Any]) -> dict[str, Any]:
    state: dict[int, dict[str, Any]] = {int(parameter): dict(each) for parameter, each in numbers["state"].items()}
    for key, tensor in tensors.items():
        parameter, name = key.split("/")
        state.setdefault(int(parameter), {})[name] = tensor
    return {"state": state, "param_groups": numbers["param_groups"]}


def _own_checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
