"""Who is let in and who is sent away: with real connections that say half, nothing, or take nothing."""

import asyncio
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from web_fixtures import running

from unreel.web import connections
from unreel.web.connections import MOST, places
from unreel.web.server import behind_door

PLACES = 20
LARGE = 40 << 20
HEAD = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once, after the whole body, after two seconds of work, or with more than any buffer holds."""
    path = scope["path"]
    while path == "/body" and (await receive()).get("more_body"):
        pass
    if path == "/work":
        await asyncio.sleep(2)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(LARGE >> 16 if path == "/large" else 0):
        await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
    await send({"type": "http.response.body", "body": b"here"})


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, int]]:
    """A server that has places for 20."""
    with running(behind_door(answer, PLACES)) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        yield host, int(port)


@pytest.fixture
def connect(place: tuple[str, int]) -> Iterator[Callable[[bytes], socket.socket]]:
    """Opens a connection and sends something."""
    with ExitStack() as stack:

        def connected(sent: bytes) -> socket.socket:
            connection = stack.enter_context(socket.create_connection(place, timeout=10))
            connection.sendall(sent)
            return connection

        yield connected


def asked(place: tuple[str, int], path: str = "") -> float:
    """Seconds until a browser that comes now is answered."""
    begun = time.monotonic()
    assert httpx.get(f"http://{place[0]}:{place[1]}/{path}", timeout=10).text == "here"
    return time.monotonic() - begun


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed a connection."""
    connection.settimeout(0.02)
    try:
        while connection.recv(1 << 16):
            pass
        return True
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        HEAD % b"",
        HEAD % b"" + b"X-A: ",
        HEAD % b"" + b"\r\n",  # a whole one, and nothing more
        HEAD % b"body" + b"Content-Length: 100\r\n\r\nhalf",
        HEAD % b"large" + b"\r\n",
        (HEAD % b"" + b"\r\n") * 3 + HEAD % b"",
    ],
    ids=["nothing", "half", "drip", "idle", "body", "large", "again"],
)
def test_who_is_waited_for_costs_nobody_else_anything(
    place: tuple[str, int], connect: Callable[[bytes], socket.socket], sent: bytes
) -> None:
    connections = [connect(sent) for _ in range(PLACES + 8 if b"large" in sent else 2 * PLACES)]
    time.sleep(2 if b"large" in sent else 0)  # until the buffers of the system are full
    assert asked(place) < 1
    assert asked(place) < 1
    if not sent.endswith(b"\r\n\r\n"):
        closed = list(map(is_closed, connections))
        assert sum(closed) >= PLACES
        assert closed[0]
        assert not closed[-1]


def test_nobody_is_sent_away_while_the_server_is_at_work(connect: Callable[[bytes], socket.socket]) -> None:
    whole = [connect(HEAD % b"work" + b"\r\n") for _ in range(3 * PLACES)]
    begun = time.monotonic()
    for connection in whole:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert time.monotonic() - begun < 9  # three times two seconds: the others wait outside


def test_whole_requests_by_the_hundred_are_all_answered(connect: Callable[[bytes], socket.socket]) -> None:
    for connection in [connect(HEAD % b"" + b"\r\n") for _ in range(300)]:
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_a_request_that_does_not_come_is_not_waited_for(
    connect: Callable[[bytes], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "SECONDS_STALLED", 1.0)
    half, taking_nothing = connect(HEAD % b""), connect(HEAD % b"large" + b"\r\n")
    kept = connect(HEAD % b"" + b"\r\n")
    while not (kept.recv(1000)).endswith(b"0\r\n\r\n"):
        pass
    time.sleep(2)
    assert not is_closed(half)  # it has 20 s
    taking_nothing.settimeout(0.5)
    assert is_closed(taking_nothing)
    kept.sendall(HEAD % b"" + b"\r\n")
    assert kept.recv(1000).startswith(b"HTTP/1.1 200")


def test_the_first_request_has_twenty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SECONDS_TO_BEGIN", 0.5)
    with running(behind_door(answer, PLACES)) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as connection:
            begun = time.monotonic()
            connection.sendall(HEAD % b"")
            for _ in range(3):  # what comes in drops gets no more time
                time.sleep(0.1)
                connection.sendall(b"X")
            while not is_closed(connection):
                assert time.monotonic() - begun < 5
            assert time.monotonic() - begun > 0.5


def test_as_many_as_the_system_lets_be_open(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(256, 1024), (1024, 1024), (1024, 524_288), (64, 100), (20_000, resource.RLIM_INFINITY)]
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: asked.append(both))
    found = []
    for each in limits:
        monkeypatch.setattr(resource, "getrlimit", lambda _, both=each: both)
        found.append(places())
    assert found == [448, 448, MOST, 1, MOST]
    assert asked == [(1024, 1024), (1024, 1024), (4096, 524_288), (100, 100)]
