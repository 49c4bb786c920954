"""Requests to stop: answered at once, or noted when they come and answered when the work is at a good place.

SLURM sends SIGTERM before it takes the machine (or SIGUSR1, with `--signal=USR1@120`), torchrun sends SIGTERM to all
processes when one has failed, a terminal sends SIGINT on Ctrl-C and SIGHUP when it is closed.
"""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType
from typing import Any, final

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGUSR1", "SIGHUP") if hasattr(signal, name))
ENDING = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGBREAK") if hasattr(signal, name)
)
_SAME = 1.0  # seconds within which a second signal is the first one again: `timeout` sends it twice

_noting: "list[Stop]" = []
_shields: list[int] = []
_kept: list[int] = []  # signals that came behind a shield


class Interrupted(KeyboardInterrupt):
    """A signal that ends the work, SIGINT or another: what is unfinished is removed on the way out."""

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)
        super().__init__(self.signal.name)


@final
class Stop:
    """What has been asked for: `requested` is the first signal that came and `since` its time, None before."""

    def __init__(self) -> None:
        self.requested: signal.Signals | None = None
        self.since: float | None = None
        self._interrupted = False

    def note(self, number: int, _: FrameType | None = None) -> None:
        """Note a signal, as its handler.

        Raises:
            KeyboardInterrupt: on a second SIGINT: somebody does not want to wait.
        """
        if self.requested is None:
            self.since, self.requested = monotonic(), signal.Signals(number)
        if number == signal.SIGINT:
            if self._interrupted:
                raise KeyboardInterrupt
            self._interrupted = True


def asked_for() -> Stop | None:
    """What has been asked for, where `stop_requests` notes it."""
    return _noting[-1] if _noting else None


@contextmanager
def stop_requests() -> Iterator[Stop]:
    """Note the `SIGNALS` instead of ending; a second SIGINT raises KeyboardInterrupt as ever.

    A signal that is ignored stays so (a shell does that to SIGINT for what it starts in the background). Python answers
    signals in its main thread only: in another one this does nothing.
    """
    stop = Stop()
    with handled_signals(SIGNALS, stop.note):
        _noting.append(stop)
        try:
            yield stop
        finally:
            _noting.remove(stop)


@contextmanager
def signals_end() -> Iterator[None]:
    """Have the signals of `ENDING` raise `Interrupted`, so that all is put in order; else as `stop_requests`."""
    last = -_SAME

    def end(number: int, _: FrameType | None = None) -> None:
        nonlocal last
        before, last = last, monotonic()
        if last - before < _SAME:
            return
        if _shields:
            _kept.append(number)
        else:
            raise Interrupted(number)

    with handled_signals(ENDING, end):
        yield


@contextmanager
def shielded() -> Iterator[None]:
    """Have no signal of `signals_end` come between what is done here, as putting things in order; it comes after."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals come to the main thread only
        return
    _shields.append(1)
    try:
        yield
    finally:
        _shields.pop()
        if _kept and not _shields:
            raise Interrupted(_kept.pop())


@contextmanager
def handled_signals(signals: Iterable[int], handler: Callable[..., Any]) -> Iterator[None]:
    """Call the handler for these signals, but for those that are ignored (nohup has SIGHUP be so); main thread only."""
    before = {}
    try:
        with suppress(ValueError):  # another thread, or another interpreter than the main one
            for number in signals:
                if signal.getsignal(number) not in (None, signal.SIG_IGN):  # None: not Python's, cannot be put back
                    before[number] = signal.signal(number, handler)
        yield
    finally:
        for number, answer in before.items():
            signal.signal(number, answer)
