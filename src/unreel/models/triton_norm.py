"""Instance norm, what is added to it and ReLU as one operation for GPUs, forward and backward."""

from types import ModuleType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import Function

from unreel.extras import require

ELEMENTS = 4096
"""What a program of a kernel holds at a time, in numbers."""
COLUMNS = 64
PROGRAMS = 2048
"""Enough of them to keep every GPU of today busy."""


def kernels() -> ModuleType:
    """The kernels, compiled when they are called first.

    Raises:
        MissingExtraError: Triton is not installed.
    """
    return require("triton", "fused", "unreel.models.triton_kernels")


def instance_norm(
    maps: Float[Tensor, "b c t h w"],
    weight: Float[Tensor, " c"],
    bias: Float[Tensor, " c"],
    epsilon: float,
    added: Float[Tensor, "b c t h w"] | None = None,
    *,
    rectified: bool = False,
) -> Float[Tensor, "b c t h w"]:
    """ReLU(norm(maps) + added) of maps in channels_last_3d, in the precision of the maps; computed in float32.

    What `models.norm.InstanceNorm`, a sum and ReLU give one after the other, without keeping what lies between.
    """
    out: Tensor = _InstanceNorm.apply(maps, weight, bias, epsilon, added, rectified)  # type: ignore[no-untyped-call]
    return out


class _InstanceNorm(Function):
    @staticmethod
    def forward(
        context: Any,
        maps: Tensor,
        weight: Tensor,
        bias: Tensor,
        epsilon: float,
        added: Tensor | None,
        rectified: bool,
    ) -> Tensor:
        maps = _laid_out(maps)
        added = None if added is None else _laid_out(added)
        launch = _Launch(maps)
        means, squares = launch.parts(), launch.parts()
        launch.over_parts(kernels().statistics, maps, means, squares)
        mean, variance = launch.together(means, squares)
        deviation = (variance + epsilon).rsqrt()
        scale = deviation * weight.float()
        out = torch.empty_like(maps)
        switches = {"ADDED": added is not None, "RECTIFIED": rectified}
        launch.over_maps(kernels().apply, maps, added, out, mean, scale, bias.float(), **switches)
        context.switches, context.added = switches, None if added is None else added.dtype
        context.save_for_backward(maps, out if rectified else None, mean, deviation, scale)
        context.dtypes = weight.dtype, bias.dtype
        return out

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, out, mean, deviation, scale = context.saved_tensors
        gradient, launch = _laid_out(gradient), _Launch(maps)
        totals, products = launch.parts(), launch.parts()
        rectified = context.switches["RECTIFIED"]
        launch.over_parts(kernels().sums, maps, out, gradient, mean, deviation, totals, products, RECTIFIED=rectified)
        total, product = totals.sum(dim=1), products.sum(dim=1)
        of_maps = torch.empty_like(maps)
        of_added = torch.empty_like(maps, dtype=context.added) if context.added else None
        shares = total / launch.positions, product / launch.positions
        launch.over_maps(
            kernels().gradients, maps, out, gradient, of_maps, of_added, mean, deviation, scale, *shares,
            **context.switches,
        )  # fmt: skip
        of_weight, of_bias = (
            each.sum(dim=0).to(kind) for each, kind in zip((product, total), context.dtypes, strict=True)
        )
        return of_maps, of_weight, of_bias, None, of_added, None


def _laid_out(maps: Tensor) -> Tensor:
    return maps.contiguous(memory_format=torch.channels_last_3d)


class _Launch:
    """How the work on maps is shared out among programs."""

    def __init__(self, maps: Float[Tensor, "b c t h w"]) -> None:
        self.device, (self.clips, self.channels) = maps.device, maps.shape[:2]
        self.positions = maps.shape[2:].numel()
        columns = min(COLUMNS, _power_of_two(self.channels))
        rows = min(max(1, ELEMENTS // columns), _power_of_two(self.positions))
        self.block = {"ROWS": rows, "COLUMNS": columns}
        self.across = -(-self.channels // columns)
        wanted = max(1, PROGRAMS // (self.clips * self.across))
        steps = -(-self.positions // rows)
        self.span = rows * -(-steps // min(wanted, steps))
        self.count = -(-self.positions // self.span)

    def parts(self) -> Float[Tensor, "b parts c"]:
        """Room for a number from every part of the positions."""
        return torch.empty(self.clips, self.count, self.channels, device=self.device)

    def over_parts(self, kernel: Any, *tensors: Tensor | None, **switches: bool) -> None:
        """Go through all positions in parts."""
        grid = self.count, self.clips, self.across
        kernel[grid](*tensors, self.positions, self.channels, self.span, **switches, **self.block)

    def over_maps(self, kernel: Any, *tensors: Tensor | None, **switches: bool) -> None:
        """Treat every position by itself."""
        grid = -(-self.positions // self.block["ROWS"]), self.clips, self.across
        kernel[grid](*tensors, self.positions, self.channels, **switches, **self.block)

    def together(
        self, means: Float[Tensor, "b parts c"], squares: Float[Tensor, "b parts c"]
    ) -> tuple[Float[Tensor, "b c"], Float[Tensor, "b c"]]:
        """Mean and variance over all positions from those of the parts."""
        # Counted on the device: nothing waits for a copy.
        left = self.positions - self.span * torch.arange(self.count, device=self.device)
        shares = (left.clamp(max=self.span) / self.positions)[:, None]
        mean = (means * shares).sum(dim=1)
        spread = (shares * (means - mean[:, None]) ** 2).sum(dim=1)
        return mean, squares.sum(dim=1) / self.positions + spread


def _power_of_two(count: int) -> int:
    return 1 << (count - 1).bit_length()
