"""Pretraining methods: views + encoder + projections + loss."""

from typing import Protocol, runtime_checkable

from unreel.methods.hdc import HDC
from unreel.types import ClipBatch, Loss

__all__ = ["HDC", "Method"]


@runtime_checkable
class Method(Protocol):
    """What every method offers to the training loop."""

    def __call__(self, batch: ClipBatch, *, watched: bool = False) -> Loss: ...
