"""The application: pages, API, and what is said when something goes wrong."""

import errno
import logging
import os
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from unreel.errors import OutputError, SettingsError, UnreelError, VideoError
from unreel.web.api import api
from unreel.web.media import media
from unreel.web.pages import pages, problem_page
from unreel.web.security import RequestGuard, Rules
from unreel.web.site import Site

MOST_FAULTS: Final = 3
"""Of a request, that are told: one can have a hundred thousand."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_log = logging.getLogger(__name__)


def application(site: Site, rules: Rules) -> ASGIApp:
    """A site behind its guard."""
    app = FastAPI(
        title="unreel",
        version="1",  # of the API
        description="Search, browse and label a collection of videos. The pages of this server use the same.",
        docs_url=None,  # it would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.site = site
    for router in (api, media, pages):
        app.include_router(router)
    app.add_exception_handler(UnreelError, _unreel_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _senseless)
    app.add_exception_handler(OSError, _system_error)
    app.add_exception_handler(Exception, _our_error)
    return RequestGuard(app, rules)


async def _unreel_error(request: Request, error: Exception) -> Response:
    """A user's mistake is 400, what cannot be shown (any more) is 404, the rest is 409."""
    if isinstance(error, OutputError) and isinstance(error.__cause__, OSError):
        return await _system_error(request, error.__cause__)
    status = 400 if isinstance(error, SettingsError) else 404 if isinstance(error, VideoError) else 409
    return _problem(request, status, str(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, OSError):  # of reading a form, most of which waits on the disk
        return await _system_error(request, error.__cause__)
    answer = _problem(request, error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _senseless(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    faults = [
        f"{'.'.join(map(str, each['loc'][1:] or each['loc']))[:100]}: {each['msg'][:200]}"
        for each in found[:MOST_FAULTS]
    ]
    return _problem(request, 422, "; ".join(faults) + "; …" * (len(found) > MOST_FAULTS))


async def _system_error(request: Request, error: Exception) -> Response:
    """What the disk or the system does not let be done; paths are for the log, not for those who ask."""
    assert isinstance(error, OSError)
    _log.error("%s", error)
    why = os.strerror(error.errno) if error.errno else type(error).__name__
    if error.errno in _FULL:
        return _problem(request, 507, f"The server has no room for this ({why.lower()}): free some, then ask again.")
    return _problem(request, 503, f"The server cannot do this just now ({why.lower()}); its log says more.")


async def _our_error(request: Request, _: Exception) -> Response:
    """What nobody has thought of: the server writes it to its log."""
    return _problem(request, 500, "Something went wrong here: what it was is in the server's log.")


def _problem(request: Request, status: int, detail: str) -> Response:
    detail = detail or HTTPStatus(status).phrase
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": detail}, status)
    return problem_page(request, status, detail)
