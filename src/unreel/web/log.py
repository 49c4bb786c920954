"""What a server says of itself: each fault once, on lines that nobody else can write."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

from unreel.text import screened

_MOST = 1000
"""Different faults; a server that has so many needs no more said."""


@contextmanager
def logged() -> Iterator[None]:
    """Write warnings and errors of all that runs here to standard error."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(_Indented("unreel: %(asctime)s %(message)s"))
    handler.addFilter(_Once())
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


@final
class _Once(logging.Filter):
    """Lets through what was not said before: faults are the same that come from the same line."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[tuple[object, ...]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        kind, _, trace = record.exc_info or (None, None, None)
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            return False  # a request that was given up at the end
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = (record.msg,) if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        fault = (record.name, kind, *place)
        new = fault not in self._said and len(self._said) < _MOST
        self._said.add(fault) if new else None
        return new


@final
class _Indented(logging.Formatter):
    """What a file's name or a request holds can neither begin a line nor move the cursor of a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).split("\n")
        return "\n    ".join(screened(line) for line in lines)
