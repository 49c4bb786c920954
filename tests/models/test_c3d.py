"""C3D against the same network written out with torch's functions."""

from collections.abc import Mapping

import by_hand
import torch
from torch import Tensor
from torch.nn import functional

from unreel import models


def c3d_by_hand(weights: Mapping[str, Tensor], clips: Tensor) -> dict[int, Tensor]:
    def convolution(maps: Tensor, path: str) -> Tensor:
        maps = functional.conv3d(maps, weights[f"{path}.0.weight"], weights[f"{path}.0.bias"], padding=1)
        scale, shift = weights[f"{path}.1.weight"], weights[f"{path}.1.bias"]
        return functional.relu(functional.instance_norm(maps, weight=scale, bias=shift))

    first = functional.max_pool3d(convolution(clips, "block1"), (1, 2, 2))
    second = functional.max_pool3d(convolution(first, "block2"), (2, 2, 2))
    third = convolution(convolution(second, "block3.0"), "block3.1")
    fourth = convolution(convolution(functional.max_pool3d(third, (2, 2, 2)), "block4.0"), "block4.1")
    fifth = convolution(convolution(functional.max_pool3d(fourth, (2, 2, 2)), "block5.0"), "block5.1")
    return {3: third, 4: fourth, 5: fifth}


def test_against_the_network_by_hand() -> None:
    torch.manual_seed(0)
    by_hand.check(models.build("c3d", width=0.0625), c3d_by_hand)
