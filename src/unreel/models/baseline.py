"""Encoders that learn nothing: rows that what was learnt is held against."""

from abc import abstractmethod
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from unreel.errors import SettingsError
from unreel.models.encoder import Encoder
from unreel.settings.encoder import EncoderSettings
from unreel.types import Pyramid

LEVEL = "clip"


class Baseline(Encoder):
    """A vector of `numbers` for each clip, without parameters.

    It has one level, whose map has a single position: every pooling leaves the vector as it is.
    """

    numbers: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.channels = {LEVEL: self.numbers}

    @classmethod
    def from_settings(cls, settings: EncoderSettings) -> Encoder:
        """A new one.

        Raises:
            SettingsError: it is to be shown something else than frames, or has none of what is given.
        """
        if settings.input != "rgb":
            raise SettingsError(
                f"input is {settings.input!r}, but {settings.name} is made for frames as they are. Leave input away."
            )
        return super().from_settings(settings)

    @abstractmethod
    def vectors(self, clips: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b c"]:
        """The vectors of clips in [-1, 1] that are not below the minimum."""

    def levels(self, clips: Float[Tensor, "b 3 t h w"]) -> Pyramid:
        return Pyramid({LEVEL: self.vectors(clips.float())[:, :, None, None, None]})
