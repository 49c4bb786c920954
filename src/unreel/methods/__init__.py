"""Training methods: views + encoder + projections + loss."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor

from unreel.methods.hdc import HDC
from unreel.models import Encoder
from unreel.types import ClipBatch, Loss

__all__ = ["HDC", "Method"]


@runtime_checkable
class Method(Protocol):
    """What every method, a module, offers to the training loop.

    The loss is apart from what it compares, so that a batch computed in parts, or by several processes, is compared as
    a whole.
    """

    @property
    def encoder(self) -> Encoder:
        """What is learnt."""
        ...

    def __call__(self, batch: ClipBatch) -> dict[str, Tensor]:
        """What the loss compares: tensors of one row per video of the batch."""
        ...

    def loss(self, outputs: Mapping[str, Tensor], *, watched: bool = False) -> Loss:
        """The loss of a batch of such rows; `watched` adds figures that tell how learning goes."""
        ...
