"""Standard output and error as they come: closed, full, read by nobody, or unable to hold a letter."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper

from unreel.engine.files import is_about_writing, not_written


@contextmanager
def usable_streams() -> Iterator[None]:
    """Have what is said never end the work with a traceback.

    What is closed takes everything, and letters that a stream cannot hold are replaced. At the end all is flushed.

    Raises:
        SystemExit: standard output cannot be written or nobody reads it any more, or a disk is full.
    """
    _open_what_is_closed()
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        full = is_about_writing(error)
        if not full and not isinstance(error, BrokenPipeError):
            raise
        said = _trouble()
        if said is None and not full:
            raise
        if said is not None and not full:  # as rich ends where nobody reads any more (`unreel runs runs | head`)
            sys.exit(1)
        say(f"unreel: {not_written(error.filename or 'standard output' if said else 'a file', error)}")
        sys.exit(2)


def say(line: str) -> None:
    """Print a line to standard error, if that can be."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _silence(sys.stderr)


def _open_what_is_closed() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets this number, which a file of ours would, and what is said with it
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, TextIOWrapper) and stream.errors != "backslashreplace":
            stream.reconfigure(errors="replace")


def _trouble() -> OSError | None:
    """What is wrong with standard output, if that is what is wrong; nothing more is written to it then."""
    try:
        print(flush=True)
    except OSError as error:
        _silence(sys.stdout)
        return error
    return None


def _silence(stream: object) -> None:
    """Give nobody what is left in a stream: Python flushes once more at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[attr-defined]
