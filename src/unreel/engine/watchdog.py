"""A process that dies ends the others: none waits for it in a collective for the hours until that times out.

    process 0            process 1            process 2
    hosts a store   ◀──  says: 7         ◀──  says: 7          each its own count, every BEAT seconds
    reads all       ──▶  reads all       ──▶  reads all        who stays at one count, or has failed, ends all

Two threads do this beside the one that trains, which may wait in a collective: that gives Python's lock away.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count as counting
from threading import Event, Thread
from typing import Any, final

from torch import distributed

from unreel.console import complain
from unreel.engine.process_group import count, rank

EXIT_CODE = 76
BEAT = 2.0  # seconds

_LEFT, _FAILED = b"left", b"failed"
_MEETING = timedelta(seconds=60)
_LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Timed out waiting", "pair closure")


@contextmanager
def watched_peers(silence: float = 15.0) -> Iterator[None]:
    """End this process with `EXIT_CODE` and a message when another one of its group has ended or stays silent.

    `silence` is in seconds, of which none pass while this process is stopped itself. All processes of the group enter
    together and leave at their own time; the first waits for the others. One that leaves by an exception ends the
    others, a beat later, in which they may fail of the same.

    Raises:
        torch.distributed.DistError: process 0 cannot be reached.
    """
    if count() == 1:
        yield
        return
    watch = _Watch(_store(), silence)
    try:
        yield
    except BaseException:
        watch.leave(_FAILED)
        raise
    watch.leave(_LEFT)


def connection_lost(error: BaseException) -> bool:
    """Whether an error is what a collective raises when another process is gone."""
    if not distributed.is_available() or not isinstance(error, RuntimeError):
        return False
    text = str(error)  # gloo raises plain ones, which start with the place in its source
    return isinstance(error, distributed.DistError) or ("gloo" in text and any(each in text for each in _LOST))


def _store() -> Any:
    """A `TCPStore` for the group's words alone, hosted by process 0 on any free port."""
    from torch.distributed import TCPStore  # type: ignore[attr-defined]  # some builds of torch have none

    words = None
    if rank() == 0:
        words = TCPStore("localhost", 0, is_master=True, timeout=_MEETING, wait_for_workers=False)
        for each in range(count()):
            words.set(str(each), "0")
    places: list[tuple[str, int]] = [("", 0)] * count()
    distributed.all_gather_object(places, (socket.gethostname(), words.port if words else 0))
    if words:
        return words
    name, port = places[0]
    host = os.environ.get("MASTER_ADDR") or ("localhost" if name == socket.gethostname() else name)
    return TCPStore(host, port, is_master=False, timeout=_MEETING, wait_for_workers=False)


@final
class _Watch:
    """One thread says and hears, and may get stuck in that; the other one counts the time and ends the process."""

    def __init__(self, store: Any, silence: float) -> None:
        self._store, self._silence, self._beat = store, silence, min(BEAT, silence / 8)
        self._rank, self._count = rank(), count()
        self._unanswered = 0.0
        self._trouble = ""
        self._parting = b""
        self._leaving, self._parted, self._ended = Event(), Event(), Event()
        for work in (self._talk, self._guard):
            Thread(target=work, daemon=True).start()

    def leave(self, word: bytes) -> None:
        """Say a last word; as the host of the store, stay until all have left."""
        hosting = self._rank == 0 and word == _LEFT
        self._parting = word
        self._leaving.set()
        if not hosting:
            self._ended.set()
        self._parted.wait(None if hosting else self._silence)
        self._ended.set()

    def _talk(self) -> None:
        keys = [str(each) for each in range(self._count)]
        before, silent = [b""] * self._count, [0.0] * self._count
        try:
            for number in counting(1):
                parting = self._parting
                pause = 0.1 if parting else self._beat
                self._store.set(keys[self._rank], parting.decode() or str(number))
                words = self._store.multi_get(keys)
                self._unanswered = 0.0
                for each, word in enumerate(words):
                    silent[each] = silent[each] + pause if word == before[each] else 0.0
                before = words
                if parting and (self._rank > 0 or parting == _FAILED or set(words) == {_LEFT}):
                    break
                self._trouble = self._trouble_of(words, silent)
                (self._ended if parting else self._leaving).wait(pause)
        except distributed.DistError:
            self._trouble = self._trouble or "process 0 has ended"
        self._parted.set()

    def _trouble_of(self, words: list[bytes], silent: list[float]) -> str:
        for each, word in enumerate(words):
            if word == _FAILED:
                return f"process {each} has failed, for the reason that it gives"
            if silent[each] > self._silence and word != _LEFT:
                return f"process {each} has said nothing for {self._silence:g} s: it was killed, stopped or is cut off"
        return ""

    def _guard(self) -> None:
        # The host goes last: where it has ended the others hear no more of who was the first.
        pause = self._beat * (3 if self._rank == 0 else 1)
        while not self._ended.wait(self._beat):
            self._unanswered += self._beat
            if self._unanswered > self._silence:
                self._trouble = f"process 0 does not answer since {self._silence:g} s: it was stopped or is cut off"
            if self._trouble and not self._ended.wait(pause):
                self._end()

    def _end(self) -> None:
        try:
            complain(f"process {self._rank} of {self._count} ends: {self._trouble}. Start all again to resume.")
        finally:
            os._exit(EXIT_CODE)
