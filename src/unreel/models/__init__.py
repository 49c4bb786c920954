"""Encoders: clips in, a pyramid of feature maps out.

encoder = unreel.models.build("r3d18", width=0.25)
pyramid = encoder(clips)            # clips (b 3 t h w) in [-1, 1]
pyramid[5]                          # (b c t h w) of block 5
"""

from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from unreel.errors import SettingsError
from unreel.models.norm import Norm
from unreel.models.resnet import ResNet18
from unreel.types import Pyramid

__all__ = ["ENCODERS", "Encoder", "build"]

ENCODERS = {"r3d18": ResNet18}


@runtime_checkable
class Encoder(Protocol):
    """What every encoder offers; `channels` maps level → number of channels."""

    channels: dict[int, int]

    def __call__(self, clips: Float[Tensor, "b 3 t h w"]) -> Pyramid: ...


def build(name: str, *, width: float = 1.0, norm: Norm = "instance") -> ResNet18:
    """The encoder of that name, freshly initialised from torch's generator.

    Raises:
        SettingsError: there is no encoder of that name.
    """
    if name not in ENCODERS:
        raise SettingsError(f"there is no encoder {name!r}; choose one of: {', '.join(ENCODERS)}")
    return ENCODERS[name](width=width, norm=norm)
