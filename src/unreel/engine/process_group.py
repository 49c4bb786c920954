"""One batch in many processes: what each of them must see of the others.

With a process group (`torchrun`, or Fabric on several devices) every process holds the same number of the batch's rows;
without one there is one process, and everything here does nothing.
"""

from typing import TypeVar

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, distributed
from torch.autograd import Function

T = TypeVar("T")


def count() -> int:
    """How many processes share the batch."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """This process's place among them, from 0."""
    return distributed.get_rank() if count() > 1 else 0


def gather(rows: Shaped[Tensor, "b ..."]) -> Shaped[Tensor, "all ..."]:
    """The rows of all processes in the order of their ranks, with gradient.

    Backward, a process gets the gradients that all processes have for its own rows, added.
    """
    if count() == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]
    return gathered


def average(values: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The mean over the processes, without gradient."""
    if count() == 1:
        return values.detach()
    mean = values.detach() / count()
    distributed.all_reduce(mean)
    return mean


def of_whole_batch(loss: Float[Tensor, ""], *figures: Float[Tensor, ""]) -> tuple[Float[Tensor, ""], ...]:
    """Means over this process's rows as means over all processes' rows; the loss keeps its own gradient.

    Gradients averaged over the processes, as DistributedDataParallel does, are then those of one process with all rows.
    """
    whole = average(torch.stack([loss, *figures]))
    return (loss + (whole[0] - loss).detach() if count() > 1 else loss), *whole[1:]


class _Gather(Function):
    # torch.distributed.nn has one that is deprecated and one that is private
    @staticmethod
    def forward(_: object, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(count())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(_: object, gradient: Tensor) -> Tensor:
        summed = gradient.contiguous().clone()
        distributed.all_reduce(summed)
        return summed.chunk(count())[rank()]


def any_of(value: bool) -> bool:
    """Whether it holds in any process: all get the same answer."""
    return any(everyone(value))


def everyone(value: T) -> list[T]:
    """What every process gives, in the order of their ranks."""
    if count() == 1:
        return [value]
    values: list[T] = [value] * count()
    distributed.all_gather_object(values, value)
    return values


def from_first(value: T) -> T:
    """What the first process gives."""
    if count() == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values)
    return values[0]
