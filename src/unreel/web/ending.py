"""How a server ends when it is told to: by a terminal that closes, `docker stop`, `kill`, Ctrl-\\."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

ENDINGS: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK", "SIGINT") if hasattr(signal, name)
)


@contextmanager
def answered(answer: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Call `answer` for the signals that end a process; one that is ignored stays so (nohup does that to SIGHUP).

    Python answers signals in its main thread only: in another one this does nothing.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in ENDINGS:
            if signal.getsignal(number) not in (None, signal.SIG_IGN):  # None: not Python's, cannot be put back
                before[number] = signal.signal(number, answer)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
