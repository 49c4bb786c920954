"""Pictures and films of the videos: thumbnails that move, pieces that every browser plays, the files themselves."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, Response

from unreel.errors import VideoError
from unreel.web.api import PROBLEMS
from unreel.web.exports import LONGEST_PIECE
from unreel.web.params import LATEST, Key, TheSite, UploadKey, video_of

# What browsers may be able to play as it is; what they are told that it is.
PLAYABLE: Final = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm", ".mkv": "video/webm",
    ".ogv": "video/ogg",
}  # fmt: skip

_MINUTES = {"Cache-Control": "private, max-age=300"}
_NO_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1920 120"><g fill="#b5b1a8" font-family="sans-serif" '
    'font-size="15" text-anchor="middle">'
    + "".join(f'<text x="{160 * place + 80}" y="65">no picture</text>' for place in range(12))
    + "</g></svg>"
)

media = APIRouter(prefix="/api", tags=["media"], responses=PROBLEMS)

Start = Annotated[float, Query(ge=0, le=LATEST, allow_inf_nan=False, description="Seconds.")]
End = Annotated[float | None, Query(ge=0, le=LATEST, allow_inf_nan=False, description="Seconds; nothing: the end.")]


def _binary(kind: str) -> dict[str, Any]:
    return {"responses": {200: {"content": {kind: {}}}}, "response_class": Response}


@media.get("/videos/{key}/strip", **_binary("image/webp"))
async def strip(request: Request, site: TheSite, key: Key, start: Start = 0.0, end: End = None) -> Response:
    """12 pictures of 160×120 side by side: 1.2 s from the middle of the video or of a piece."""
    row = video_of(site, key).row
    try:
        picture = await site.cuts.strip(await site.originals.checked(row), *_span(start, end, row.end), row.end)
    except VideoError as error:
        return _no_picture(request, error)
    return FileResponse(picture, media_type="image/webp", headers=_MINUTES)


@media.get("/videos/{key}/filmstrip", **_binary("image/webp"))
async def filmstrip(request: Request, site: TheSite, key: Key) -> Response:
    """6 pictures of 160×120 side by side, from the whole of the video."""
    row = video_of(site, key).row
    try:
        picture = await site.cuts.filmstrip(await site.originals.checked(row), row.end)
    except VideoError as error:
        return _no_picture(request, error)
    return FileResponse(picture, media_type="image/webp", headers=_MINUTES)


@media.get("/videos/{key}/piece", **_binary("video/mp4"))
async def piece(site: TheSite, key: Key, start: Start = 0.0, end: End = None) -> Response:
    """H.264 that every browser plays, at most 120 s of it."""
    row = video_of(site, key).row
    begin, stop = _span(start, end, row.end)
    film = await site.cuts.piece(await site.originals.checked(row), begin, min(stop, begin + LONGEST_PIECE))
    return FileResponse(film, media_type="video/mp4", headers=_MINUTES)


@media.get("/videos/{key}/original", **_binary("video/mp4"))
async def original(site: TheSite, key: Key) -> Response:
    """The file as it is, where browsers may be able to play it."""
    found = site.originals.find(video_of(site, key).row)
    kind = None if found.path is None else PLAYABLE.get(found.path.suffix.lower())
    if found.path is None or kind is None:
        raise HTTPException(404, found.reason or "No browser plays this kind of file: ask for a piece.")
    return FileResponse(found.path, media_type=kind)


@media.get("/uploads/{key}/view", **_binary("video/mp4"))
async def view(site: TheSite, key: UploadKey) -> Response:
    """A video that was sent, as H.264."""
    return FileResponse(site.uploads.get(key).view, media_type="video/mp4")


@media.get("/uploads/{key}/filmstrip", **_binary("image/webp"))
async def upload_filmstrip(site: TheSite, key: UploadKey) -> Response:
    """6 pictures of 160×120 side by side, from the whole of a video that was sent."""
    return FileResponse(site.uploads.get(key).filmstrip, media_type="image/webp")


def _span(start: float, end: float | None, duration: float) -> tuple[float, float]:
    """A piece within the video; the whole of it where it makes no sense."""
    stop = duration if end is None else min(end, duration)
    return (start, stop) if start < stop else (0.0, duration)


def _no_picture(request: Request, error: VideoError) -> Response:
    """A picture that says so, for who asks for a picture."""
    if "image/" in request.headers.get("accept", ""):
        return Response(_NO_PICTURE, 404, media_type="image/svg+xml")
    raise error
