"""Encoders: clips in, a pyramid of feature maps out.

encoder = unreel.models.build("r3d18", width=0.25)
pyramid = encoder(clips)            # clips (b 3 t h w) in [-1, 1]
pyramid[5]                          # (b c t h w) of block 5
"""

from math import inf

from unreel.errors import SettingsError
from unreel.models.c3d import C3D
from unreel.models.encoder import Encoder
from unreel.models.norm import Norm
from unreel.models.r2plus1d import R2Plus1D10
from unreel.models.resnet import ResNet18
from unreel.settings.pretraining import EncoderSettings, Input, Shortcut

__all__ = ["ENCODERS", "Encoder", "build", "build_from"]

ENCODERS: dict[str, type[Encoder]] = {"c3d": C3D, "r3d18": ResNet18, "r2plus1d10": R2Plus1D10}


def build(
    name: str, *, width: float = 1.0, norm: Norm = "instance", shortcut: Shortcut = "B", input: Input = "rgb"
) -> Encoder:
    """The encoder of that name (Sec. 3.3), freshly initialised from torch's generator.

    Raises:
        SettingsError: there is no encoder of that name, or not of that width or with that shortcut.
    """
    if name not in ENCODERS:
        raise SettingsError(f"there is no encoder {name!r}; choose one of: {', '.join(ENCODERS)}")
    if not 0 < width < inf:
        raise SettingsError(f"width {width} is no factor on the channels; choose a positive number, such as 1 or 0.25")
    if name != "r3d18" and shortcut != "B":
        raise SettingsError(f"shortcut {shortcut!r} is for r3d18 only, {name} has none of that kind; choose 'B'")
    encoder = ResNet18(width, norm, shortcut) if name == "r3d18" else ENCODERS[name](width, norm)
    encoder.sees_differences = input == "difference"
    return encoder


def build_from(settings: EncoderSettings) -> Encoder:
    """The encoder that settings describe, as `build` gives it."""
    chosen = settings.model_dump(include={"width", "norm", "shortcut", "input"})
    return build(settings.name, **chosen)
