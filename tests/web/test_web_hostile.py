"""Requests that no browser sends: answered at once, with what is wrong, and nothing of them in the log."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import pytest
from web_fixtures import Shop, key, serving

from unreel.web.log import logged
from unreel.web.security import Rules
from unreel.web.site import Site

VIDEO = key("walk/0.mp4")
ORIGINAL = f"/api/videos/{VIDEO}/original"
FORM = b"application/x-www-form-urlencoded"


def request(path: str, *headers: bytes, method: bytes = b"GET", body: bytes = b"") -> bytes:
    """A request as it is sent."""
    lines = [method + b" " + path.encode() + b" HTTP/1.1", b"Host: localhost", *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def sent(path: str, body: bytes, kind: bytes = b"application/json", method: bytes = b"PUT") -> bytes:
    """A request with a body."""
    return request(path, b"Content-Type: " + kind, b"Content-Length: %d" % len(body), method=method, body=body)


def part(name: bytes) -> bytes:
    """A form with a file of that name."""
    head = b'--x\r\ncontent-disposition: form-data; name="file"; filename="%s"\r\n\r\nx\r\n--x--\r\n' % name
    return sent("/api/uploads", head, b"multipart/form-data; boundary=x", b"POST")


HOSTILE = {
    "many ranges": (request(ORIGINAL, b"Range: bytes=" + b",".join(b"%d-%d" % (n, n + 1) for n in range(3000))), 200),
    "huge range": (request(ORIGINAL, b"Range: bytes=" + b"9" * 5000 + b"-"), 400),
    "NUL": (request("/static/%00"), 404),
    "NUL in a key": (request("/video/%00"), 422),
    "half a letter": (request("/%ff%fe"), 404),
    "out of the folder": (request("/static/..%2f..%2f..%2fetc%2fpasswd"), 404),
    "endless path": (request("/" + "a" * 200_000), 400),
    "header bomb": (request("/", *(b"X-%d: a" % number for number in range(20_000))), 400),
    "parameters": (request("/?" + "&".join(f"a{number}=1" for number in range(9000))), 200),
    "deep condition": (request("/api/videos?where=" + "(" * 1900), 400),
    "deep JSON": (sent("/api/labels/items", b"[" * 1_000_000), 400),
    "wide JSON": (sent("/api/labels/items", json.dumps(dict.fromkeys(map(str, range(100_000)))).encode()), 422),
    "long list": (sent("/api/labels/items", json.dumps({"items": ["x"] * 9999, "label": ""}).encode()), 422),
    "endless number": (sent("/api/labels/items", b'{"items":[],"label":' + b"9" * 1_000_000 + b"}"), 400),
    "no UTF-8": (sent("/api/labels/items", b'{"items":["\xff\xfe"],"label":"\xff"}'), 400),
    "surrogate": (sent("/api/labels/items", b'{"items":["%s"],"label":"\\ud800"}' % VIDEO.encode()), 422),
    "escape": (sent("/api/labels/items", b'{"items":["%s"],"label":"\\u001b[2J"}' % VIDEO.encode()), 400),
    "bytes": (sent("/labels", bytes(range(256)) * 100, FORM, b"POST"), 400),
    "fields": (sent("/labels", b"&".join(b"pick=%d" % number for number in range(100_000)), FORM, b"POST"), 400),
    "name of a file": (part(b"\xff\x1b[2J\x00.mp4"), 404),
    "endless name": (part(b"a" * 1_000_000 + b".mp4"), 400),
    "no boundary": (sent("/api/uploads", b"x", b"multipart/form-data", b"POST"), 400),
    "HTTP/1.0 without a name": (b"GET / HTTP/1.0\r\n\r\n", 421),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 421),
    "TLS": (bytes.fromhex("16030100c8010000c40303") + bytes(200), 400),
    "two names": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n", 400),
    "two lengths": (request("/labels", b"Content-Length: 5", b"Content-Length: 6", method=b"POST"), 400),
    "smuggled": (request("/labels", b"Content-Length: 5", b"Transfer-Encoding: chunked", method=b"POST"), 400),
    "origin": (request("/", b"Origin: http://[::1"), 403),
    "web socket": (request("/x", b"Connection: Upgrade", b"Upgrade: websocket"), 404),
    "method": (request("/", method=b"A" * 50_000), 405),
    "endless time": (request(f"/video/{VIDEO}?at=" + "1" * 5000), 422),
    "endless encoder": (request("/api/maps/" + "9" * 5000), 422),
}


@pytest.mark.usefixtures("shop")
def test_each_is_told_what_is_wrong(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    found, slow = {}, {}
    with logged(), serving(site, Rules(largest_upload=2_000_000)) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        for name, (content, _) in HOSTILE.items():
            begun = time.monotonic()
            with socket.create_connection((host, int(port)), timeout=30) as connection:
                with suppress(ConnectionError):  # it was skipped before all of it was sent
                    connection.sendall(content)
                found[name] = connection.recv(12)
            slow[name] = time.monotonic() - begun
        assert httpx.get(f"{address}/help").status_code == 200
    assert found == {name: b"HTTP/1.1 %d" % status for name, (_, status) in HOSTILE.items()}
    assert {name for name, seconds in slow.items() if seconds > 5} == set()
    assert capsys.readouterr().err == ""


def test_requests_in_one_go_are_answered_in_their_order(address: str) -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request("/static/site.js") * 30 + request("/nothing"))
        got = b""
        while b"HTTP/1.1 404" not in got:
            got += connection.recv(1 << 20)
    assert got.count(b"HTTP/1.1 200") == 30


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[: len(content) // 2], lambda _: b"", lambda _: b"#!/bin/sh"],
    ids=["cut", "empty", "other"],
)
def test_a_table_that_is_damaged_meanwhile_is_told_until_it_is_mended(
    address: str, shop: Shop, damage: Callable[[bytes], bytes]
) -> None:
    whole = {path: path.read_bytes() for path in shop.tables[0].rglob("*") if path.is_file()}
    try:
        for file, content in whole.items():
            file.write_bytes(damage(content))
        for path in (f"/video/{VIDEO}", "/api/maps/0"):
            answer = httpx.get(f"{address}{path}", timeout=60)
            assert answer.status_code in (200, 409, 500, 503)  # 200: an encoder beside it has answered, or memory
            assert "Traceback" not in answer.text
            assert answer.text != "Internal Server Error"
    finally:
        for file, content in whole.items():
            file.write_bytes(content)
    for path in (f"/video/{VIDEO}", "/api/maps/0"):
        assert httpx.get(f"{address}{path}", timeout=60).status_code == 200
