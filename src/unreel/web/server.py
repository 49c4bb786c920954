"""The server: where it listens, who is let in, and how it ends."""

import asyncio
import secrets
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, final
from urllib.parse import quote

import uvicorn
from starlette.types import ASGIApp

from unreel.engine.signals import ENDING, handled_signals
from unreel.errors import SettingsError
from unreel.web.app import application
from unreel.web.connections import SECONDS_IDLE, ConnectionLimit, places
from unreel.web.log import logged
from unreel.web.security import Rules
from unreel.web.site import Site

_WAITING = 4096  # connections that nobody has answered yet
_SECONDS_TO_END = 3


@dataclass(frozen=True)
class ServerOptions:
    """Where to listen, and what the guard goes by: see `unreel.cli.serve.ServeSettings`."""

    host: str
    port: int
    token: str | None = None
    hosts: tuple[str, ...] = ()
    largest_upload: int = 64_000_000

    @property
    def is_private(self) -> bool:
        """Whether only this machine can ask."""
        return self.host == "localhost" or (_is_address(self.host) and ip_address(self.host).is_loopback)

    def rules(self, port: int) -> Rules:
        """The rules of the guard; where others can ask, a token is made up if none is given."""
        token = self.token or ("" if self.is_private else secrets.token_urlsafe(24))
        own = {"localhost", socket.gethostname(), socket.getfqdn()} if not self.is_private else {"localhost"}
        names = {name.lower() for name in (*own, *self.hosts, self.host)}
        return Rules(frozenset(names), token, f"unreel-{port}", self.largest_upload)


def serve(site: Site, place: ServerOptions, tell: Callable[[str], object]) -> None:
    """Serve until interrupted; `tell` is given the address to open, with the token in it.

    Raises:
        SettingsError: one cannot listen there.
    """
    with listening(place) as listener, logged():
        port = listener.getsockname()[1]
        rules = place.rules(port)
        tell(address(place, port, rules.token))
        asyncio.run(server(site, rules).serve([listener]))


def server(site: Site, rules: Rules) -> uvicorn.Server:
    """A server that listens nowhere yet; it logs no requests, as addresses can hold a token."""
    return behind_door(application(site, rules), places())


def behind_door(app: ASGIApp, most: int) -> uvicorn.Server:
    """A server of any application, for at most so many connections."""
    door = ConnectionLimit(app, most)
    return _Server(
        uvicorn.Config(
            door,
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=SECONDS_IDLE,
            timeout_graceful_shutdown=_SECONDS_TO_END,
        ),
        door,
    )


@final
class _Server(uvicorn.Server):
    """Speaks HTTP with those whom the door lets in, until one of `ENDING` comes."""

    def __init__(self, config: uvicorn.Config, door: ConnectionLimit) -> None:
        super().__init__(config)
        self._door = door
        self._admitting: list[asyncio.Task[None]] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        self._admitting = [asyncio.create_task(self._door.admit(each, self._protocol)) for each in sockets or []]

    async def on_tick(self, counter: int) -> bool:
        self._door.look_round()
        return await super().on_tick(counter) or any(task.done() for task in self._admitting)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for task in self._admitting:
            task.cancel()
        self._door.end()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with handled_signals(ENDING, self.handle_exit):
            yield
        for number in self._captured_signals[:1]:
            signal.raise_signal(number)

    def _protocol(self) -> asyncio.Protocol:
        kind: Any = self.config.http_protocol_class
        connected: asyncio.Protocol = kind(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return connected


def listening(place: ServerOptions) -> socket.socket:
    """A socket that listens at a place.

    Raises:
        SettingsError: it cannot; the message says why.
    """
    try:
        listener = socket.create_server(
            (place.host, place.port), family=socket.AF_INET6 if ":" in place.host else socket.AF_INET, backlog=_WAITING
        )
    except OSError as error:
        raise SettingsError(
            f"cannot listen at {place.host}, port {place.port}: {(error.strerror or str(error)).lower()}. Name another "
            "--host or --port (0: any that is free)."
        ) from None
    # Its connections inherit this; asyncio does not see that they are of TCP, and each answer would take 40 ms longer.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def address(place: ServerOptions, port: int, token: str) -> str:
    """The address to open."""
    host = socket.gethostname() if _is_address(place.host) and ip_address(place.host).is_unspecified else place.host
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/{f'?token={quote(token)}' if token else ''}"


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
