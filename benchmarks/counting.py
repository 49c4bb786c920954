"""What convolutions must do at least: their operations and bytes, counted while they run.

torch.utils.flop_counter counts a multiplication and an addition for every weight at every place, those that meet the
zeros of the padding too, which good kernels leave out. Here only those inside of the maps count, also where maps were
padded before, so that a share of the machine's rate cannot pass 1 by leaving out zeros. All else an encoder does is
little arithmetic, and could in principle be done while a convolution's numbers are at hand: the floor has convolutions
only.
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
            self._add(_filled(maps), maps, weight, result, stride, padding)
        elif func is BACKWARD:
            gradient, maps, weight, _, stride, padding = args[:6]
            of_maps, of_weights = args[10][:2]
            if of_maps:  # whose values matter only to the other: they may be left out
                self._add([range(size) for size in maps.shape[2:]], maps, weight, gradient, stride, padding)
            if of_weights:
                self._add(_filled(maps), maps, weight, gradient, stride, padding)
        return result

    def _add(self, filled: Sequence[range], maps: Tensor, weight: Tensor, out: Tensor, *place: Sequence[int]) -> None:
        axes = zip(filled, weight.shape[2:], out.shape[2:], *place, strict=True)
        places = prod(_inside(*axis) for axis in axes)
        operations = 2 * len(maps) * weight.shape[0] * weight.shape[1] * places
        self._counted.passes.append((operations, sum(each.nbytes for each in (maps, weight, out))))


def _filled(maps: Tensor) -> list[range]:
    """Along each axis where the maps are: what is nothing but zeros at the ends is padding put there before."""
    seen = maps.flatten(0, 1).ne(0).any(0)
    places = [seen.any(dim=others).nonzero() for others in ((1, 2), (0, 2), (0, 1))]
    return [range(int(each[0]), int(each[-1]) + 1) if len(each) else range(0) for each in places]


def _inside(filled: range, kernel: int, places: int, stride: int, padding: int) -> int:
    """How many of a kernel's weights lie on the map along one axis, over all places."""
    starts = (place * stride - padding for place in range(places))
    return sum(max(0, min(start + kernel, filled.stop) - max(start, filled.start)) for start in starts)
