"""Tasks that go wrong in every way; a module of its own, so that other processes can import it."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np  # brings a numerical library
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from unreel.engine.limits import progress
from unreel.errors import VideoError


def square(number: int) -> int:
    """The square, but 3 hangs, 5 crashes, 7 stumbles and 1000 finds the disk full."""
    if number == 3:
        time.sleep(600)
    if number == 5:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == 7:
        raise ValueError("seven")
    if number == 1000:
        raise OSError(28, "No space left on device")
    return number * number


def dawdle(*_: Any) -> None:
    """Does not come to an end."""
    time.sleep(600)


def own_process(seconds: float) -> int:
    """The id of the process that does this, after a while."""
    time.sleep(seconds)
    return os.getpid()


def blas_threads(_: int) -> list[int]:
    """How many threads each numerical library of this process uses."""
    return [library["num_threads"] for library in threadpool_info()]


def plod(steps: int, seconds: float, telling: bool) -> int:
    """Take so many steps, each of which lasts a while, telling of the progress or not."""
    for _ in range(steps):
        time.sleep(seconds)
        if telling:
            progress()
    return steps


def hoard(*arguments: Any) -> int:
    """Take as many bytes of memory as the last argument says, and say how many."""
    return len(bytearray(arguments[-1]))


def nowhere(vectors: NDArray[np.float32], _: int) -> tuple[NDArray[np.float64], str]:
    """A map that is drawn at once."""
    return np.zeros((len(vectors), 2)), "nothing"


def hang(*_: object) -> bytes:
    """Never end."""
    time.sleep(600)
    return b""


def squares_of(place: object) -> Callable[[int], int]:
    """What squares in an actor, but 5 crashes and 11 is skipped; there is room for it on CPUs only."""
    if getattr(place, "device", None) != "cpu":
        raise ValueError(f"no room on {place}")

    def square_of(number: int) -> int:
        if number == 11:
            raise VideoError("eleven")
        return square(number)

    return square_of


def nothing_of(place: object) -> Callable[[int], int]:
    """What cannot even be made in an actor."""
    raise ValueError(f"nothing on {place}")
