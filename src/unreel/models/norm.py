"""Normalisation of the encoders: instance norm, or batch norm as an option (Sec. 3.3)."""

from typing import Literal, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from unreel.models import triton_norm

Norm = Literal["instance", "batch"]


@final
class InstanceNorm(nn.Module):
    """Instance norm with affine parameters and no running statistics.

    Computed as a group norm with one group per channel: the same numbers as `torch.nn.InstanceNorm3d`, faster on a
    CPU. A map of a single position has no spread to normalise by: there it is the identity up to scale and shift,
    where PyTorch's raises. With `fused` set it is computed by kernels of our own, in the precision of the maps.
    """

    fused = False

    def __init__(self, channels: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.channels, self.epsilon = channels, epsilon
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t h w"]:
        if self._by_kernels(maps):
            return triton_norm.instance_norm(maps, self.weight, self.bias, self.epsilon)
        if maps.shape[2:].numel() == 1:
            shape = (1, -1, 1, 1, 1)
            return maps * self.weight.view(shape).to(maps) + self.bias.view(shape).to(maps)
        return functional.group_norm(maps, self.channels, self.weight, self.bias, self.epsilon)

    def rectified(
        self, maps: Float[Tensor, "b c t h w"], added: Float[Tensor, "b c t h w"] | None = None
    ) -> Float[Tensor, "b c t h w"]:
        """ReLU(norm(maps) + added)."""
        if self._by_kernels(maps):
            return triton_norm.instance_norm(maps, self.weight, self.bias, self.epsilon, added, rectified=True)
        return _rectified(self(maps), added)

    def _by_kernels(self, maps: Float[Tensor, "b c t h w"]) -> bool:
        return self.fused and maps.shape[2:].numel() > 1

    def extra_repr(self) -> str:
        return f"{self.channels}, epsilon={self.epsilon}"


def rectified(
    norm: nn.Module, maps: Float[Tensor, "b c t h w"], added: Float[Tensor, "b c t h w"] | None = None
) -> Float[Tensor, "b c t h w"]:
    """ReLU(norm(maps) + added): what follows a convolution in every encoder."""
    return norm.rectified(maps, added) if isinstance(norm, InstanceNorm) else _rectified(norm(maps), added)


def _rectified(
    normed: Float[Tensor, "b c t h w"], added: Float[Tensor, "b c t h w"] | None
) -> Float[Tensor, "b c t h w"]:
    # In place: nothing keeps what a norm gives.
    return functional.relu_(normed if added is None else normed.add_(added))


def norm_layer(kind: Norm, channels: int) -> nn.Module:
    """The normalisation layer of the given kind."""
    return InstanceNorm(channels) if kind == "instance" else nn.BatchNorm3d(channels)
