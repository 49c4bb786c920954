"""An encoder of one's own: any torch module that takes clips and gives feature maps.

    unreel pretrain videos --out runs/mine --encoder examples/small_encoder.py:SmallEncoder --size 32 --clip-length 8
    unreel embed runs/mine videos --encoder examples/small_encoder.py:SmallEncoder

`channels` names its levels and how many channels each has: HDC contrasts the last three, features are of the last.
"""

from itertools import pairwise

from torch import Tensor, nn

from unreel.models import Encoder
from unreel.types import Pyramid


class SmallEncoder(Encoder):
    """Three convolutions, each of half the size of the one before."""

    minimum = (4, 8, 8)

    def __init__(self) -> None:
        super().__init__()
        self.channels = {"early": 8, "middle": 16, "late": 32}
        widths = [3, *self.channels.values()]
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv3d(one, two, 3, stride=2, padding=1), nn.InstanceNorm3d(two, affine=True), nn.ReLU())
            for one, two in pairwise(widths)
        )

    def levels(self, clips: Tensor) -> Pyramid:
        """Feature maps (b c t h w) by level of clips (b 3 t h w) in [-1, 1]."""
        maps, found = clips, {}
        for name, stage in zip(self.channels, self.stages, strict=True):
            maps = found[name] = self.block(stage, maps)
        return Pyramid(found)

    def blocks(self) -> list[list[nn.Module]]:
        """What --frozen-levels counts: the three stages."""
        return [[stage] for stage in self.stages]
