"""Saving and loading weights.

    RUN/weights.safetensors                   the weights at the end
    RUN/checkpoints/step-000500.safetensors   those on the way

The header of the file holds all that is needed to build the encoder again (`EncoderSettings`) and to name it.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from unreel import models
from unreel.errors import CheckpointError
from unreel.settings.model import validated
from unreel.settings.pretraining import EncoderSettings

FORMAT = "unreel-weights-1"
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


def save_weights(
    path: Path, state: Mapping[str, Tensor], settings: EncoderSettings, *, recipe: str, seed: int, step: int
) -> None:
    """Write the weights of a method, whole or not at all."""
    header = {
        "unreel": FORMAT,
        "encoder": settings.model_dump_json(),
        "recipe": recipe,
        "seed": str(seed),
        "step": str(step),
    }
    unfinished = path.with_suffix(".unfinished")
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, unfinished, header)
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    unfinished.replace(path)


def load_encoder(run: Path) -> LoadedEncoder:
    """The encoder of a run folder (its final weights) or of one weights file.

    Raises:
        CheckpointError: there are no weights, they are damaged, or they are no unreel encoder.
    """
    path = run / FINAL if run.is_dir() else run
    if not path.is_file():
        raise CheckpointError(f"{run} holds no weights: expected {FINAL}, as a finished `unreel pretrain` leaves it.")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            state = {key.removeprefix(PREFIX): file.get_tensor(key) for key in file.keys() if key.startswith(PREFIX)}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is no safetensors file or is damaged ({error}). Use another checkpoint."
        ) from None
    if header.get("unreel") != FORMAT:
        raise CheckpointError(
            f"{path} has the format {header.get('unreel')!r}, expected {FORMAT!r} as `unreel pretrain` writes."
        )
    settings = validated(EncoderSettings, json.loads(header["encoder"]), str(path))
    encoder = models.build_from(settings)
    try:
        encoder.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(f"{path} does not fit the encoder it names ({settings.name}): {error}") from None
    return _ready(encoder, settings, header["recipe"], int(header["seed"]))


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
