"""Saving and loading weights.

    RUN/weights.safetensors                           the weights at the end
    RUN/checkpoints/step-000500/weights.safetensors   those on the way

The header of the file holds all that is needed to build the encoder again (`EncoderSettings`) and to name it.
"""

import errno
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from unreel import models
from unreel.checkpoint.shipped import names, place_of
from unreel.engine.files import whole
from unreel.errors import CheckpointError
from unreel.settings.model import validated
from unreel.settings.pretraining import EncoderSettings

FORMAT = "unreel-weights-2"
FINAL = "weights.safetensors"
PREFIX = "encoder."


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder ready to embed clips: in evaluation mode, without gradients.

    `name` is what results are shown under, `checkpoint` the hash of the weights, `seed` the run's.
    """

    encoder: models.Encoder
    settings: EncoderSettings
    name: str
    checkpoint: str
    seed: int


@dataclass(frozen=True)
class Origin:
    """Where weights come from: what it takes to build their encoder again and to name it.

    `classes` are those that a fine-tuned classifier tells apart, in the order of its outputs, and `label` their name.
    """

    encoder: EncoderSettings
    recipe: str
    seed: int
    label: str = ""
    classes: tuple[str, ...] = ()


def save_weights(path: Path, state: Mapping[str, Tensor], origin: Origin, *, step: int) -> None:
    """Write the weights of a method, whole or not at all.

    Raises:
        OutputError: they cannot be written.
    """
    facts = {
        "format": FORMAT,
        "encoder": origin.encoder.model_dump(mode="json"),
        "recipe": origin.recipe,
        "seed": origin.seed,
        "step": step,
        "label": origin.label,
        "classes": origin.classes,
    }
    header = {"unreel": json.dumps(facts)}  # one entry: safetensors writes several in an order that changes
    with whole(path) as unfinished:
        write_tensors(unfinished, {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, header)


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, str] | None = None) -> None:
    """Write a safetensors file.

    Raises:
        OSError: it cannot be written; safetensors has an error of its own for that.
    """
    try:
        save_file(tensors, path, header)
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        raise OSError(int(number[1]) if number else errno.EIO, str(error), str(path)) from error


@dataclass(frozen=True)
class Weights:
    """What a weights file holds."""

    origin: Origin
    step: int
    state: dict[str, Tensor]


def read_weights(run: Path) -> Weights:
    """The weights of a run folder (the final ones), of a checkpoint's folder, of one weights file, or published ones.

    Raises:
        CheckpointError: there are none, they are damaged, or no unreel run has written them.
    """
    run = place_of(run)
    path = run / FINAL if run.is_dir() else run
    if not path.is_file():
        raise CheckpointError(f"{run} holds no weights: expected {FINAL}. {_instead(run)}")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is no safetensors file or is damaged ({error}). Use another checkpoint."
        ) from None
    try:
        text = header.get("unreel", "{}")
        facts = json.loads(text) if text.startswith("{") else {"format": text}  # as the first format had it
        if facts.get("format") != FORMAT:
            raise CheckpointError(
                f"{path} has the format {facts.get('format')!r}, expected {FORMAT!r} as `unreel pretrain` writes."
            )
        encoder = validated(EncoderSettings, facts["encoder"], str(path))
        origin = Origin(encoder, facts["recipe"], facts["seed"], facts["label"], tuple(facts["classes"]))
        return Weights(origin, facts["step"], state)
    except (KeyError, ValueError, AttributeError):
        raise CheckpointError(f"{path} has a header that cannot be read. Use another checkpoint.") from None


def publish(run: Path, path: Path) -> None:
    """Write the encoder of a run by itself, in bfloat16: half the bytes, for others to use.

    Raises:
        CheckpointError: the run has no weights.
    """
    weights = read_weights(run)
    state = {key: each.to(torch.bfloat16) for key, each in weights.state.items() if key.startswith(PREFIX)}
    save_weights(path, state, weights.origin, step=weights.step)


def _instead(run: Path) -> str:
    """What could be used where a run has no final weights."""
    found = sorted(run.glob(f"checkpoints/step-*/{FINAL}"))
    if found:
        return f"The run is not finished; its newest checkpoint is {found[-1].parent}: name that, or finish the run."
    own = f", or an encoder that comes with unreel: {', '.join(names())}" if names() else ""
    return f"Name a run folder that `unreel pretrain` has finished, one of its checkpoints, or a weights file{own}."


def load_encoder(run: Path) -> LoadedEncoder:
    """The encoder of a run folder (its final weights), of a checkpoint's folder, of a weights file, or a published one.

    Raises:
        CheckpointError: there are no weights, they are damaged, or they are no unreel encoder.
    """
    weights = read_weights(run)
    settings = weights.origin.encoder
    encoder = models.build_from(settings)
    state = {key.removeprefix(PREFIX): each for key, each in weights.state.items() if key.startswith(PREFIX)}
    try:
        encoder.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(f"{run} does not fit the encoder it names ({settings.name}): {error}") from None
    return _ready(encoder, settings, weights.origin.recipe, weights.origin.seed)


def untrained_encoder(like: LoadedEncoder) -> LoadedEncoder:
    """The same encoder as it was before the first step of its run."""
    settings = like.settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(like.seed)
        encoder = models.build_from(settings)
    return _ready(encoder, settings, "untrained", like.seed)


def _ready(encoder: models.Encoder, settings: EncoderSettings, name: str, seed: int) -> LoadedEncoder:
    encoder.eval().requires_grad_(False)
    digest = hashlib.sha256()
    for key, tensor in sorted(encoder.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return LoadedEncoder(encoder, settings, name, digest.hexdigest()[:16], seed)
