"""A web server on this machine with pages that break off, lie, change and fall silent as they are told."""

import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from unreel.video.fetch.download import Patience

IMPATIENT = Patience(connect=20.0, silence=20.0, attempts=3, first_pause=0.0, longest_pause=0.0)
_PIECE = 1 << 16


@dataclass
class Page:
    """What an address gives.

    `statuses` are answered first, one to a request; `breaks` are the numbers of bytes after which the first requests
    that get content break off; at the byte `silent` it stops and says nothing more. `length` and `range` are said
    in place of the truth. Without `ranges` the whole is sent to everyone. `pause` is slept after every 64 KiB.
    """

    content: bytes = b""
    etag: str = '"one"'
    modified: str = ""
    ranges: bool = True
    says_length: bool = True
    statuses: list[int] = field(default_factory=list)
    breaks: list[int] = field(default_factory=list)
    silent: int | None = None
    length: int | None = None
    range: str = ""
    redirect: str = ""
    pause: float = 0.0


@dataclass
class Request:
    """What was asked and how many bytes of content were given to the connection."""

    method: str
    path: str
    range: str
    if_range: str
    sent: int = 0


class Web:
    """The server: `pages` by their paths, and the `requests` so far. Use as a context manager."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.web = self
        scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.address = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> "Web":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self, path: str, page: Page) -> str:
        """Give `page` at `path`; its address."""
        self.pages[path] = page
        return self.address + path

    def gets(self) -> list[Request]:
        """The requests for content."""
        return [request for request in self.requests if request.method == "GET"]


class _Server(ThreadingHTTPServer):
    web: Web

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        """Every connection serves one request."""
        self.send_header("Connection", "close")
        super().end_headers()

    def _answer(self) -> None:
        web = self.server.web
        asked = self.headers.get("Range", "")
        request = Request(self.command, self.path, asked, self.headers.get("If-Range", ""))
        web.requests.append(request)
        page = web.pages.get(self.path.partition("?")[0])
        if page is None or page.statuses:
            self._fail(404 if page is None else page.statuses.pop(0))
        elif page.redirect:
            self.send_response(302)
            self.send_header("Location", page.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._give(page, request)

    def _fail(self, status: int) -> None:
        content = b"<!DOCTYPE html><title>Oh no</title>"
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _give(self, page: Page, request: Request) -> None:
        whole, same = len(page.content), request.if_range in ("", page.etag, page.modified)
        start = (
            int(request.range.removeprefix("bytes=").removesuffix("-")) if request.range and page.ranges and same else 0
        )
        if start and start >= whole:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{whole}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", page.range or f"bytes {start}-{whole - 1}/{whole}")
        if page.says_length:
            self.send_header("Content-Length", str(whole - start if page.length is None else page.length))
        for name, value in (("ETag", page.etag), ("Last-Modified", page.modified)):
            if value:
                self.send_header(name, value)
        self.end_headers()
        if request.method == "GET":
            self._send(page, request, start)

    def _send(self, page: Page, request: Request, start: int) -> None:
        end = len(page.content)
        if page.breaks:
            end = min(end, start + page.breaks.pop(0))
        if page.silent is not None:
            end = min(end, max(start, page.silent))
        for begin in range(start, end, _PIECE):
            piece = page.content[begin : min(begin + _PIECE, end)]
            request.sent += len(piece)  # before: who has read all of it may ask at once
            self.wfile.write(piece)
            time.sleep(page.pause)
        if page.silent is not None:
            self.server.web.closing.wait(20.0)
