"""Tasks that go wrong in every way; a module of its own, so that other processes can import it."""

import os
import signal
import time
from collections.abc import Callable

import numpy  # noqa: F401  # brings such a library
from threadpoolctl import threadpool_info

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


def own_process(seconds: float) -> int:
    """The id of the process that does this, after a while."""
    time.sleep(seconds)
    return os.getpid()


def blas_threads(_: int) -> list[int]:
    """How many threads each numerical library of this process uses."""
    return [library["num_threads"] for library in threadpool_info()]


def squares_of(place: object) -> Callable[[int], int]:
    """What squares in an actor, but 5 crashes and 11 is refused; there is room for it on processors only."""
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
