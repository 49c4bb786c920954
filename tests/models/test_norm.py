"""Instance norm against PyTorch's own."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from unreel.models.norm import InstanceNorm, norm_layer


@given(b=st.integers(1, 3), c=st.integers(1, 5), t=st.integers(1, 3), side=st.integers(2, 5), seed=st.integers(0, 9))
def test_equals_torch(b: int, c: int, t: int, side: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps = 3 + 2 * torch.randn(b, c, t, side, side, generator=generator)
    ours, theirs = InstanceNorm(c), nn.InstanceNorm3d(c, affine=True)
    ours.weight.data = theirs.weight.data = torch.randn(c, generator=generator)
    ours.bias.data = theirs.bias.data = torch.randn(c, generator=generator)
    torch.testing.assert_close(ours(maps), theirs(maps), atol=1e-4, rtol=1e-4)


def test_one_position_passes_through() -> None:
    maps = torch.randn(2, 3, 1, 1, 1)
    torch.testing.assert_close(InstanceNorm(3)(maps), maps)


def test_batch_norm_is_an_option() -> None:
    assert isinstance(norm_layer("batch", 4), nn.BatchNorm3d)
