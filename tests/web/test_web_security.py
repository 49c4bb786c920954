"""Who is let in: by the right name, from the right page, with the token, with so much and no more."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from web_fixtures import serving

from unreel.web.security import Rules
from unreel.web.server import ServerOptions, address
from unreel.web.site import Site

TOKEN = "correct horse battery"
FORM = {"label": "walk", "pick": "0123456789abcdef"}


@pytest.fixture(scope="module")
def locked(site: Site) -> Iterator[str]:
    """The address of a server with a token, and little patience."""
    rules = Rules(frozenset({"localhost", "films.example"}), TOKEN, "unreel-1", largest_upload=100_000, seconds=1.0)
    with serving(site, rules) as address:
        yield address


def test_every_answer_keeps_browsers_from_doing_more(client: httpx.Client) -> None:
    for path in ("/", "/static/site.js", "/api/encoders", "/nothing", "/api/videos/0123456789abcdef/strip"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("192.168.0.7:8000", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("evil.example@localhost", 200),  # its name is localhost
        ("localhost@evil.example", 421),
        ("[::1", 421),
        ("", 421),
    ],
)
def test_other_names_are_not_ours(client: httpx.Client, host: str, status: int) -> None:
    assert client.get("/api/encoders", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),  # let in; the selected video is none of this collection
        ({"origin": "{own}"}, 400),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[::1"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"sec-fetch-site": "same-origin"}, 400),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, 403),
    ],
)
def test_other_pages_change_nothing(client: httpx.Client, address: str, headers: dict[str, str], status: int) -> None:
    sent = {name: value.format(own=address) for name, value in headers.items()}
    assert client.post("/labels", data=FORM, headers=sent).status_code == status


def test_other_pages_may_lead_here_but_read_nothing(client: httpx.Client) -> None:
    foreign = {"sec-fetch-site": "cross-site"}
    assert client.get("/", headers=foreign | {"sec-fetch-mode": "navigate"}).status_code == 200
    assert client.get("/api/encoders", headers=foreign | {"sec-fetch-mode": "cors"}).status_code == 403
    assert client.get("/", headers=foreign | {"sec-fetch-mode": "no-cors"}).status_code == 403


@pytest.mark.parametrize("path", ["/", "/api/encoders", "/api/videos/0123456789abcdef/original", "/openapi.json", "/x"])
def test_without_the_token_nothing_is_shown(locked: str, path: str) -> None:
    wrong = [
        b"",
        b"authorization: Bearer wrong",
        b"authorization: " + TOKEN.encode(),
        b"authorization: Bearer \xff",
        b"cookie: unreel-2=" + TOKEN.encode(),
        b"cookie: unreel-1=wrong",
        b'cookie: unreel-1="',
    ]
    for header in wrong:
        answer = httpx.get(locked + path, headers=dict([header.split(b": ")]) if header else {})
        assert answer.status_code == 401
        assert "tiny" not in answer.text
    assert httpx.get(f"{locked}{path}?token=wrong").status_code == 401
    assert httpx.post(f"{locked}{path}?token={TOKEN}").status_code == 401


def test_the_token_is_given_once(locked: str) -> None:
    with httpx.Client(base_url=locked) as client:
        asked = client.get("/", headers={"accept": "text/html"})
        assert "A token, please" in asked.text
        assert client.get("/static/site.css").status_code == 200
        welcome = client.get("/video/x", params={"text": "a b", "token": TOKEN})
        assert (welcome.status_code, welcome.headers["location"]) == (303, "/video/x?text=a+b")
        cookie = welcome.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert client.get("/").status_code == 200
    assert httpx.get(f"{locked}/api/encoders", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    away = httpx.get(f"{locked}//evil.example", params={"token": TOKEN})
    assert away.headers["location"] == "/evil.example"


def test_a_body_that_says_it_is_too_large_is_not_read(client: httpx.Client) -> None:
    answer = client.put("/api/labels/items", content=b" " * ((2 << 20) + 1))
    assert (answer.status_code, answer.text) == (413, "Got 2097153 bytes, expected at most 2097152.\n")


def test_a_body_that_does_not_say_how_large_it_is_is_read_to_its_limit(client: httpx.Client) -> None:
    answer = client.put("/api/labels/items", content=iter([b" " * 100_000] * 30))
    assert (answer.status_code, answer.json()) == (
        413,
        {"detail": "Got more than 2097152 bytes, expected at most that many."},
    )


def test_who_sends_too_slowly_is_not_waited_for(locked: str) -> None:
    host, port = locked.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"PUT /api/labels/items HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
        )
        begun = time.monotonic()
        answer = connection.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - begun < 5


def test_only_some_send_videos_at_the_same_time(locked: str) -> None:
    host, port = locked.removeprefix("http://").split(":")
    begun = (
        f"POST /api/uploads HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n--x\r\n"
    )
    with ExitStack() as stack:
        for _ in range(4):
            connection = stack.enter_context(socket.create_connection((host, int(port))))
            connection.sendall(begun.encode())
        time.sleep(0.3)
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer = httpx.post(f"{locked}/api/uploads", files={"file": ("a.mp4", b"x")}, headers=headers)
        assert (answer.status_code, answer.text) == (
            429,
            "Others are sending videos just now. Try again in a minute.\n",
        )
        time.sleep(1)
    assert httpx.post(f"{locked}/api/uploads", files={"file": ("a.mp4", b"x")}, headers=headers).status_code == 404


def test_there_are_no_web_sockets(client: httpx.Client) -> None:
    upgrade = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "eA==",
    }
    assert client.get("/nothing", headers=upgrade).status_code == 404


@pytest.mark.parametrize(
    ("host", "private"),
    [("127.0.0.1", True), ("127.0.0.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("192.168.0.7", False), ("example.org", False)],
)  # fmt: skip
def test_where_others_can_ask_there_is_a_token(host: str, private: bool) -> None:
    place = ServerOptions(host, 8000)
    assert place.is_private == private
    token = place.rules(8000).token
    assert (token == "") == private
    assert len(token) in (0, 32)
    assert ServerOptions(host, 8000, token=TOKEN).rules(8000).token == TOKEN
    assert place.rules(8000).token != token or private


def test_the_address_to_open() -> None:
    assert address(ServerOptions("127.0.0.1", 0), 8123, "") == "http://127.0.0.1:8123/"
    assert address(ServerOptions("::1", 0), 8123, "a b") == "http://[::1]:8123/?token=a%20b"
    assert address(ServerOptions("0.0.0.0", 0), 8123, "t") == f"http://{socket.gethostname()}:8123/?token=t"
