"""3D-ResNet18 as the paper uses it: Hara et al.'s network, instance norm in the place of batch norm (Sec. 3.3)."""

from typing import final

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from unreel.models.norm import Norm, norm_layer
from unreel.types import Pyramid


@final
class BasicBlock(nn.Module):
    """Two 3×3×3 convolutions and a shortcut; type B: a 1×1×1 convolution where the shape changes."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.norm1 = norm_layer(norm, channels_out)
        self.conv2 = nn.Conv3d(channels_out, channels_out, 3, padding=1, bias=False)
        self.norm2 = norm_layer(norm, channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            projection = nn.Conv3d(channels_in, channels_out, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, norm_layer(norm, channels_out))

    def forward(self, maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t2 h2 w2"]:
        hidden = functional.relu(self.norm1(self.conv1(maps)))
        return functional.relu(self.norm2(self.conv2(hidden)) + self.shortcut(maps))


@final
class ResNet18(nn.Module):
    """Stem 7×7×7 of stride (1, 2, 2), max pool 3 of stride 2, then blocks 2–5 of two BasicBlocks each.

    At 16×112×112 and width 1 the levels are 128×4×14², 256×2×7² and 512×1×4² (levels 3, 4, 5). `width` scales the
    channels: 64, 128, 256, 512 times `width`.
    """

    def __init__(self, width: float = 1.0, norm: Norm = "instance") -> None:
        super().__init__()
        planes = [max(1, round(width * channels)) for channels in (64, 128, 256, 512)]
        self.channels = {level: planes[level - 2] for level in (3, 4, 5)}
        self.stem = nn.Conv3d(3, planes[0], 7, stride=(1, 2, 2), padding=3, bias=False)
        self.norm = norm_layer(norm, planes[0])
        self.pool = nn.MaxPool3d(3, stride=2, padding=1)
        self.block2 = _stage(planes[0], planes[0], 1, norm)
        self.block3 = _stage(planes[0], planes[1], 2, norm)
        self.block4 = _stage(planes[1], planes[2], 2, norm)
        self.block5 = _stage(planes[2], planes[3], 2, norm)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, clips: Float[Tensor, "b 3 t h w"]) -> Pyramid:
        maps = self.block2(self.pool(functional.relu(self.norm(self.stem(clips)))))
        level3 = self.block3(maps)
        level4 = self.block4(level3)
        return Pyramid({3: level3, 4: level4, 5: self.block5(level4)})


def _stage(channels_in: int, channels_out: int, stride: int, norm: Norm) -> nn.Sequential:
    first = BasicBlock(channels_in, channels_out, stride, norm)
    return nn.Sequential(first, BasicBlock(channels_out, channels_out, 1, norm))
