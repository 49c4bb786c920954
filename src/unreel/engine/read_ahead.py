"""Processes that read ahead, so that whoever computes need not wait.

    keys ──▶ each worker in its turn: reads, writes what it has read into memory without a name, hands that over
         ──▶ whoever asks for the next, in the order of the keys

What waits is no file of /dev/shm, which containers keep small. No message is larger than a system takes at once: nobody
waits for the rest of one whose sender was killed or stopped. (Where a system has no such memory, all of it is sent.)
"""

import mmap
import os
import pickle
import signal
import socket
import struct
import traceback
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from io import BytesIO
from itertools import cycle, islice
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, final, runtime_checkable

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from unreel.engine import process_group
from unreel.engine.signals import SIGNALS
from unreel.engine.spawn import context, end_with_parent
from unreel.engine.waiting import GRACE, Wait
from unreel.errors import CollectionError, UnreelError

AHEAD = 2  # results that wait for each worker
GRACE_OF_MANY = 20.0
"""Seconds that a training process waits for a batch when all are asked to stop: they end after the same step."""

_TROUBLE = (UnreelError, ArithmeticError, LookupError, OSError, RuntimeError, TypeError, ValueError)
_NAMELESS = hasattr(os, "memfd_create")
_SIZE = struct.Struct("<Q")
_ALIGNED = 64  # bytes


@runtime_checkable
class Readable(Protocol):
    """What a process can be sent, to read in it."""

    def __getitem__(self, key: Any, /) -> Any:
        """What it holds under a key; it takes a while."""
        ...


def read_ahead(source: Readable, keys: Iterable[Any], workers: int, *, yielding: bool) -> Generator[Any, None, None]:
    """What `source` holds under each of the keys, in their order, read by workers that live as long as this does.

    Each worker has one thread. `yielding` ones run when the training leaves a CPU free, or waits for them. With 0
    workers this process reads, when it is asked.

    Raises:
        CollectionError: a worker has died.
        Stopped: a worker gives nothing, and this process was asked to stop.
        UnreelError: the workers could not find `source`, as its class is of the main module.
    """
    if workers == 0:
        yield from (source[key] for key in keys)
        return
    coming, asked = iter(keys), deque[_Worker]()
    started: list[_Worker] = []
    try:
        for _ in range(workers):
            started.append(_Worker(source, yielding))
        turns = cycle(started)
        for key in islice(coming, AHEAD * workers):
            asked.append(next(turns).ask(key))
        while asked:
            found = asked.popleft().take()
            for key in islice(coming, 1):
                asked.append(next(turns).ask(key))
            yield found
    finally:
        for worker in started:
            worker.end()


@final
class _Worker:
    """A process that reads what it is asked for, one after the other."""

    def __init__(self, source: Readable, yielding: bool) -> None:
        # Forking a process whose threads already compute can hang: a fresh process cannot.
        fresh: Any = context("forkserver")
        self._connection, others = fresh.Pipe()
        self._process = fresh.Process(target=_serve, args=(source, others, yielding), daemon=True)
        try:
            self._process.start()
        finally:
            others.close()

    def ask(self, key: Any) -> "_Worker":
        with suppress(OSError):  # `take` tells of its death
            self._connection.send(key)
        return self

    def take(self) -> Any:
        """What was asked for first of what was not yet taken.

        Raises:
            CollectionError: the process has died.
            Exception: what `source` raises.
        """
        grace = GRACE if process_group.count() == 1 else GRACE_OF_MANY
        waiting = Wait(f"videos from process {self._process.pid}, which reads them", grace=grace)
        while not (ready := wait([self._connection, self._process.sentinel], timeout=1.0)):
            waiting.look()
        try:
            if self._connection not in ready:
                raise EOFError
            found, trace = _received(self._connection)
        except (EOFError, ConnectionError) as error:
            raise self._death() from error
        if trace:
            raise found from RuntimeError(f"in a process that reads:\n{trace}")
        return found

    def end(self) -> None:
        """End it, whatever it does: it changes nothing."""
        if self._process.pid is not None:
            self._process.kill()
            self._process.join(GRACE)
        self._connection.close()

    def _death(self) -> CollectionError:
        """What became of the process."""
        self._process.join(GRACE)
        code = self._process.exitcode or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        advice = {
            "SIGKILL": "Systems do so when memory runs out: try fewer --loader-workers or a smaller --batch-size.",
            "code 1": "Its own words are above.",
        }
        words = next((words for end, words in advice.items() if how.endswith(end)), "A video may have crashed it.")
        return CollectionError(f"a process that reads videos {how}. {words} With --loader-workers 0 there is none.")


def _serve(source: Readable, connection: Connection, yielding: bool) -> None:
    """What a worker does, until it is ended."""
    _settle(yielding)
    with suppress(EOFError):
        while True:
            key = connection.recv()
            try:
                found: tuple[Any, str] = source[key], ""
            except _TROUBLE as error:  # raised again where it was asked for; any other is ours, and ends this process
                found = error, traceback.format_exc()
            _send(connection, found)


def _settle(yielding: bool) -> None:
    """One thread for every library; what asks the run to stop is the main process's, and its end is this one's."""
    threadpool_limits(1)
    torch.set_num_threads(1)
    for number in SIGNALS:  # a server that somebody else has started does not block them
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()
    if yielding and hasattr(os, "nice"):
        os.nice(19)


@final
class _Pickler(pickle.Pickler):
    """Leaves the content of tensors beside the rest, as NumPy's arrays do."""

    def reducer_override(self, value: object) -> Any:
        return (torch.from_numpy, (value.numpy(),)) if type(value) is Tensor else NotImplemented


def _send(connection: Connection, value: tuple[Any, str]) -> None:
    buffers: list[pickle.PickleBuffer] = []
    pickled = BytesIO()
    try:
        _Pickler(pickled, 5, buffer_callback=buffers.append if _NAMELESS else None).dump(value)
    except (pickle.PicklingError, TypeError, AttributeError) as error:  # an exception may hold anything
        pickled, buffers, told = BytesIO(), [], value[1] or str(error)
        _Pickler(pickled, 5).dump((RuntimeError(told), told))
    if not _NAMELESS:
        connection.send_bytes(pickled.getbuffer())
        return
    parts = [pickled.getbuffer(), *(each.raw() for each in buffers)]
    descriptor = os.memfd_create("unreel")
    try:
        with open(descriptor, "wb", closefd=False) as memory:
            memory.write(b"".join(_SIZE.pack(size) for size in (len(parts), *map(len, parts))))
            for part, place in zip(parts, _places([len(part) for part in parts]), strict=True):
                memory.seek(place)
                memory.write(part)
        with _socket(connection) as sending:
            socket.send_fds(sending, [b"1"], [descriptor])
    finally:
        os.close(descriptor)


def _places(sizes: Sequence[int]) -> list[int]:
    """Where parts of these sizes begin, behind the sizes themselves."""
    places = [-(-_SIZE.size * (1 + len(sizes)) // _ALIGNED) * _ALIGNED]
    for size in sizes:
        places.append(places[-1] + -(-size // _ALIGNED) * _ALIGNED)
    return places[:-1]


def _received(connection: Connection) -> tuple[Any, str]:
    """A value and no text, or an exception and where it comes from.

    Raises:
        EOFError: the other process has ended.
    """
    if not _NAMELESS:
        sent: tuple[Any, str] = pickle.loads(connection.recv_bytes())
        return sent
    with _socket(connection) as receiving:
        _, descriptors, _, _ = socket.recv_fds(receiving, 1, 1)
    if not descriptors:
        raise EOFError
    try:
        size = os.fstat(descriptors[0]).st_size
        flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
        memory = memoryview(mmap.mmap(descriptors[0], size, flags))
    finally:
        os.close(descriptors[0])
    (count,) = _SIZE.unpack_from(memory)
    sizes = struct.unpack_from(f"<{count}Q", memory, _SIZE.size)
    pickled, *buffers = (memory[place : place + size] for place, size in zip(_places(sizes), sizes, strict=True))
    found: tuple[Any, str] = pickle.loads(pickled, buffers=buffers)
    return found


def _socket(connection: Connection) -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=os.dup(connection.fileno()))
