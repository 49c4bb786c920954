"""C3D as the paper uses it: Tran et al.'s convolutions, an instance norm after each (Sec. 3.3)."""

from typing import final

from jaxtyping import Float
from torch import Tensor, nn

from unreel.models.convolution import Convolution
from unreel.models.encoder import NumberedEncoder, initialise, scaled
from unreel.models.norm import Norm, norm_layer, rectified
from unreel.models.pooling import MaxPool
from unreel.types import Pyramid


@final
class C3D(NumberedEncoder):
    """C3D of Tran et al. (ICCV 2015) without its fully connected layers: 27,661,440 parameters.

    Eight 3×3×3 convolutions with bias, each followed by norm and ReLU; a level is what the last convolution of its
    block gives, before the pool.

    block           1              2             3            4            5
    channels        64             128           256, 256     512, 512     512, 512
    max pool        (1, 2, 2)      2             2            2            none
    at 16×112×112   64×16×112²     128×16×56²    256×8×28²    512×4×14²    512×2×7²

    `width` scales the channels.
    """

    minimum = (8, 16, 16)  # pools round down: three halve the frames, four the height and width

    def __init__(self, width: float = 1.0, norm: Norm = "instance") -> None:
        super().__init__()
        planes = [scaled(channels, width) for channels in (64, 128, 256, 512)]
        self.channels = {3: planes[2], 4: planes[3], 5: planes[3]}
        self.block1 = _Convolution(3, planes[0], norm)
        self.block2 = _Convolution(planes[0], planes[1], norm)
        self.block3 = _pair(planes[1], planes[2], norm)
        self.block4 = _pair(planes[2], planes[3], norm)
        self.block5 = _pair(planes[3], planes[3], norm)
        self.pool1, self.pool = MaxPool((1, 2, 2)), MaxPool((2, 2, 2))
        initialise(self)

    def levels(self, clips: Float[Tensor, "b 3 t h w"]) -> Pyramid:
        maps = self.pool1(self.block(self.block1, clips))
        level3 = self.block(self.block3, self.pool(self.block(self.block2, maps)))
        level4 = self.block(self.block4, self.pool(level3))
        return Pyramid({3: level3, 4: level4, 5: self.block(self.block5, self.pool(level4))})


@final
class _Convolution(nn.Sequential):
    """3×3×3 convolution, norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int, norm: Norm) -> None:
        super().__init__(Convolution(channels_in, channels_out, 3, padding=1), norm_layer(norm, channels_out))

    def forward(self, maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t h w"]:
        convolution, norm = self
        return rectified(norm, convolution(maps))


def _pair(channels_in: int, channels_out: int, norm: Norm) -> nn.Sequential:
    first = _Convolution(channels_in, channels_out, norm)
    return nn.Sequential(first, _Convolution(channels_out, channels_out, norm))
