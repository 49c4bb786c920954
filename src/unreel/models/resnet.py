"""3D-ResNet18 as the paper uses it: Hara et al.'s network, instance norm in the place of batch norm (Sec. 3.3)."""

from typing import final

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from unreel.models.convolution import Convolution
from unreel.models.encoder import NumberedEncoder, initialise, scaled
from unreel.models.norm import Norm, norm_layer
from unreel.models.pooling import MaxPool
from unreel.models.residual import ResidualBlock
from unreel.settings.encoder import EncoderSettings, Shortcut
from unreel.types import Pyramid


@final
class ResNet18(NumberedEncoder):
    """3D-ResNet18 of Hara et al. (CVPR 2018): 33,203,904 parameters, or 33,030,080 with shortcut A.

    block           1                           2              3            4            5
    layers          7×7×7, stride (1, 2, 2)     two blocks     two blocks   two blocks   two blocks
    at 16×112×112   64×16×56², pooled 64×8×28²  64×8×28²       128×4×14²    256×2×7²     512×1×4²

    Where the shape changes the shortcut is a 1×1×1 convolution (B), or subsampling and zero channels (A, as in the
    published weights of 2018). `width` scales the channels.
    """

    minimum = (1, 1, 1)  # strides round sizes up

    def __init__(self, width: float = 1.0, norm: Norm = "instance", shortcut: Shortcut = "B") -> None:
        super().__init__()
        planes = [scaled(channels, width) for channels in (64, 128, 256, 512)]
        self.channels = {level: planes[level - 2] for level in (3, 4, 5)}
        self.stem = Convolution(3, planes[0], 7, stride=(1, 2, 2), padding=3, bias=False)
        self.norm = norm_layer(norm, planes[0])
        self.pool = MaxPool((3, 3, 3), (2, 2, 2), padding=1)
        self.block2 = _stage(planes[0], planes[0], 1, norm, shortcut)
        self.block3 = _stage(planes[0], planes[1], 2, norm, shortcut)
        self.block4 = _stage(planes[1], planes[2], 2, norm, shortcut)
        self.block5 = _stage(planes[2], planes[3], 2, norm, shortcut)
        initialise(self)

    @classmethod
    def from_settings(cls, settings: EncoderSettings) -> "ResNet18":
        """A new one of that width, norm and shortcut."""
        return cls(settings.width, settings.norm, settings.shortcut)

    def levels(self, clips: Float[Tensor, "b 3 t h w"]) -> Pyramid:
        maps = self.block(self.block2, self.block(self._block1, clips))
        level3 = self.block(self.block3, maps)
        level4 = self.block(self.block4, level3)
        return Pyramid({3: level3, 4: level4, 5: self.block(self.block5, level4)})

    def _block1(self, clips: Float[Tensor, "b 3 t h w"]) -> Float[Tensor, "b c t2 h2 w2"]:
        # The maximum first: the same numbers, and an eighth of them for ReLU.
        return functional.relu_(self.pool(self.norm(self.stem(clips))))


@final
class ZeroPaddedShortcut(nn.Module):
    """Shortcut A: every `stride`-th position of every axis, and zeros in the channels that are new."""

    def __init__(self, stride: int, new_channels: int) -> None:
        super().__init__()
        self.stride, self.new_channels = stride, new_channels

    def forward(self, maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t2 h2 w2"]:
        kept = maps[:, :, :: self.stride, :: self.stride, :: self.stride]
        return functional.pad(kept, (0, 0, 0, 0, 0, 0, 0, self.new_channels))

    def extra_repr(self) -> str:
        return f"stride={self.stride}, new_channels={self.new_channels}"


def _stage(channels_in: int, channels_out: int, stride: int, norm: Norm, shortcut: Shortcut) -> nn.Sequential:
    first = _block(channels_in, channels_out, stride, norm, shortcut)
    return nn.Sequential(first, _block(channels_out, channels_out, 1, norm, shortcut))


def _block(channels_in: int, channels_out: int, stride: int, norm: Norm, shortcut: Shortcut) -> ResidualBlock:
    conv1 = Convolution(channels_in, channels_out, 3, stride, padding=1, bias=False)
    conv2 = Convolution(channels_out, channels_out, 3, padding=1, bias=False)
    around: nn.Module
    if stride == 1 and channels_in == channels_out:
        around = nn.Identity()
    elif shortcut == "A":
        around = ZeroPaddedShortcut(stride, channels_out - channels_in)
    else:
        projection = Convolution(channels_in, channels_out, 1, stride, bias=False)
        around = nn.Sequential(projection, norm_layer(norm, channels_out))
    return ResidualBlock(conv1, conv2, around, channels_out, norm)
