"""The named protocols of nearest-neighbour retrieval (Sec. 4.3): what is shown of a video and what is kept of it.

Numbers of different protocols do not compare. What a run departs in from its protocol becomes part of the name.
"""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

ProtocolName = Literal["gap", "centred", "vcop"]

_SIZE = 112  # the input for which frame sizes are published


@dataclass(frozen=True)
class Protocol:
    """What a protocol does, from frames to a similarity, which is the cosine in all of them.

    clips      how many of each video
    starts     of their first frames, evenly from the first possible to the last: rounded to the nearest, or down
    frame      height and width that frames are given, aspect not kept, for an input of 112 pixels; None: aspect kept,
               the centre square of the frame; of either the centre is shown that is 0.875 of the height
    pooling    of a level: the mean over all positions, or the maximum of 2×2 cells, all positions one after the other
    each_clip  whether the clips' vectors are kept, or only their mean, which is the video's
    centred    whether gallery and queries are each taken less the mean of their own
    """

    name: ProtocolName
    clips: int = 10
    starts: Literal["nearest", "down"] = "nearest"
    frame: tuple[int, int] | None = None
    pooling: Literal["mean", "maximum"] = "mean"
    each_clip: bool = True
    centred: bool = False

    def frame_for(self, size: int) -> tuple[int, int] | None:
        """Height and width of the frames of which the centre of `size` pixels is shown."""
        return self.frame and (round(self.frame[0] * size / _SIZE), round(self.frame[1] * size / _SIZE))

    def pooled(self, maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b k"]:
        """One vector for each clip: k is c, or c·t·⌊h/2⌋·⌊w/2⌋; a map of a single row or column is left as it is."""
        if self.pooling == "mean":
            return maps.mean(dim=(2, 3, 4))
        window = (1, min(2, maps.shape[3]), min(2, maps.shape[4]))
        return functional.max_pool3d(maps, window).flatten(1)

    def called(self, clips: int, drop_last: int) -> str:
        """Its name, and in what it is departed from."""
        changes = [f"{clips} clip{'s' * (clips > 1)}"] if clips != self.clips else []
        changes += [f"last batch of {drop_last} dropped"] if drop_last else []
        return ", ".join([self.name, *changes])


GAP = Protocol("gap")
"""That of RSPNet (Chen et al., AAAI 2021)."""
CENTRED = Protocol("centred", centred=True)
"""That of CoCLR (Han et al., NeurIPS 2020)."""
VCOP = Protocol("vcop", starts="down", frame=(128, 171), pooling="maximum", each_clip=False)
"""That of clip order prediction (Xu et al., CVPR 2019), which the paper follows."""
PROTOCOLS: dict[ProtocolName, Protocol] = {each.name: each for each in (GAP, CENTRED, VCOP)}
