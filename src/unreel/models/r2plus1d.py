"""R(2+1)D-10 as the paper uses it: Tran et al.'s factored convolutions, instance norm for batch norm (Sec. 3.3)."""

from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from unreel.models.convolution import Convolution
from unreel.models.encoder import NumberedEncoder, initialise, scaled
from unreel.models.norm import Norm, norm_layer, rectified
from unreel.models.residual import ResidualBlock
from unreel.types import Pyramid


@final
class R2Plus1D10(NumberedEncoder):
    """R(2+1)D of Tran et al. (CVPR 2018) with ten layers, as Xu et al. (CVPR 2019) cut it: 14,365,303 parameters.

    block           1                          2            3            4            5
    layers          3×7×7, stride (1, 2, 2)    residual     residual     residual     residual
    at 16×112×112   64×16×56²                  64×16×56²    128×8×28²    256×4×14²    512×2×7²

    Every convolution is a factored one, those of the shortcuts (1×1×1) too. There is no pool: blocks 3, 4 and 5
    have stride 2. `width` scales the channels.
    """

    minimum = (1, 1, 1)  # strides round sizes up

    def __init__(self, width: float = 1.0, norm: Norm = "instance") -> None:
        super().__init__()
        planes = [scaled(channels, width) for channels in (64, 128, 256, 512)]
        self.channels = {level: planes[level - 2] for level in (3, 4, 5)}
        self.stem = FactoredConvolution(3, planes[0], (3, 7), (1, 2), norm)
        self.norm = norm_layer(norm, planes[0])
        self.block2 = _block(planes[0], planes[0], 1, norm)
        self.block3 = _block(planes[0], planes[1], 2, norm)
        self.block4 = _block(planes[1], planes[2], 2, norm)
        self.block5 = _block(planes[2], planes[3], 2, norm)
        initialise(self)

    def levels(self, clips: Float[Tensor, "b 3 t h w"]) -> Pyramid:
        maps = self.block(self.block2, self.block(self._block1, clips))
        level3 = self.block(self.block3, maps)
        level4 = self.block(self.block4, level3)
        return Pyramid({3: level3, 4: level4, 5: self.block(self.block5, level4)})

    def _block1(self, clips: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b c t h2 w2"]:
        return rectified(self.norm, self.stem(clips))


@final
class FactoredConvolution(nn.Module):
    """A t×d×d convolution in two: spatial 1×d×d, norm, ReLU, temporal t×1×1 (Tran et al. 2018, Sec. 3.5).

    `kernel` is (t, d), `stride` that of time and that of space.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: tuple[int, int], stride: tuple[int, int], norm: Norm
    ) -> None:
        super().__init__()
        (t, d), (step_t, step_d) = kernel, stride
        middle = middle_channels(channels_in, channels_out, t, d)
        space, time = (0, d // 2, d // 2), (t // 2, 0, 0)
        self.spatial = Convolution(channels_in, middle, (1, d, d), (1, step_d, step_d), space, bias=False)
        self.norm = norm_layer(norm, middle)
        self.temporal = Convolution(middle, channels_out, (t, 1, 1), (step_t, 1, 1), time, bias=False)

    def forward(self, maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t2 h2 w2"]:
        out: Tensor = self.temporal(rectified(self.norm, self.spatial(maps)))
        return out


def middle_channels(channels_in: int, channels_out: int, t: int, d: int) -> int:
    """Channels between the two halves: the most with no more weights than the t×d×d convolution, one at the least."""
    return max(1, t * d * d * channels_in * channels_out // (d * d * channels_in + t * channels_out))


def _block(channels_in: int, channels_out: int, stride: int, norm: Norm) -> ResidualBlock:
    conv1 = FactoredConvolution(channels_in, channels_out, (3, 3), (stride, stride), norm)
    conv2 = FactoredConvolution(channels_out, channels_out, (3, 3), (1, 1), norm)
    shortcut: nn.Module = nn.Identity()
    if stride != 1 or channels_in != channels_out:
        projection = FactoredConvolution(channels_in, channels_out, (1, 1), (stride, stride), norm)
        shortcut = nn.Sequential(projection, norm_layer(norm, channels_out))
    return ResidualBlock(conv1, conv2, shortcut, channels_out, norm)
