"""Encoders: clips in, a pyramid of feature maps out.

encoder = unreel.models.build("r3d18", width=0.25)
pyramid = encoder(clips)            # clips (b 3 t h w) in [-1, 1]
pyramid[5]                          # (b c t h w) of block 5
"""

from typing import Any

import torch

from unreel import plugins
from unreel.errors import SettingsError
from unreel.models.encoder import Encoder
from unreel.settings.encoder import BUILTIN, EncoderSettings
from unreel.settings.model import validated
from unreel.settings.training import TrainingSettings

__all__ = ["Encoder", "build", "build_from", "ready"]


def build(name: str, **changes: Any) -> Encoder:
    """The encoder of that name (Sec. 3.3), freshly initialised from torch's generator.

    `changes` are fields of `EncoderSettings`: width=0.25, norm="batch", input="difference" …

    Raises:
        SettingsError: there is no encoder of that name, or not of that width or with that shortcut.
    """
    return build_from(validated(EncoderSettings, {"name": name, **changes}, "unreel.models.build"))


def build_from(settings: EncoderSettings) -> Encoder:
    """The encoder that settings describe, as `build` gives it.

    Raises:
        SettingsError: there is none, it cannot be imported, or it cannot be built so.
    """
    with torch.device("cpu"):  # or constants of a module that is imported now would lie on the meta device
        kind: type[Encoder] = plugins.load("encoders", settings.name, BUILTIN, Encoder)
    encoder = kind.from_settings(settings)
    encoder.sees_differences = settings.input == "difference"
    return encoder


def ready(settings: EncoderSettings, training: TrainingSettings) -> Encoder:
    """The same, for training as settings say.

    Raises:
        SettingsError: as `build_from`; or the clips are too small for it, it has nothing to learn, or a GPU is to do
            what it cannot.
        MissingExtraError: what fuses layers is not installed.
    """
    encoder = build_from(settings)
    if not any(True for _ in encoder.parameters()):
        raise SettingsError(
            f"{settings.name} has no weights, so there is nothing to learn. Choose another --encoder, or evaluate it "
            "as it is: unreel evaluate retrieval."
        )
    encoder.check(settings.clip_length, settings.size, settings.size)
    if training.fused:
        encoder.fuse(training.accelerator)
    return encoder
