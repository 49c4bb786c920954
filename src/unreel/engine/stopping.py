"""Requests to stop: noted when they come, answered when the work is at a good place.

SLURM sends SIGTERM before it takes the machine (or SIGUSR1, with `--signal=USR1@120`), torchrun sends SIGTERM to all
processes when one has failed, a terminal sends SIGINT on Ctrl-C.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import final

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1") if hasattr(signal, name))


@final
class Stop:
    """What has been asked for: `requested` is the first signal that came, None before."""

    def __init__(self) -> None:
        self.requested: signal.Signals | None = None
        self._interrupted = False

    def note(self, number: int, _: FrameType | None = None) -> None:
        """Note a signal, as its handler.

        Raises:
            KeyboardInterrupt: on a second SIGINT: somebody does not want to wait.
        """
        if self.requested is None:
            self.requested = signal.Signals(number)
        if number == signal.SIGINT:
            if self._interrupted:
                raise KeyboardInterrupt
            self._interrupted = True


@contextmanager
def stop_requests() -> Iterator[Stop]:
    """Note SIGTERM, SIGINT and SIGUSR1 instead of ending; a second SIGINT raises KeyboardInterrupt as ever.

    A signal that is ignored stays so (a shell does that to SIGINT for what it starts in the background). Python answers
    signals in its main thread only: in another one this does nothing.
    """
    stop, before = Stop(), {}
    try:
        with suppress(ValueError):  # another thread, or another interpreter than the main one
            for number in SIGNALS:
                if signal.getsignal(number) not in (None, signal.SIG_IGN):  # None: not Python's, cannot be put back
                    before[number] = signal.signal(number, stop.note)
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
