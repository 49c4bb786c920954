"""The residual block: which part sees what."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from unreel.models.residual import ResidualBlock


@given(seed=st.integers(0, 99))
def test_equals_its_formula(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    conv1, conv2, shortcut = nn.Conv3d(2, 4, 3, padding=1), nn.Conv3d(4, 4, 1), nn.Conv3d(2, 4, 1)
    block = ResidualBlock(conv1, conv2, shortcut, 4, "instance").requires_grad_(False)
    for parameter in block.parameters():
        parameter.normal_(generator=generator)
    maps = torch.randn(2, 2, 3, 4, 5, generator=generator)
    norms = block.state_dict()
    hidden = functional.instance_norm(conv1(maps), weight=norms["norm1.weight"], bias=norms["norm1.bias"]).clamp(min=0)
    hidden = functional.instance_norm(conv2(hidden), weight=norms["norm2.weight"], bias=norms["norm2.bias"])
    torch.testing.assert_close(block(maps), (hidden + shortcut(maps)).clamp(min=0), atol=1e-4, rtol=1e-4)
