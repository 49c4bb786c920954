"""R(2+1)D-10 against the same network written out with torch's functions, and the channels between the halves."""

from collections.abc import Mapping

import by_hand
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from unreel import models
from unreel.models.r2plus1d import FactoredConvolution, middle_channels


def r2plus1d_by_hand(weights: Mapping[str, Tensor], clips: Tensor) -> dict[int, Tensor]:
    def norm(maps: Tensor, path: str) -> Tensor:
        return functional.instance_norm(maps, weight=weights[f"{path}.weight"], bias=weights[f"{path}.bias"])

    def factored(maps: Tensor, path: str, stride: tuple[int, int], padding: tuple[int, int]) -> Tensor:
        (step_t, step_d), (pad_t, pad_d) = stride, padding
        spatial, temporal = weights[f"{path}.spatial.weight"], weights[f"{path}.temporal.weight"]
        maps = functional.conv3d(maps, spatial, stride=(1, step_d, step_d), padding=(0, pad_d, pad_d))
        maps = functional.relu(norm(maps, f"{path}.norm"))
        return functional.conv3d(maps, temporal, stride=(step_t, 1, 1), padding=(pad_t, 0, 0))

    maps = functional.relu(norm(factored(clips, "stem", (1, 2), (1, 3)), "norm"))
    levels = {}
    for level in (2, 3, 4, 5):
        path, stride = f"block{level}", 1 if level == 2 else 2
        hidden = functional.relu(norm(factored(maps, f"{path}.conv1", (stride, stride), (1, 1)), f"{path}.norm1"))
        hidden = norm(factored(hidden, f"{path}.conv2", (1, 1), (1, 1)), f"{path}.norm2")
        if stride == 2:
            maps = norm(factored(maps, f"{path}.shortcut.0", (2, 2), (0, 0)), f"{path}.shortcut.1")
        levels[level] = maps = functional.relu(hidden + maps)
    return levels


def test_against_the_network_by_hand() -> None:
    torch.manual_seed(0)
    by_hand.check(models.build("r2plus1d10", width=0.0625), r2plus1d_by_hand)


def test_middle_channels_of_the_specification() -> None:
    with torch.device("meta"):
        encoder = models.build("r2plus1d10")
    middles = [each.spatial.out_channels for each in encoder.modules() if isinstance(each, FactoredConvolution)]
    blocks = [144, 144], [230, 288, 42], [460, 576, 85], [921, 1152, 170]
    assert middles == [83, *(middle for block in blocks for middle in block)]


@given(
    channels_in=st.integers(1, 600),
    channels_out=st.integers(1, 600),
    t=st.sampled_from([1, 3]),
    d=st.sampled_from([1, 3, 7]),
)
def test_the_halves_hold_as_many_weights_as_the_whole(channels_in: int, channels_out: int, t: int, d: int) -> None:
    def halves(middle: int) -> int:
        spatial = nn.Conv3d(channels_in, middle, (1, d, d), bias=False, device="meta")
        temporal = nn.Conv3d(middle, channels_out, (t, 1, 1), bias=False, device="meta")
        return spatial.weight.numel() + temporal.weight.numel()

    whole = nn.Conv3d(channels_in, channels_out, (t, d, d), bias=False, device="meta").weight.numel()
    middle = middle_channels(channels_in, channels_out, t, d)
    assert halves(middle) <= whole or middle == 1
    assert halves(middle + 1) > whole
