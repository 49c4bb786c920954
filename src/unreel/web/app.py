"""The application: pages, API, and what is said when something goes wrong."""

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from unreel.errors import SettingsError, UnreelError, VideoError
from unreel.web.api import api
from unreel.web.guard import Guard, Rules
from unreel.web.media import media
from unreel.web.pages import pages, problem_page
from unreel.web.site import Site


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
    return Guard(app, rules)


async def _unreel_error(request: Request, error: Exception) -> Response:
    """A user's mistake is 400, what cannot be shown (any more) is 404, the rest is 409."""
    status = 400 if isinstance(error, SettingsError) else 404 if isinstance(error, VideoError) else 409
    return _problem(request, status, str(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = _problem(request, error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _senseless(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [f"{'.'.join(map(str, each['loc'][1:] or each['loc']))}: {each['msg']}" for each in error.errors()]
    return _problem(request, 422, "; ".join(faults))


def _problem(request: Request, status: int, detail: str) -> Response:
    detail = detail or HTTPStatus(status).phrase
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": detail}, status)
    return problem_page(request, status, detail)
