"""Mixed precision on a processor: gradients against float32's, on the shapes where oneDNN's own are wrong."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from unreel.models.convolution import Convolution


def _gradients(layer: Convolution, maps: Tensor, mixed: bool) -> list[Tensor]:
    maps = maps.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        out = layer(maps)
    assert out.dtype == (torch.bfloat16 if mixed else torch.float32)
    upstream = torch.randn(out.shape, generator=torch.Generator().manual_seed(1))
    return [out.float(), *torch.autograd.grad(out, [maps, *layer.parameters()], upstream.to(out.dtype))]


@settings(max_examples=15)
@given(
    frames=st.integers(1, 4),
    side=st.integers(1, 7),
    kernel=st.sampled_from([(3, 3, 3), (1, 3, 3), (3, 1, 1), (1, 1, 1)]),
    stride=st.sampled_from([1, 2]),
    bias=st.booleans(),
)
def test_mixed_precision_is_within_its_rounding_of_float32(
    frames: int, side: int, kernel: tuple[int, int, int], stride: int, bias: bool
) -> None:
    torch.manual_seed(0)
    t, h, w = kernel
    layer = Convolution(32, 32, kernel, stride, (t // 2, h // 2, w // 2), bias=bias)
    maps = torch.randn(2, 32, frames, side, side)
    for got, expected in zip(_gradients(layer, maps, True), _gradients(layer, maps, False), strict=True):
        assert got.dtype == torch.float32
        assert (got - expected).norm() < 0.02 * expected.norm()


def test_the_shape_that_gave_garbage() -> None:
    torch.manual_seed(0)
    layer = Convolution(64, 64, 3, padding=1, bias=False)
    maps = torch.randn(4, 64, 2, 7, 7)
    mixed, exact = _gradients(layer, maps, True)[2], _gradients(layer, maps, False)[2]
    for frame in range(3):
        assert (mixed - exact)[:, :, frame].norm() < 0.02 * exact[:, :, frame].norm()


def test_float32_is_torch_s_own() -> None:
    torch.manual_seed(0)
    layer = Convolution(3, 4, 3, stride=(1, 2, 2), padding=1)
    maps = torch.randn(2, 3, 4, 6, 6)
    assert torch.equal(layer(maps), functional.conv3d(maps, layer.weight, layer.bias, (1, 2, 2), 1))


def test_nothing_is_computed_that_nobody_asks_for() -> None:
    layer = Convolution(3, 4, 3, padding=1).requires_grad_(False)
    maps = torch.randn(2, 3, 2, 4, 4, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        layer(maps).sum().backward()
    assert maps.grad is not None
    assert layer.weight.grad is None
