"""Where to compute."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from unreel.engine.cpus import cores
from unreel.errors import SettingsError

_NAMES = {"cuda": "NVIDIA GPUs", "mps": "GPU", "cpu": "CPUs"}
_MOST_ON_CPUS = 8  # processes, where there are fewer cores: a machine is overloaded, but not lost


def device(accelerator: str) -> torch.device:
    """The device of "auto", "cpu", "cuda" or "mps": of several GPUs the first.

    Raises:
        SettingsError: there is none.
    """
    check_device(accelerator)
    kind = _kind(accelerator)
    return torch.device(kind) if kind == "cpu" else torch.device(kind, 0)


def check_device(accelerator: str, precision: str = "32-true", devices: int | None = None) -> None:
    """See that it can be computed so here; to be called before any work.

    Raises:
        SettingsError: there are no such devices, or they do not know this precision.
    """
    kind = _kind(accelerator)
    if kind == "cuda" and not torch.cuda.is_available():
        built = f"is built for CUDA {torch.version.cuda}" if torch.version.cuda else "is built without CUDA"
        raise SettingsError(
            f"accelerator is 'cuda', but torch finds no NVIDIA GPU here (torch {torch.__version__} {built}). Choose "
            "accelerator auto or cpu, or mend the driver."
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise SettingsError(
            "accelerator is 'mps', but torch finds no GPU of Apple's here. Choose accelerator auto or cpu."
        )
    if kind == "cpu" and precision == "16-mixed":
        raise SettingsError(
            "precision is '16-mixed', but here CPUs compute, which train in 32-true or bf16-mixed. Choose one."
        )
    most = max(_MOST_ON_CPUS, cores()) if kind == "cpu" else torch.cuda.device_count() if kind == "cuda" else 1
    if devices is not None and devices > most:
        raise SettingsError(f"devices is {devices}, expected at most {most} on this machine's {_NAMES[kind]}.")


def nvidia(accelerator: str) -> bool:
    """Whether an NVIDIA GPU is chosen."""
    return _kind(accelerator) == "cuda"


def _kind(accelerator: str) -> str:
    if accelerator != "auto":
        return accelerator
    return "mps" if torch.backends.mps.is_available() else "cuda" if torch.cuda.is_available() else "cpu"


def peak_memory(device: torch.device) -> int:
    """The most bytes that this process has had so far: of a GPU's memory where it computes on one, else of RAM."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource  # which is not everywhere

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@contextmanager
def one_thread() -> Iterator[None]:
    """A single thread for torch's operations, and those from before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
