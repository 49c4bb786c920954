"""The residual block of 3D-ResNet18 and R(2+1)D-10."""

from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from unreel.models.norm import Norm, norm_layer, rectified


@final
class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut around them: the basic block of He et al. (CVPR 2016).

    maps ──▶ conv1 ─▶ norm1 ─▶ ReLU ─▶ conv2 ─▶ norm2 ──▶ + ─▶ ReLU
      └──────────────────── shortcut ───────────────────▶ ┘

    What the convolutions and the shortcut are is the network's to say; `channels` is what both convolutions give.
    """

    def __init__(self, conv1: nn.Module, conv2: nn.Module, shortcut: nn.Module, channels: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = conv1
        self.norm1 = norm_layer(norm, channels)
        self.conv2 = conv2
        self.norm2 = norm_layer(norm, channels)
        self.shortcut = shortcut

    def forward(self, maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t2 h2 w2"]:
        hidden = rectified(self.norm1, self.conv1(maps))
        return rectified(self.norm2, self.conv2(hidden), self.shortcut(maps))
