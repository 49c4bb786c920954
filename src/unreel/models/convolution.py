"""3-D convolution that can be trusted in mixed precision on a processor too."""

from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional
from torch.nn.grad import conv3d_input, conv3d_weight


@final
class Convolution(nn.Conv3d):
    """`torch.nn.Conv3d`, whose weights' gradient is computed in float32 on a processor, under mixed precision too.

    oneDNN's bfloat16 kernel for it, as in torch 2.13 with AVX-512, gives wrong numbers where a kernel of three frames
    meets maps of two, which every encoder here has. All else stays in the lower precision.
    """

    def forward(self, maps: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t2 h2 w2"]:
        if maps.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            out: Tensor = _Convolve.apply(maps, self.weight, self.bias, self.stride, self.padding)  # type: ignore[no-untyped-call]
            return out
        return super().forward(maps)


class _Convolve(Function):
    @staticmethod
    def forward(context: Any, maps: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any) -> Tensor:
        context.place, context.precisions = (stride, padding), (maps.dtype, weight.dtype)
        maps, weight = (each.to(torch.get_autocast_dtype("cpu")) for each in (maps, weight))
        context.save_for_backward(maps, weight)
        return functional.conv3d(maps, weight, bias, stride, padding)  # autocast lowers the bias

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight = context.saved_tensors
        of_maps = of_weight = of_bias = None
        with torch.autocast("cpu", enabled=False):
            if context.needs_input_grad[0]:
                lowered = conv3d_input(maps.shape, weight, gradient, *context.place)  # type: ignore[no-untyped-call]
                of_maps = lowered.to(context.precisions[0])
            if context.needs_input_grad[1]:
                exact = conv3d_weight(maps.float(), weight.shape, gradient.float(), *context.place)  # type: ignore[no-untyped-call]
                of_weight = exact.to(context.precisions[1])
            if context.needs_input_grad[2]:
                of_bias = gradient.float().sum(dim=(0, 2, 3, 4)).to(context.precisions[1])
        return of_maps, of_weight, of_bias, None, None
