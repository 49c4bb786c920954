"""One process at a time: locks that the system frees when their process ends, however it ends."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep

from unreel.engine.files import writing
from unreel.engine.signals import shielded
from unreel.engine.waiting import Wait
from unreel.errors import OutputError, UnreelError

PATIENCE = 2.0
"""Seconds until who does not wait gets an error: those who only look whether a lock is held take it for an instant."""

_LOOK_EVERY = 0.1
_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_NAMED_BYTES = 300


@contextmanager
def locked(path: Path, rejection: UnreelError | None = None, *, of: Path | None = None) -> Iterator[None]:
    """Hold the lock `path`, a file that is there meanwhile; wait and say so while another process holds it.

    `of` is the place that it keeps others from, which is named where there can be no lock.

    Raises:
        UnreelError: the `rejection`, where one is given and another process holds the lock.
        OutputError: the file cannot be written, or its file system has no locks.
    """
    descriptor, wait = None, None
    try:
        with writing(of or path, path):
            path.parent.mkdir(parents=True, exist_ok=True)
            while True:
                with shielded():
                    descriptor = _taken(path)
                if descriptor is not None:
                    break
                wait = wait or Wait(f"{path}, which {_holder(path)} holds", silence=0.0)
                if rejection is None:
                    wait.look(_LOOK_EVERY)
                elif wait.seconds < PATIENCE:
                    sleep(_LOOK_EVERY)
                else:
                    raise rejection
        yield
    finally:
        with shielded():
            if descriptor is not None and os.name == "posix":
                with suppress(OSError):  # while it is held: who waits for it sees that it is gone
                    path.unlink()
            if descriptor is not None:
                os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a process holds a lock; asked by taking it for an instant. False where that cannot be known."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            return not _lock(descriptor)
        finally:
            os.close(descriptor)
    return False


def _taken(path: Path) -> int | None:
    """The open file of a lock that is ours now; None where another process holds it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _lock(descriptor):
                os.close(descriptor)
                return None
            if os.name != "posix" or _is_there(descriptor, path):
                with suppress(OSError):  # on a full disk nobody is told who holds it
                    os.truncate(descriptor, 0)
                    os.write(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode())
                return descriptor
        except BaseException as error:
            os.close(descriptor)
            if isinstance(error, OSError) and error.errno in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):
                raise OutputError(
                    f"{path} cannot be locked ({error.strerror}), expected a file system that has locks, as two "
                    "processes would write over each other. Name a place on another one."
                ) from error
            raise
        os.close(descriptor)  # who held it has removed it: it is another file by now


def _lock(descriptor: int) -> bool:
    """Take a lock, if no other process holds it."""
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            os.lseek(descriptor, _NAMED_BYTES, os.SEEK_SET)  # behind the name, which others are to read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            os.lseek(descriptor, 0, os.SEEK_SET)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True


def _is_there(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    """Who holds a lock, as it has written there."""
    words: list[str] = []
    with suppress(OSError):
        words = path.read_bytes()[:_NAMED_BYTES].decode(errors="replace").split()
    if len(words) != 2 or not words[0].isdecimal():
        return "another process"
    return f"process {words[0]}" + ("" if words[1] == socket.gethostname() else f" on {words[1]}")
