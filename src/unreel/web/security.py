"""Who may ask, for what, and how much: before anything else sees a request.

Host          a name of this server, or an address: a page elsewhere cannot rename itself to this machine
Origin        what changes something, or is read by a script, must come from these pages themselves
token         where one is needed: once in the address, then in a cookie; or in the Authorization header
body          so many bytes, in so many seconds
answers       scripts, styles and pictures from here only; in nobody's frame; guessed at by nobody
"""

import asyncio
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALL_BODY = 2 << 20
"""Bytes of all that is sent here but videos."""

UPLOADS: Final = ("/upload", "/api/uploads")
MOST_UPLOADS: Final = 4
"""At the same time."""

OPEN: Final = "/static/"
"""What is shown to those without a token."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with "no-referrer" browsers hide where a form was sent from
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_ASK = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>unreel: token</title><link rel="stylesheet" href="/static/site.css"></head>
<body><main><h1>A token, please</h1><p class="lead">This server shows its collection to those who have its token: it is
in the address that <code>unreel serve</code> has printed.</p>
<form class="panel ask"><label>Token <input type="password" name="token" required autofocus></label>
<button class="main">Go on</button></form></main></body></html>
"""


@dataclass(frozen=True)
class Rules:
    """What the guard goes by: `hosts` are names of this server (addresses are allowed anyway), in lower case.

    `token` is "" where none is needed; it is kept in the cookie `cookie`. `largest_upload` is in bytes; a body must be
    there after `seconds`.
    """

    hosts: frozenset[str] = frozenset({"localhost"})
    token: str = ""
    cookie: str = "unreel"
    largest_upload: int = 64_000_000
    seconds: float = 120.0


@final
class RequestGuard:
    """An ASGI application in front of another."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self._app, self._rules = app, rules
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # there are no web sockets here
        headers = Headers(scope=scope)
        rejection = (
            self._stranger(scope, headers) or self._without_token(scope, headers) or self._too_much(scope, headers)
        )
        if rejection is not None:
            await rejection(scope, receive, _guarded(send))
            return
        uploads = int(scope["method"] == "POST" and scope["path"] in UPLOADS)
        self._uploads += uploads
        try:
            await self._app(scope, self._bounded(scope, receive), _guarded(send))
        finally:
            self._uploads -= uploads

    def _stranger(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to who calls this server by another's name, or has been sent by another's page."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            return PlainTextResponse(
                f"This server is not called {quote(host)[:100]}. Ask for the address that unreel serve has printed, or "
                "name this host with --hosts.\n",
                421,
            )
        sent_by, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
        reads = scope["method"] in _SAFE
        foreign = origin is not None and origin.partition("://")[2] != host
        if sent_by not in ("same-origin", "none"):
            foreign |= not reads or headers.get("sec-fetch-mode") != "navigate"
        if foreign:
            return PlainTextResponse("Another site's page has sent this: nothing was done.\n", 403)
        return None

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name in self._rules.hosts:
                return True
            ip_address(name)
        except ValueError:
            return False
        return True

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to who has not shown the token yet."""
        if not self._rules.token or scope["path"].startswith(OPEN):
            return None
        if any(map(self._is_token, _shown_tokens(headers, self._rules.cookie))):
            return None
        fields = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in fields if name == "token"]
        if scope["method"] == "GET" and any(map(self._is_token, given)):
            rest = urlencode([field for field in fields if field[0] != "token"])
            path = "/" + quote(scope["path"]).lstrip("/")
            welcome = RedirectResponse(path + "?" * bool(rest) + rest, 303)
            welcome.set_cookie(
                self._rules.cookie, self._rules.token, httponly=True, samesite="lax", secure=scope["scheme"] == "https"
            )
            return welcome
        if "text/html" in headers.get("accept", ""):
            return HTMLResponse(_ASK, 401)
        return PlainTextResponse("Got no token, or a wrong one. Give it as Authorization: Bearer TOKEN.\n", 401)

    def _is_token(self, text: str) -> bool:
        """Compared in a time that tells nothing of how much of it is right."""
        return hmac.compare_digest(text.encode("utf-8", "replace"), self._rules.token.encode())

    def _most(self, scope: Scope) -> int:
        uploads = scope["path"] in UPLOADS
        return self._rules.largest_upload + SMALL_BODY if uploads else SMALL_BODY  # a form around the file

    def _too_much(self, scope: Scope, headers: Headers) -> Response | None:
        length, most = headers.get("content-length", "0"), self._most(scope)
        if length.isdecimal() and int(length) > most:
            return PlainTextResponse(f"Got {length} bytes, expected at most {most}.\n", 413)
        if scope["method"] == "POST" and scope["path"] in UPLOADS and self._uploads >= MOST_UPLOADS:
            return PlainTextResponse("Others are sending videos just now. Try again in a minute.\n", 429)
        return None

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Receives no more than there may be, in no more time than it may take."""
        most, got = self._most(scope), 0
        deadline = asyncio.get_running_loop().time() + self._rules.seconds
        complete = False

        async def bounded() -> Message:
            nonlocal got, complete
            if complete:  # what comes now is that the connection was closed, at any time
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), deadline - asyncio.get_running_loop().time())
            except asyncio.TimeoutError:
                raise HTTPException(408, f"The request did not come within {self._rules.seconds:g} s.") from None
            got += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if got > most:
                raise HTTPException(413, f"Got more than {most} bytes, expected at most that many.")
            return message

        return bounded


def _shown_tokens(headers: Headers, cookie: str) -> Iterator[str]:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        yield value
    kept = cookie_parser(headers.get("cookie", "")).get(cookie)
    if kept is not None:
        yield kept


def _guarded(send: Send) -> Send:
    """Sends with the headers that keep browsers from doing more than show these pages."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return guarded
