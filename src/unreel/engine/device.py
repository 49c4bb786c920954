"""Where to compute."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from lightning_fabric import Fabric


def device(accelerator: str) -> torch.device:
    """The device that Fabric chooses for "auto", "cpu", "cuda" or "mps"."""
    chosen: torch.device = Fabric(accelerator=accelerator, devices=1).device
    return chosen


def nvidia(accelerator: str) -> bool:
    """Whether Fabric would choose an NVIDIA GPU."""
    return accelerator == "cuda" or (accelerator == "auto" and torch.cuda.is_available())


@contextmanager
def one_thread() -> Iterator[None]:
    """A single thread for torch's operations, and those from before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
