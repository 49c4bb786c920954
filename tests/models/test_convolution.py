"""Gradients on a CPU against torch's own in float64, on shapes where oneDNN's in lower precisions are wrong."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from unreel.models.convolution import Convolution


def _check(layer: Convolution, maps: Tensor, mixed: bool) -> None:
    """The maps that come out and all gradients, each of their frames by itself."""
    weights = [each.detach().double().requires_grad_() for each in layer.parameters()]
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        got = _passes(layer, maps, list(layer.parameters()))
    convolve: Any = partial(functional.conv3d, stride=layer.stride, padding=layer.padding)
    wanted = _passes(lambda maps: convolve(maps, *weights), maps.double(), weights)
    assert got[0].dtype == (torch.bfloat16 if mixed else torch.float32)
    assert all(each.dtype == torch.float32 for each in got[1:])
    for mine, exact in zip(got, wanted, strict=True):
        for frame in range(mine.shape[2] if mine.ndim == 5 else 1):
            off = (mine - exact)[:, :, frame] if mine.ndim == 5 else mine - exact
            assert off.norm() <= (0.02 if mixed else 1e-5) * exact.norm()


def _passes(convolve: Callable[[Tensor], Tensor], maps: Tensor, weights: Sequence[Tensor]) -> list[Tensor]:
    maps = maps.clone().requires_grad_()
    out = convolve(maps)
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    return [out.detach(), *torch.autograd.grad(out, [maps, *weights], upstream.to(out.dtype))]


@settings(max_examples=40)
@given(
    channels=st.tuples(st.sampled_from([3, 16, 45]), st.sampled_from([16, 32, 45]), st.booleans()),
    size=st.tuples(st.integers(1, 16), st.integers(1, 33), st.integers(1, 33)),
    kernel=st.sampled_from([(7, 7, 7), (5, 5, 5), (3, 3, 3), (1, 7, 7), (1, 3, 3), (3, 1, 1), (1, 1, 1)]),
    stride=st.tuples(st.sampled_from([1, 2]), st.sampled_from([1, 2]), st.sampled_from([1, 2])),
    padded=st.booleans(),
    mixed=st.booleans(),
    layout=st.sampled_from([torch.contiguous_format, torch.channels_last_3d]),
)
def test_all_gradients_are_within_the_rounding_of_their_precision(
    channels: tuple[int, int, bool],
    size: tuple[int, int, int],
    kernel: tuple[int, int, int],
    stride: tuple[int, int, int],
    padded: bool,
    mixed: bool,
    layout: torch.memory_format,
) -> None:
    assume(padded or all(pixels >= taps for pixels, taps in zip(size, kernel, strict=True)))
    torch.manual_seed(0)
    t, h, w = kernel
    inputs, outputs, bias = channels
    layer = Convolution(inputs, outputs, kernel, stride, (t // 2, h // 2, w // 2) if padded else 0, bias=bias)
    _check(layer, torch.randn(2, inputs, *size).to(memory_format=layout), mixed)


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(
    ("size", "kernel", "stride"),
    [
        ((2, 7, 7), (3, 3, 3), (1, 1, 1)),
        ((6, 14, 17), (7, 7, 7), (2, 1, 1)),
        ((7, 13, 23), (7, 7, 7), (2, 2, 2)),
        ((4, 1, 31), (1, 3, 3), (1, 2, 2)),
    ],
)
def test_shapes_that_gave_garbage(
    size: tuple[int, int, int], kernel: tuple[int, int, int], stride: tuple[int, int, int], mixed: bool
) -> None:
    torch.manual_seed(0)
    t, h, w = kernel
    layer = Convolution(64, 64, kernel, stride, (t // 2, h // 2, w // 2), bias=False)
    _check(layer, torch.randn(2, 64, *size), mixed)


def test_float32_is_torch_s_own() -> None:
    torch.manual_seed(0)
    layer = Convolution(3, 4, 3, stride=(1, 2, 2), padding=1)
    maps = torch.randn(2, 3, 4, 6, 6)
    expected = functional.conv3d(maps, layer.weight, layer.bias, (1, 2, 2), 1)
    assert torch.equal(layer(maps), expected)
    with torch.inference_mode():
        assert torch.equal(layer(maps), expected)


def test_nothing_is_computed_that_nobody_asks_for() -> None:
    layer = Convolution(3, 4, 3, padding=1).requires_grad_(False)
    maps = torch.randn(2, 3, 2, 4, 4, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        layer(maps).sum().backward()
    assert maps.grad is not None
    assert layer.weight.grad is None
