"""Max pool against torch's, values and gradients to the last digit, ties included."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from unreel.models.pooling import CLIPS_AT_ONCE, MaxPool

PLACES = [((3, 3, 3), (2, 2, 2), 1), ((1, 2, 2), None, 0), ((2, 2, 2), None, 0)]


@settings(max_examples=30)
@given(
    clips=st.integers(1, 2 * CLIPS_AT_ONCE + 1),
    channels=st.integers(7, 18),
    sizes=st.tuples(st.integers(2, 5), st.integers(2, 7), st.integers(2, 7)),
    place=st.sampled_from(PLACES),
    kinds=st.sampled_from([3, 10_000]),  # few different values: many are equal
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=st.integers(0, 99),
)
def test_is_torch_s_own_and_so_is_what_gets_the_gradient(
    clips: int,
    channels: int,
    sizes: tuple[int, int, int],
    place: tuple[tuple[int, int, int], tuple[int, int, int] | None, int],
    kinds: int,
    dtype: torch.dtype,
    seed: int,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    maps = (torch.randint(kinds, (clips, channels, *sizes), generator=generator) - kinds // 2).to(dtype)
    results: list[list[Tensor]] = []
    for pool in (MaxPool(*place), nn.MaxPool3d(place[0], place[1], place[2])):
        given_maps = maps.clone().requires_grad_()
        pooled = pool(given_maps)
        upstream = torch.arange(1.0, 1 + pooled.numel()).view(pooled.shape).to(dtype)
        results.append([pooled, *torch.autograd.grad(pooled, given_maps, upstream)])
    for got, expected in zip(*results, strict=True):
        assert torch.equal(got, expected)
        assert got.is_contiguous()


@pytest.mark.parametrize("channels", [4, 16])
def test_nothing_is_kept_where_nothing_is_learnt(channels: int) -> None:
    pooled = MaxPool((2, 2, 2))(torch.zeros(2, channels, 2, 4, 4))
    assert pooled.shape == (2, channels, 1, 2, 2)
    assert not pooled.requires_grad
