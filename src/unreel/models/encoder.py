"""What every encoder is, and what all of them do alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unreel.engine.device import nvidia
from unreel.errors import SettingsError
from unreel.models.norm import InstanceNorm
from unreel.models.triton_norm import kernels
from unreel.settings.encoder import EncoderSettings
from unreel.types import Level, Pyramid


class Encoder(nn.Module, ABC):
    """Clips in, feature maps of its levels out; `channels` maps level → number of channels, the last one being `top`.

    A concrete encoder gives `levels` and `minimum`: the frames, height and width below which a level would be empty,
    and if it is deep `blocks`; `mean` and `spread` are those of the RGB values, 0 to 1, that it was made for.
    With `recomputing` set, what is inside a block is computed again in the backward pass instead of being kept: less
    memory, the same values and gradients. With `sees_differences` it is given clips and encodes their `differences`.
    With `fused`, see `fuse`.
    """

    minimum: ClassVar[tuple[int, int, int]] = (1, 1, 1)
    mean: ClassVar[tuple[float, float, float]] = (0.5, 0.5, 0.5)
    spread: ClassVar[tuple[float, float, float]] = (0.5, 0.5, 0.5)
    channels: Mapping[Level, int]
    recomputing = False
    sees_differences = False
    fused = False

    @abstractmethod
    def levels(self, clips: Float[Tensor, "b 3 t h w"]) -> Pyramid:
        """The feature maps of clips that are not below the minimum."""

    @classmethod
    def from_settings(cls, settings: EncoderSettings) -> "Encoder":
        """A new one; what does not know the settings of unreel's own encoders is built as it is.

        Raises:
            SettingsError: one of these is given.
        """
        plain = EncoderSettings()
        for name in ("width", "norm", "shortcut"):
            if getattr(settings, name) != getattr(plain, name):
                raise SettingsError(f"{name} is for unreel's own encoders, {cls.__name__} has none. Leave {name} away.")
        return cls()

    @property
    def top(self) -> Level:
        """The last level: what features are taken from by default."""
        return tuple(self.channels)[-1]

    def blocks(self) -> Sequence[Sequence[nn.Module]]:
        """Its parts from the input to the output, which can be frozen one after the other; by default one."""
        return [list(self.children())]

    @classmethod
    def check(cls, frames: int, height: int, width: int) -> None:
        """Raise SettingsError if clips of that many frames and pixels cannot be encoded, as a level would be empty."""
        if any(got < least for got, least in zip((frames, height, width), cls.minimum, strict=True)):
            least_frames, least_height, least_width = cls.minimum
            raise SettingsError(
                f"{cls.__name__} cannot encode clips of {frames} frames of {height}×{width} pixels: it needs at least "
                f"{least_frames} frames of {least_height}×{least_width}. Take longer clips or larger frames, "
                "or another encoder."
            )

    def forward(self, clips: Float[Tensor, "b 3 t h w"]) -> Pyramid:
        """The pyramid of a batch of clips in [-1, 1].

        Raises:
            SettingsError: a level would be empty.
        """
        self.check(*clips.shape[2:])
        seen = differences(clips) if self.sees_differences else self._scaled(clips)
        return self.levels(seen.contiguous(memory_format=torch.channels_last_3d) if self.fused else seen)

    def _scaled(self, clips: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b 3 t h w"]:
        """From [-1, 1] to the values that the encoder was made for."""
        if self.mean == self.spread == (0.5, 0.5, 0.5):
            return clips
        mean, spread = (torch.tensor(each, device=clips.device).view(3, 1, 1, 1) for each in (self.mean, self.spread))
        return (clips / 2 + 0.5 - mean) / spread

    def fuse(self, accelerator: str) -> None:
        """Keep channels innermost (channels_last_3d), and have kernels of our own do norm, sum and ReLU: for GPUs.

        Under mixed precision these give maps in the lower one, where torch's norm gives float32.

        Raises:
            SettingsError: the accelerator is none of NVIDIA's.
            MissingExtraError: Triton is not installed.
        """
        if not nvidia(accelerator):
            raise SettingsError(
                f"fused is for NVIDIA GPUs, but accelerator is {accelerator!r} and chooses none. Leave fused away."
            )
        kernels()
        self.fused = True
        self.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        for module in self.modules():
            if isinstance(module, InstanceNorm):
                module.fused = True

    def block(self, block: Callable[[Tensor], Tensor], maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b ..."]:
        """What a block makes of the maps."""
        if not self.recomputing:
            return block(maps)
        recomputed: Tensor = checkpoint(block, maps, use_reentrant=False)
        return recomputed

    if TYPE_CHECKING:  # the call is nn.Module's own, which says nothing of what it takes and gives

        def __call__(self, clips: Float[Tensor, "b 3 t h w"]) -> Pyramid: ...


def differences(clips: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b 3 t h w"]:
    """Of each frame the difference to the next, the last one twice: residual frames (Tao et al., arXiv 2001.05661).

    What does not move is 0. Clips of one frame give 0.
    """
    if clips.shape[2] == 1:
        return torch.zeros_like(clips)
    moved = clips.diff(dim=2)
    return torch.cat([moved, moved[:, :, -1:]], dim=2)


class NumberedEncoder(Encoder):
    """Block 1 is the stem, blocks 2 to 5 are called so: what the paper's encoders have in common."""

    def blocks(self) -> Sequence[Sequence[nn.Module]]:
        """The stem, and blocks 2 to 5."""
        named = dict(self.named_children())
        later = [named.pop(f"block{number}") for number in range(2, 6)]
        return [list(named.values()), *([each] for each in later)]

    @classmethod
    def from_settings(cls, settings: EncoderSettings) -> Encoder:
        """A new one of that width and norm.

        Raises:
            SettingsError: a shortcut is chosen that it does not have.
        """
        if settings.shortcut != "B":
            raise SettingsError(
                f"shortcut {settings.shortcut!r} is for r3d18 only, {settings.name} has none of that kind; choose 'B'"
            )
        return cls(settings.width, settings.norm)


def scaled(channels: int, width: float) -> int:
    """That many channels times `width`, rounded, one at the least."""
    return max(1, round(width * channels))


def initialise(encoder: Encoder) -> None:
    """Draw every convolution's weights as He et al. (ICCV 2015, fan out) do, and set its biases to zero."""
    for module in encoder.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
