"""What a process that opens a file nobody vouches for may take: memory, and time in which nothing comes out of it.

The system itself ends a process that takes more, whatever library it is in just then: `unreel.engine.worker_pool` tells
from how it ended what became of its task.
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, TypeVar

from unreel.errors import SettingsError

Result = TypeVar("Result")

GIB: Final = 1 << 30
OUT_OF_MEMORY: Final = 77
"""The exit code of a process that has asked for more memory than it may have: what it holds is not given back."""

_BETWEEN = 0.2  # seconds: progress is told to the system no more often
_least_told = 0.0
_armed_seconds = 0.0


@dataclass(frozen=True)
class Limits:
    """`seconds` without progress, and `memory` bytes of address space, of which the libraries take about half a GiB.

    A memory of 0 is no limit. Windows knows neither. `longest` are the seconds that a task may take in any case, where
    somebody waits for it.

    Raises:
        SettingsError: a value that makes no sense.
    """

    seconds: float = 120.0
    memory: int = 2 * GIB
    longest: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.seconds < float("inf"):
            raise SettingsError(f"seconds per file is {self.seconds}, expected a number above 0.")
        if self.memory and self.memory < GIB // 2:
            raise SettingsError(
                f"memory per file is {self.memory / GIB:g} GiB, expected at least 0.5: a process needs that for itself."
            )

    @property
    def in_words(self) -> str:
        """The memory, for a message."""
        return f"{self.memory / GIB:.3g} GiB"


DEFAULT_LIMITS: Final = Limits()


def limit_memory(memory: int) -> None:
    """Give this process no more than so many bytes of address space, and let it leave no core behind."""
    if memory and sys.platform != "win32":
        import resource

        _, hardest = resource.getrlimit(resource.RLIMIT_AS)
        most = memory if hardest == resource.RLIM_INFINITY else min(memory, hardest)
        resource.setrlimit(resource.RLIMIT_AS, (most, hardest))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_limited(work: Callable[..., Result], seconds: float, arguments: tuple[Any, ...]) -> Result:
    """What `work` gives, in a process that is ended when it makes no progress for so long or needs too much memory."""
    _arm(seconds)
    try:
        return work(*arguments)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    finally:
        _arm(0.0)


def is_limited() -> bool:
    """Whether this process is at work that it may be ended for."""
    return _armed_seconds > 0


def progress() -> None:
    """Tell that the work at hand goes on: a frame has come, or a piece of a file was read. Cheap."""
    if _armed_seconds and monotonic() - _least_told > _BETWEEN:
        _arm(_armed_seconds)


def _arm(seconds: float) -> None:
    global _armed_seconds, _least_told
    if hasattr(signal, "setitimer"):
        _armed_seconds, _least_told = seconds, monotonic()
        signal.setitimer(signal.ITIMER_REAL, seconds)  # nobody handles the signal: it ends the process, even in C
