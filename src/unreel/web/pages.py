"""The pages: plain HTML that works without any script."""

import shlex
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from unreel.errors import SettingsError
from unreel.reporting.projection import SHAPES
from unreel.web.api import clips_file, list_file, send, table_file
from unreel.web.catalogue import ORDERS
from unreel.web.compare import side_by_side
from unreel.web.exports import LONGEST_PIECE
from unreel.web.labels import COLUMN
from unreel.web.media import PLAYABLE
from unreel.web.params import Browsing, Key, Searching, TheSite, UploadKey, query_of, video_of
from unreel.web.search import SearchInput as Sought
from unreel.web.selection import read_items
from unreel.web.serialise import answer_facts, encoder_facts, find, given_labels, label_items, video_facts
from unreel.web.site import Site
from unreel.web.templating import assets, render

pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


def _picked(pick: Annotated[tuple[str, ...], Form()] = (), picks: Annotated[str, Form()] = "") -> list[str]:
    """The names of what is selected: ticked boxes, and what the page's script has gathered from other pages."""
    names = [*pick, *picks.split()]
    if not names:
        raise SettingsError("got nothing selected, expected at least one video: tick some first.")
    return names


Picked = Annotated[list[str], Depends(_picked)]


@dataclass(frozen=True)
class Player:
    """Addresses of what plays a video: its `film` strip, a `piece` from `begin` seconds on, and the file itself."""

    film: str
    piece: str
    begin: float = 0.0
    original: str = ""
    type: str = ""


@pages.get("/")
async def browse(request: Request, site: TheSite, browsing: Annotated[Browsing, Query()]) -> Response:
    """The collection."""
    given = given_labels(site)
    total, some = site.catalogue.browse(browsing.wanted, browsing.order, browsing.offset, browsing.limit)
    videos = [video_facts(site, video, given) for video in some]
    fields = browsing.model_dump(exclude_defaults=True)
    return _page(request, "browse.html", videos=videos, total=total, browsing=browsing, fields=fields, orders=ORDERS)


@pages.get("/video/{key}")
async def video(request: Request, site: TheSite, key: Key, searching: Annotated[Searching, Query()]) -> Response:
    """A video, or a piece of it, and what is like it."""
    found = video_of(site, key)
    original = await site.originals.checked(found.row)
    facts = video_facts(site, found, given_labels(site))
    player = None if original.path is None else _player(key, found.row.end, searching.at or 0.0, original.path.suffix)
    return await _similar(request, site, query_of(found, searching), searching, player=player, facts=facts)


def _player(key: str, duration: float, at: float, suffix: str) -> Player:
    """What plays a video: the file itself where the browser can, otherwise at most two minutes of it from `at` on."""
    begin = min(max(0.0, at - 5), max(0.0, duration - LONGEST_PIECE))
    end = min(duration, begin + LONGEST_PIECE)
    video, kind = f"/api/videos/{key}", PLAYABLE.get(suffix.lower(), "")
    piece = f"{video}/piece?start={begin:.3f}&end={end:.3f}"
    return Player(f"{video}/filmstrip", piece, begin, f"{video}/original" if kind else "", kind)


@pages.get("/sent/{key}")
async def sent(request: Request, site: TheSite, key: UploadKey, searching: Annotated[Searching, Query()]) -> Response:
    """A video that was sent, or a piece of it, and what is like it."""
    upload = site.uploads.get(key)
    player = Player(f"/api/uploads/{key}/filmstrip", f"/api/uploads/{key}/view")
    sought = Sought(upload=upload, piece=searching.piece(upload.seconds))
    return await _similar(request, site, sought, searching, player=player, upload=upload)


async def _similar(request: Request, site: Site, sought: Sought, searching: Searching, **context: Any) -> Response:
    found = await find(site, sought, searching.search, searching.encoders(site.catalogue))
    given = given_labels(site)
    columns = side_by_side(
        [answer_facts(site, each, given) for each in found], "" if sought.video is None else sought.video.row.label
    )
    return _page(
        request,
        "similar.html",
        **({"facts": None, "upload": None} | context),
        sought=sought,
        searching=searching,
        fields=searching.model_dump(exclude_defaults=True),
        columns=columns,
        chosen=[each.shown.number for each in found],
        why_not={shown.number: site.finder.why_not(shown) for shown in site.catalogue.shown},
    )


@pages.get("/upload")
async def upload_form(request: Request) -> Response:
    """Where to send a video from."""
    return _page(request, "upload.html")


@pages.post("/upload")
async def upload(site: TheSite, file: UploadFile) -> Response:
    """Take a video and search by it."""
    return RedirectResponse(f"/sent/{(await send(site, file)).key}", 303)


@pages.get("/map")
async def the_map(request: Request, site: TheSite, searching: Annotated[Searching, Query()]) -> Response:
    """The collection as an encoder sees it."""
    shown = searching.encoders(site.catalogue)[0]
    return _page(request, "map.html", shown=shown, encoder=encoder_facts(site, shown), shapes=SHAPES)


@pages.get("/labels")
async def labels(request: Request, site: TheSite) -> Response:
    """The labels that were given."""
    given = site.labels.given()
    facts = {item.name: video_facts(site, item.video, {}) for item, _ in given[:200]}
    counts: dict[str, int] = {}
    for _, label in given:
        counts[label] = counts.get(label, 0) + 1
    others = len(site.labels.table()) - len(given)
    words = ["unreel", "finetune", str(site.labels.path), "--label", COLUMN, "--weights"]
    command = shlex.join([*words, site.catalogue.shown[0].table.facts.weights, "--out", "runs/labels"])
    context: dict[str, Any] = {"given": given, "facts": facts, "counts": counts, "others": others, "command": command}
    return _page(request, "labels.html", labels=site.labels, **context)


@pages.post("/labels")
async def label(
    site: TheSite,
    label: Annotated[str, Form()],
    picked: Picked,
    back: Annotated[str, Form()] = "/labels",
) -> Response:
    """Give a label, or take it away."""
    await label_items(site, label, read_items(site.catalogue, picked))
    return RedirectResponse(_local(back), 303)


@pages.post("/selection")
async def selection(request: Request, site: TheSite, picked: Picked) -> Response:
    """What is selected."""
    given = given_labels(site)
    items = [(item, video_facts(site, item.video, given)) for item in read_items(site.catalogue, picked)]
    return _page(request, "selection.html", items=items)


@pages.post("/export/{form}")
async def export(site: TheSite, form: Literal["list", "csv", "clips"], picked: Picked) -> Response:
    """What is selected, to keep."""
    return {"list": list_file, "csv": table_file, "clips": clips_file}[form](site, picked)


@pages.get("/labels/clips")
async def labelled_clips(site: TheSite) -> Response:
    """All that was labelled, as clips in folders: what `unreel finetune` takes."""
    names = [item.name for item, _ in site.labels.given()]
    if not names:
        raise HTTPException(404, "Nothing was labelled yet.")
    return clips_file(site, names, by_label=True)


@pages.get("/labels/csv")
async def labels_csv(site: TheSite) -> Response:
    """The table of labels, as it is on the server."""
    if not site.labels.path.exists():
        raise HTTPException(404, "Nothing was labelled yet.")
    headers = {"Content-Disposition": 'attachment; filename="labels.csv"'}
    return Response(site.labels.path.read_bytes(), media_type="text/csv", headers=headers)


@pages.get("/help")
async def help_page(request: Request) -> Response:
    """Keys and hints."""
    return _page(request, "help.html")


@pages.get("/static/{name}")
async def static(request: Request, name: str) -> Response:
    """A file of the pages' own."""
    asset = assets().get(name)
    if asset is None:
        raise HTTPException(404, "There is no such file.")
    headers = {"ETag": asset.tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == asset.tag:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.type, headers=headers)


def problem_page(request: Request, status: int, detail: str) -> Response:
    """A page that says why there is none."""
    return _page(request, "problem.html", status, detail=detail)


def _page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A page; `address` is its own, for forms that come back to it."""
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    context |= {"site": request.app.state.site, "address": address if request.method == "GET" else "/"}
    return HTMLResponse(render(template, context), status)


def _local(address: str) -> str:
    """An address on this server, and on no other."""
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if plain else "/labels"
