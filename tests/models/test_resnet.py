"""3D-ResNet18 against the same network written out with torch's functions, and shortcut A against a slow loop."""

from collections.abc import Mapping
from itertools import product

import by_hand
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from unreel import models
from unreel.models.resnet import ZeroPaddedShortcut
from unreel.settings.encoder import Shortcut


def r3d18_by_hand(weights: Mapping[str, Tensor], clips: Tensor, shortcut: Shortcut) -> dict[int, Tensor]:
    def norm(maps: Tensor, path: str) -> Tensor:
        return functional.instance_norm(maps, weight=weights[f"{path}.weight"], bias=weights[f"{path}.bias"])

    def convolution(maps: Tensor, path: str, stride: int) -> Tensor:
        return functional.conv3d(maps, weights[f"{path}.weight"], stride=stride, padding=1)

    maps = functional.conv3d(clips, weights["stem.weight"], stride=(1, 2, 2), padding=3)
    maps = functional.max_pool3d(functional.relu(norm(maps, "norm")), 3, stride=2, padding=1)
    levels = {}
    for level, number in product((2, 3, 4, 5), (0, 1)):
        path = f"block{level}.{number}"
        stride = 2 if level > 2 and number == 0 else 1
        hidden = functional.relu(norm(convolution(maps, f"{path}.conv1", stride), f"{path}.norm1"))
        hidden = norm(convolution(hidden, f"{path}.conv2", 1), f"{path}.norm2")
        if stride == 2 and shortcut == "B":
            projected = functional.conv3d(maps, weights[f"{path}.shortcut.0.weight"], stride=2)
            maps = norm(projected, f"{path}.shortcut.1")
        elif stride == 2:
            maps = shortcut_a_by_hand(maps, 2, hidden.shape[1])
        levels[level] = maps = functional.relu(hidden + maps)
    return levels


def shortcut_a_by_hand(maps: Tensor, stride: int, channels_out: int) -> Tensor:
    """Hara et al.: an average pool of a single position with that stride, then channels of zeros."""
    b, c, *sizes = maps.shape
    steps = [range(0, size, stride) for size in sizes]
    out = maps.new_zeros(b, channels_out, *(len(each) for each in steps))
    for channel in range(c):
        for t, h, w in product(*steps):
            out[:, channel, t // stride, h // stride, w // stride] = maps[:, channel, t, h, w]
    return out


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_against_the_network_by_hand(shortcut: Shortcut) -> None:
    torch.manual_seed(0)
    encoder = models.build("r3d18", width=0.0625, shortcut=shortcut)
    by_hand.check(encoder, lambda weights, clips: r3d18_by_hand(weights, clips, shortcut))


@given(
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
    c=st.integers(1, 3),
    new=st.integers(0, 3),
    stride=st.integers(1, 3),
)
def test_shortcut_a(sizes: tuple[int, int, int], c: int, new: int, stride: int) -> None:
    maps = torch.arange(2.0 * c * sizes[0] * sizes[1] * sizes[2]).view(2, c, *sizes) + 1
    shortcut = ZeroPaddedShortcut(stride, new)
    torch.testing.assert_close(shortcut(maps), shortcut_a_by_hand(maps, stride, c + new), atol=0, rtol=0)
    assert not list(shortcut.parameters())
