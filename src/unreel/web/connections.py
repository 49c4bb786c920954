"""How many are connected, and who has to go where there is no place left for another.

connected ──▶ its request is waited for ──▶ the server is at work ──▶ the next request is waited for ──▶ …
                                                  │   ▲
                                                  ▼   │
                              the rest of the request is waited for, or that what was sent is taken

Whoever connects is let in at once. Where all places are taken, the connection goes that has been waited for longest,
first one of the address that has the most; none goes while the server is at work for it. So half a request costs
nobody else anything, however many there are. HTTP itself is the server's: nothing is read or written here.
"""

import asyncio
import logging
import socket
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST: Final = 500
"""Connections at once, where the system lets a process have that many files open."""

SECONDS_TO_BEGIN: Final = 20.0
"""From a connection to its first request, all headers."""

SECONDS_IDLE: Final = 75
"""Between two requests of a connection: longer than browsers and proxies keep one, or it closes as they ask again."""

SECONDS_STALLED: Final = 600.0
"""Until some of what was sent is taken: browsers leave a paused video there, and ask again where it was given up."""

_FILES = 4096  # that may be open, if the system allows it
_OTHER_FILES = 128  # than two for each connection: tables, pipes to other processes
_AT_A_TIME = 8
_GRACE = 0.2  # seconds that everybody is waited for: a request takes as long from far away
_TURNS = 4  # of the loop, until a request that came with its connection is begun
_PAUSE = 0.1  # seconds until accepting is tried again

_log = logging.getLogger(__name__)


def places() -> int:
    """How many can be connected, each with a file that is sent; as many files are allowed as can be."""
    if sys.platform == "win32":
        return MOST
    import resource

    most, ceiling = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < _FILES:
        most = _FILES if ceiling == resource.RLIM_INFINITY else min(_FILES, ceiling)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, ceiling))
    return max(1, min(MOST, (most - _OTHER_FILES) // 2))


@dataclass(eq=False)
class _Guest:
    """A connection from `host`; `since` when it is waited for (None: not at all), and at most how long."""

    host: str
    connection: socket.socket
    transport: asyncio.Transport
    since: float | None
    seconds: float

    @property
    def is_gone(self) -> bool:
        return self.connection.fileno() < 0

    def is_late(self, now: float) -> bool:
        """Whether it was waited for long enough."""
        seconds = SECONDS_STALLED if self.transport.get_write_buffer_size() else self.seconds
        return self.since is not None and now - self.since > seconds


@final
class ConnectionLimit:
    """An ASGI application in front of another, which knows what each connection waits for; `most` can be connected."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most
        self._guests: dict[tuple[str, int], _Guest] = {}
        self._changed = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        guest = self._guests.get(tuple((scope.get("client") or ("", 0))[:2]))
        if guest is None:
            await self._app(scope, receive, send)
            return
        whole = False

        async def received() -> Message:
            nonlocal whole
            if whole:  # what comes now is that the connection was closed, at any time
                return await receive()
            self._wait_for(guest, SECONDS_STALLED)
            message = await receive()
            guest.since = None
            whole = not message.get("more_body", False)
            return message

        async def sent(message: Message) -> None:
            self._wait_for(guest, SECONDS_STALLED)
            await send(message)
            guest.since = None

        guest.since = None
        try:
            await self._app(scope, received, sent)
        finally:
            self._wait_for(guest, SECONDS_IDLE + SECONDS_TO_BEGIN)

    async def admit(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Let in whoever connects, until cancelled."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        told = False
        while True:
            try:
                connection, address = await loop.sock_accept(listener)
            except ConnectionError:
                continue  # it was gone before it was let in
            except OSError as error:
                if not told:
                    _log.error("nobody can connect: %s; those who wait longest are sent away", error.strerror)
                told = True
                self._send_some_away()
                await asyncio.sleep(_PAUSE)
                continue
            while self._is_full() and not self._send_some_away():
                self._changed.clear()
                await self._changed.wait()
            try:
                transport, _ = await loop.connect_accepted_socket(protocol, connection)
            except OSError:
                connection.close()
                continue
            self._guests[address[:2]] = _Guest(address[0], connection, transport, monotonic(), SECONDS_TO_BEGIN)
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    def look_round(self) -> None:
        """Send away those who were waited for long enough."""
        now = monotonic()
        for guest in list(self._guests.values()):
            if guest.is_late(now):
                guest.transport.abort()
        self._is_full()
        self._changed.set()

    def end(self) -> None:
        """Send away all from whom something is waited for, who would hold up the end; not those who are sent to."""
        latest = monotonic() - _GRACE
        for guest in self._guests.values():
            if guest.since is not None and guest.since < latest and not guest.transport.get_write_buffer_size():
                guest.transport.abort()

    def _wait_for(self, guest: _Guest, seconds: float) -> None:
        guest.since, guest.seconds = monotonic(), seconds
        self._changed.set()

    def _is_full(self) -> bool:
        if len(self._guests) >= self._most:
            self._guests = {address: guest for address, guest in self._guests.items() if not guest.is_gone}
        return len(self._guests) >= self._most

    def _send_some_away(self) -> bool:
        """Whether there were any who were waited for: a few at a time, as looking for them takes longer than that."""
        of_host = Counter(guest.host for guest in self._guests.values())
        latest = monotonic() - _GRACE
        waited = [
            (-of_host[guest.host], guest.since, address)
            for address, guest in self._guests.items()
            if guest.since is not None and guest.since < latest
        ]
        for _, _, address in sorted(waited)[:_AT_A_TIME]:
            self._guests.pop(address).transport.abort()
        return bool(waited)
