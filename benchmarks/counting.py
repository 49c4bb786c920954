"""What convolutions must do at least: their operations and bytes, counted while they run.

torch.utils.flop_counter counts a multiplication and an addition for every weight at every place, those that meet the
zeros of the padding too, which good kernels leave out. Here only those inside of the maps count, so that a share of
the machine's rate cannot pass 1 by leaving out zeros. All else an encoder does is little arithmetic, and could in
principle be done while a convolution's numbers are at hand: the floor has convolutions only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from ceilings import Ceilings
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

FORWARD, BACKWARD = torch.ops.aten.convolution.default, torch.ops.aten.convolution_backward.default


@dataclass
class Counted:
    """Operations and bytes of each convolution pass, and all operations as torch counts them."""

    passes: list[tuple[int, int]] = field(default_factory=list)
    with_padding: int = 0

    @property
    def operations(self) -> int:
        """Multiplications and additions inside of the maps."""
        return sum(operations for operations, _ in self.passes)

    def floor(self, ceilings: Ceilings, precision: str) -> float:
        """Seconds below which nothing gets: every pass at the matrix rate, or at that of memory if this is slower."""
        rate, bandwidth = ceilings.rate(precision), ceilings.bytes_per_second
        return sum(max(operations / rate, size / bandwidth) for operations, size in self.passes)


def count(work: Callable[[], object]) -> Counted:
    """The convolutions of the work, which is done once."""
    counted = Counted()
    with FlopCounterMode(display=False) as flops, _Watch(counted):
        work()
    counted.with_padding = flops.get_total_flops()
    return counted


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, counted: Counted) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._counted = counted

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is FORWARD:
            maps, weight, _, stride, padding = args[:5]
            self._add(maps, weight, result, stride, padding)
        elif func is BACKWARD:
            gradient, maps, weight, _, stride, padding = args[:6]
            for _ in filter(None, args[10][:2]):  # of the maps, of the weights
                self._add(maps, weight, gradient, stride, padding)
        return result

    def _add(self, maps: Tensor, weight: Tensor, out: Tensor, stride: Sequence[int], padding: Sequence[int]) -> None:
        axes = zip(maps.shape[2:], weight.shape[2:], out.shape[2:], stride, padding, strict=True)
        places = prod(_inside(*axis) for axis in axes)
        operations = 2 * len(maps) * weight.shape[0] * weight.shape[1] * places
        self._counted.passes.append((operations, sum(each.nbytes for each in (maps, weight, out))))


def _inside(length: int, kernel: int, places: int, stride: int, padding: int) -> int:
    """How many of a kernel's weights lie on the map along one axis, over all places."""
    starts = (place * stride - padding for place in range(places))
    return sum(max(0, min(start + kernel, length) - max(start, 0)) for start in starts)
