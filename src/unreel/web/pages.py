"""The pages: plain HTML that works without any script."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, UploadFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from unreel.errors import SettingsError
from unreel.reporting.projection import SHAPES
from unreel.web.api import clips_file, list_file, send, table_file
from unreel.web.browse import browse as find_videos
from unreel.web.browse import chosen_items, neighbours
from unreel.web.catalogue import NEXT, ORDERS
from unreel.web.chips import chips, page_numbers
from unreel.web.commands import finetune_command, predict_command
from unreel.web.compare import side_by_side
from unreel.web.exports import LONGEST_PIECE
from unreel.web.media import PLAYABLE
from unreel.web.params import (
    Conditions,
    Key,
    Looking,
    Opening,
    Searching,
    TheSite,
    UploadKey,
    query_of,
    read_conditions,
    video_of,
)
from unreel.web.search import SearchInput as Sought
from unreel.web.selection import LONGEST_CONDITIONS, SelectedVideo
from unreel.web.serialise import answer_facts, find, given_labels, label_items, undo, video_facts
from unreel.web.site import Site
from unreel.web.templating import assets, link, render

MOST_TILES = 200
"""Of what is selected or labelled, that are shown."""
_DONE = ("done", "undone")

pages = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


async def _picked(
    site: TheSite,
    pick: Annotated[tuple[str, ...], Form()] = (),
    picks: Annotated[str, Form()] = "",
    found: Annotated[str | None, Form(max_length=LONGEST_CONDITIONS)] = None,
    without: Annotated[str, Form()] = "",
) -> list[SelectedVideo]:
    """What is selected: ticked boxes, what the page's script has gathered from other pages, and all that was found."""
    items = await chosen_items(site, [*pick, *picks.split()], found or None, without.split())
    if not items:
        raise SettingsError("got nothing selected, expected at least one video: tick some first.")
    return items


Picked = Annotated[list[SelectedVideo], Depends(_picked)]


@dataclass(frozen=True)
class Player:
    """Addresses of what plays a video: its `film` strip, a `piece` from `begin` seconds on, and the file itself."""

    film: str
    piece: str
    begin: float = 0.0
    original: str = ""
    type: str = ""


@pages.get("/")
async def browse(request: Request, site: TheSite, looking: Annotated[Looking, Query()]) -> Response:
    """The collection, and beside it its map."""
    given, found = given_labels(site), await find_videos(site, looking)
    some = found.videos[looking.offset : looking.offset + looking.limit]
    fields = looking.model_dump(exclude_defaults=True)
    conditions = {name: fields[name] for name in Conditions.model_fields if name in fields}
    return _page(
        request,
        "browse.html",
        videos=[video_facts(site, video, given) for video in some],
        total=len(found.videos),
        facets=found.facets,
        browsing=looking,
        fields=fields,
        conditions=conditions,
        plain={name: fields[name] for name in ("order", "size", "map", "colour") if name in fields},
        found=link("", conditions) or "?",
        opened={"among": link("", conditions, order=fields.get("order")) or "?"},
        chips=chips(fields, found.facets),
        numbers=page_numbers(looking.offset // looking.limit, -(-len(found.videos) // looking.limit)),
        shown=None if looking.map is None else Searching(encoder=[looking.map]).encoders(site.catalogue)[0],
        orders=(*ORDERS, NEXT),
        shapes=SHAPES,
    )


@pages.get("/video/{key}")
async def video(request: Request, site: TheSite, key: Key, searching: Annotated[Opening, Query()]) -> Response:
    """A video, or a piece of it, and what is like it."""
    found = video_of(site, key)
    original = await site.originals.checked(found.row)
    given = given_labels(site)
    facts, around = video_facts(site, found, given), None
    if searching.among is not None:
        around = await neighbours(site, found, searching.among)
    quick = site.keys.assign(Counter(given.values()), sorted(site.catalogue.labels))
    player = None if original.path is None else _player(key, found.row.end, searching.at or 0.0, original.path.suffix)
    return await _similar(
        request, site, query_of(found, searching), searching, player=player, facts=facts, around=around, quick=quick
    )


@pages.get("/next")
async def next_to_label(site: TheSite, among: Annotated[str, Query(max_length=LONGEST_CONDITIONS)]) -> Response:
    """Where the video is that is to be labelled next, by all labels so far; the list where there is none."""
    found = (await find_videos(site, read_conditions(among))).videos
    address = link(f"/video/{found[0].key}", {"among": among}) if found else "/"
    return RedirectResponse(address, 303)


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
        **({"facts": None, "upload": None, "around": None} | context),
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
async def the_map(encoder: Annotated[int, Query(ge=0, le=9)] = 0) -> Response:
    """Where the map was before it stood beside the videos."""
    return RedirectResponse(f"/?map={encoder}", 303)


@pages.get("/labels")
async def labels(request: Request, site: TheSite) -> Response:
    """The labels that were given."""
    given = site.labels.given()
    facts = {item.name: video_facts(site, item.video, {}) for item, _ in given[:MOST_TILES]}
    counts: dict[str, int] = {}
    for _, label in given:
        counts[label] = counts.get(label, 0) + 1
    others = len(site.labels.table()) - len(given)
    site.guesser.refresh(given_labels(site))
    context: dict[str, Any] = {"given": given, "facts": facts, "counts": counts, "others": others}
    context |= {"command": finetune_command(site, given), "naming": predict_command(site)}
    context["history"] = sorted(site.guesser.history.items())
    return _page(request, "labels.html", labels=site.labels, **context)


@pages.post("/labels")
async def label(
    site: TheSite,
    picked: Picked,
    label: Annotated[str, Form()] = "",
    quick: Annotated[str | None, Form()] = None,
    back: Annotated[str, Form()] = "/labels",
) -> Response:
    """Give the label that was typed or, before that, the one of the button; or take it away."""
    token = await label_items(site, label if quick is None else quick, picked)
    return _back(back, done=token)


@pages.post("/undo")
async def undo_label(
    site: TheSite, act: Annotated[str, Form(max_length=64)], back: Annotated[str, Form()] = "/labels"
) -> Response:
    """Give back what was there before an act."""
    return _back(back, undone=await undo(site, act))


@pages.post("/selection")
async def selection(request: Request, site: TheSite, picked: Picked) -> Response:
    """What is selected."""
    given = given_labels(site)
    items = [(item, video_facts(site, item.video, given)) for item in picked[:MOST_TILES]]
    return _page(request, "selection.html", items=items, total=len(picked))


@pages.post("/export/{form}")
async def export(site: TheSite, form: Literal["list", "csv", "clips"], picked: Picked) -> Response:
    """What is selected, to keep."""
    return list_file(picked) if form == "list" else {"csv": table_file, "clips": clips_file}[form](site, picked)


@pages.get("/labels/clips")
async def labelled_clips(site: TheSite) -> Response:
    """All that was labelled, as clips in folders: what `unreel finetune` takes."""
    items = [item for item, _ in site.labels.given()]
    if not items:
        raise HTTPException(404, "Nothing was labelled yet.")
    return clips_file(site, items, by_label=True)


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
    """A page; `address` is its own, for forms that come back to it, `act` and `undone` what was done just now."""
    site: Site = request.app.state.site
    query = [(name, value) for name, value in request.query_params.multi_items() if name not in _DONE]
    address = request.url.path + (f"?{urlencode(query)}" if query else "")
    token, undone = (request.query_params.get(name, "") for name in _DONE)
    context |= {"site": site, "address": address if request.method == "GET" else "/"}
    context |= {"token": token, "act": site.acts.get(token), "undone": undone if undone.isdecimal() else ""}
    return HTMLResponse(render(template, context), status)


def _back(address: str, **done: Any) -> Response:
    """Back to a page, which says what was done."""
    local = _local(address)
    return RedirectResponse(f"{local}{'&' if '?' in local else '?'}{urlencode(done)}", 303)


def _local(address: str) -> str:
    """An address on this server, and on no other."""
    plain = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if plain else "/labels"
