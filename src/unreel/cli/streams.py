"""Standard output and error as they come: closed, full, read by nobody, or unable to hold a letter."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import final

from unreel.console import complain
from unreel.engine.files import is_about_writing, not_written


@contextmanager
def usable_streams() -> Iterator[None]:
    """Have what is said never end the work.

    What is closed takes everything, what is full loses it, and letters that a stream cannot hold are replaced.

    Raises:
        SystemExit: standard output was full, or nobody reads it any more, or a disk is full.
    """
    _open_what_is_closed()
    before = sys.stdout, sys.stderr
    own: list[_Stream] = []
    if before == (sys.__stdout__, sys.__stderr__):  # and not a test's
        own = [_Stream.over(stream) for stream in before if isinstance(stream, TextIOWrapper)]
        sys.stdout, sys.stderr = own
    try:
        yield
        sys.stdout.flush()
        if own and own[0].trouble is not None:
            complain(not_written("standard output", own[0].trouble))
            sys.exit(2)
    except BrokenPipeError:
        if not own or own[0].trouble is None:
            raise
        sys.exit(1)  # as rich ends where nobody reads any more (`unreel runs runs | head`)
    except OSError as error:
        if not is_about_writing(error):
            raise
        complain(not_written(error.filename or "a file", error))
        sys.exit(2)
    finally:
        sys.stdout, sys.stderr = before
        for stream in own:
            stream.leave()


@final
class _Stream(TextIOWrapper):
    """Remembers that it could not be written. A full disk is told at the end; where nobody reads the work ends."""

    trouble: OSError | None = None

    @classmethod
    def over(cls, stream: TextIOWrapper) -> "_Stream":
        stream.flush()
        errors = "backslashreplace" if stream.errors == "backslashreplace" else "replace"
        own = open(stream.fileno(), "wb", closefd=False)  # noqa: SIM115  # the file may be another by now
        return cls(own, stream.encoding, errors, line_buffering=stream.line_buffering)

    def write(self, text: str) -> int:
        with self._noting():
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with self._noting():
            super().flush()

    def leave(self) -> None:
        """Give the file back; nobody gets what it did not take, for Python flushes once more at its end."""
        with suppress(OSError):
            self.flush()
        if self.trouble is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno())
        with suppress(OSError):
            self.detach()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.trouble = error
            if isinstance(error, BrokenPipeError):
                raise


def _open_what_is_closed() -> None:
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets this number, which a file of ours would, and what is said with it
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
            setattr(sys, name, nowhere)
            setattr(sys, f"__{name}__", nowhere)
