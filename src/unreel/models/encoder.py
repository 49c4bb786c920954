"""What every encoder is, and what all of them do alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unreel.engine.device import nvidia
from unreel.errors import SettingsError
from unreel.models.norm import InstanceNorm
from unreel.models.triton_norm import kernels
from unreel.types import Pyramid


class Encoder(nn.Module, ABC):
    """Clips in, feature maps of levels 3, 4 and 5 out; `channels` maps level → number of channels.

    A concrete encoder gives `levels` and `minimum`: the frames, height and width below which a level would be empty.
    With `recomputing` set, what is inside a block is computed again in the backward pass instead of being kept: less
    memory, the same values and gradients. With `sees_differences` it is given clips and encodes their `differences`.
    With `fused`, see `fuse`.
    """

    minimum: ClassVar[tuple[int, int, int]]
    channels: dict[int, int]
    recomputing = False
    sees_differences = False
    fused = False

    @abstractmethod
    def levels(self, clips: Float[Tensor, "b 3 t h w"]) -> Pyramid:
        """The feature maps of clips that are not below the minimum."""

    @classmethod
    def check(cls, frames: int, height: int, width: int) -> None:
        """Nothing, if clips of that many frames and pixels can be encoded.

        Raises:
            SettingsError: a level would be empty.
        """
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
        seen = differences(clips) if self.sees_differences else clips
        return self.levels(seen.contiguous(memory_format=torch.channels_last_3d) if self.fused else seen)

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
