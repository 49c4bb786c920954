"""3-D convolution whose gradients can be trusted on a CPU, on small maps and in mixed precision too."""

from collections.abc import Sequence
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional
from torch.nn.grad import conv3d_input, conv3d_weight


@final
class Convolution(nn.Conv3d):
    """`torch.nn.Conv3d`, whose weights' gradient is right on a CPU for maps smaller than the kernel too.

    oneDNN's kernels for it, as in torch 2.13 with AVX-512, go astray where a kernel reaches beyond the maps on both
    sides: they read the wrong frames or rows and write outside of their memory, in bfloat16 with kernels of three
    frames on maps of two, in float32 with kernels of seven on maps of five to seven. Maps padded before leave them
    nothing to go astray on. Stride and padding only: there is no dilation, no groups and no other padding than zeros.
    """

    def forward(self, maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t2 h2 w2"]:
        if maps.device.type == "cpu" and torch.is_grad_enabled():
            if torch.is_autocast_enabled("cpu"):
                maps = maps.to(torch.get_autocast_dtype("cpu"))
            out: Tensor = _Convolve.apply(maps, self.weight, self.bias, self.stride, self.padding)  # type: ignore[no-untyped-call]
            return out
        return super().forward(maps)


class _Convolve(Function):
    @staticmethod
    def forward(context: Any, maps: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any) -> Tensor:
        context.place, context.precision = (stride, padding), weight.dtype
        weight, bias = weight.to(maps.dtype), None if bias is None else bias.to(maps.dtype)
        context.save_for_backward(maps, weight)
        return functional.conv3d(maps, weight, bias, stride, padding)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight = context.saved_tensors
        of_maps = of_weight = of_bias = None
        with torch.autocast("cpu", enabled=False):
            if context.needs_input_grad[0]:
                of_maps = conv3d_input(maps.shape, weight, gradient, *context.place)  # type: ignore[no-untyped-call]
            if context.needs_input_grad[1]:
                of_weight = _of_weight(maps, weight.shape, gradient, *context.place).to(context.precision)
            if context.needs_input_grad[2]:
                of_bias = gradient.to(context.precision).sum(dim=(0, 2, 3, 4))
        return of_maps, of_weight, of_bias, None, None


class _Axis(NamedTuple):
    """Along one axis: zeros put before and behind the maps, the taps that are used, the padding that is left to do."""

    before: int
    behind: int
    first: int
    end: int
    padding: int


def _axis(size: int, places: int, kernel: int, stride: int, padding: int) -> _Axis:
    if not padding or size >= kernel + stride:  # nowhere on both sides
        return _Axis(0, 0, 0, kernel, padding)
    first, end = max(0, padding - (places - 1) * stride), min(kernel, padding + size)  # others meet padding only
    before = padding - first
    return _Axis(before, (places - 1) * stride + end - first - size - before, first, end, 0)


def _of_weight(
    maps: Float[Tensor, "b c t h w"],
    shape: torch.Size,
    gradient: Float[Tensor, "b c2 t2 h2 w2"],
    stride: Sequence[int],
    padding: Sequence[int],
) -> Float[Tensor, "c2 c k k2 k3"]:
    sizes = maps.shape[2:], gradient.shape[2:], shape[2:]
    axes = [_axis(*each) for each in zip(*sizes, stride, padding, strict=True)]
    around = [zeros for axis in axes[::-1] for zeros in (axis.before, axis.behind)]
    padded = functional.pad(maps, around) if any(around) else maps  # pad() copies even where there is nothing to add
    kernel, left = (axis.end - axis.first for axis in axes), tuple(axis.padding for axis in axes)
    used = conv3d_weight(padded, (*shape[:2], *kernel), gradient, tuple(stride), left)  # type: ignore[no-untyped-call]
    unused = [(axis.first, taps - axis.end) for axis, taps in zip(axes, shape[2:], strict=True)]
    return functional.pad(used, [taps for pair in unused[::-1] for taps in pair])
