"""Saving and loading weights.

    RUN/weights.safetensors                           the weights at the end
    RUN/checkpoints/step-000500/weights.safetensors   those on the way

The header of the file holds all that is needed to build the encoder again (`EncoderSettings`) and to name it, and a
checksum of that and of every weight, which is verified on opening. Files of versions that wrote none are opened too.
"""

import errno
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from unreel import models
from unreel.checkpoint.shipped import names, place_of
from unreel.engine.files import whole
from unreel.errors import CheckpointError, SettingsError
from unreel.reading import FileSchema, brief, check_regular, checked, parse_json
from unreel.settings.encoder import BASELINES, INPUT, EncoderSettings
from unreel.settings.model import Count, Seed, Settings
from unreel.text import excerpt

FORMAT = "unreel-weights-2"
FINAL = "weights.safetensors"
PREFIX = "encoder."
WANTED = FileSchema(CheckpointError, "Use another checkpoint.")
_DTYPES = {"F64", "F32", "F16", "BF16", "I64", "I32", "U8", "BOOL"}


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
class WeightsHeader:
    """Where weights come from: what it takes to build their encoder again and to name it.

    `classes` are those that a fine-tuned classifier tells apart, in the order of its outputs, and `label` their name.
    """

    encoder: EncoderSettings
    recipe: str
    seed: int
    label: str = ""
    classes: tuple[str, ...] = ()


class _Header(Settings):
    """What a weights file says of itself."""

    format: str
    encoder: EncoderSettings
    recipe: str
    seed: Seed
    step: Count
    label: str
    classes: tuple[str, ...]
    checksum: str = ""


def save_weights(path: Path, state: Mapping[str, Tensor], origin: WeightsHeader, *, step: int) -> None:
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
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    # One entry: safetensors writes several in an order that changes.
    header = {"unreel": json.dumps(facts | {"checksum": _checksum(facts, tensors)})}
    with whole(path) as unfinished:
        write_tensors(unfinished, tensors, header)


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

    origin: WeightsHeader
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
    text, state = read_tensors(path, WANTED)
    if not text.startswith("{"):  # as the first format had it
        text = json.dumps({"format": text})
    facts = parse_json(text, dict, path, WANTED)
    if facts.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has the format {brief(facts.get('format'))}, expected {FORMAT!r} as `unreel pretrain` writes."
        )
    header = checked(facts, _Header, path, WANTED)
    written = facts.pop("checksum", None)
    if written is not None and written != _checksum(facts, state):
        raise WANTED.error_for(path, "is damaged: its weights are not those that were written")
    if strange := next((name for name, each in state.items() if not each.isfinite().all()), None):
        raise WANTED.error_for(path, f"holds weights that are no finite numbers, in {brief(strange)}")
    return Weights(
        WeightsHeader(header.encoder, header.recipe, header.seed, header.label, header.classes), header.step, state
    )


def read_tensors(path: Path, wanted: FileSchema) -> tuple[str, dict[str, Tensor]]:
    """What a safetensors file says of itself in its entry "unreel" ("{}" without one), and its tensors.

    Raises:
        UnreelError: as `wanted` says, where it is none or is damaged.
    """
    check_regular(path, wanted)
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            if strange := {file.get_slice(name).get_dtype() for name in names} - _DTYPES:
                raise wanted.error_for(path, f"holds numbers of the kind {min(strange)}, expected {sorted(_DTYPES)}")
            return (file.metadata() or {}).get("unreel", "{}"), {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise wanted.error_for(path, f"is no safetensors file or is damaged ({excerpt(error)})") from None


def load_into(module: torch.nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    """Give a module, which may have been built without memory (on the meta device), the weights of a file.

    Raises:
        CheckpointError: they are not those of such a module; `what` says what they are.
    """
    own = module.state_dict()
    for name in sorted(own.keys() | state.keys()):
        wanted, got = (str(tuple(each[name].shape)) if name in each else "no such weights" for each in (own, state))
        if wanted != got:
            raise CheckpointError(f"{what}: {excerpt(name)} has {got}, expected {wanted}. Use another checkpoint.")
    module.load_state_dict({name: each.to(own[name].dtype, copy=True) for name, each in state.items()}, assign=True)


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
    state = {key.removeprefix(PREFIX): each for key, each in weights.state.items() if key.startswith(PREFIX)}
    try:
        with torch.device("meta"):  # no memory is taken before it is known that these weights are there
            encoder = models.build_from(settings)
        encoder.check(settings.clip_length, settings.size, settings.size)
    except SettingsError as error:
        raise CheckpointError(f"{run} names an encoder that cannot be: {error}") from None
    load_into(encoder, state, f"{run} does not fit the encoder it names ({settings.name})")
    return _ready(encoder, settings, weights.origin.recipe, weights.origin.seed)


def untrained_encoder(like: LoadedEncoder) -> LoadedEncoder:
    """The same encoder as it was before the first step of its run; what learns nothing is itself."""
    settings = like.settings
    if settings.name in BASELINES:
        return like
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(like.seed)
        encoder = models.build_from(settings)
    return _ready(encoder, settings, "untrained", like.seed)


def baseline_encoder(name: str, like: EncoderSettings, seed: int = 0) -> LoadedEncoder:
    """The encoder of that name, which learns nothing, shown the clips that one of other settings is shown.

    Raises:
        SettingsError: they are too small for it.
    """
    settings = EncoderSettings(name=name, **like.model_dump(include=set(INPUT)))
    encoder = models.build_from(settings)
    encoder.check(settings.clip_length, settings.size, settings.size)
    return _ready(encoder, settings, name, seed)


def _ready(encoder: models.Encoder, settings: EncoderSettings, name: str, seed: int) -> LoadedEncoder:
    encoder.eval().requires_grad_(False)
    digest = hashlib.sha256()
    for key, tensor in sorted(encoder.state_dict().items()):
        digest.update(key.encode())
        digest.update(_bytes_of(tensor))
    if not encoder.state_dict():  # known by its name and what it is shown
        digest.update(settings.model_dump_json(exclude_defaults=True).encode())
    return LoadedEncoder(encoder, settings, name, digest.hexdigest()[:16], seed)


def _checksum(facts: Mapping[str, Any], state: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, tensor in sorted(state.items()):
        digest.update(json.dumps([name, str(tensor.dtype), tensor.shape]).encode())
        digest.update(_bytes_of(tensor))
    return digest.hexdigest()


def _bytes_of(tensor: Tensor) -> Any:
    """Without a copy, for numpy knows no bfloat16."""
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy()
