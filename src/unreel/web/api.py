"""The JSON API, described in /openapi.json."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, UploadFile
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from unreel.web.browse import browse, chosen_items
from unreel.web.exports import as_clips, as_list, as_table, check_clips
from unreel.web.params import Browsing, Conditions, Key, Mapping, Searching, TheSite, UploadKey, query_of, video_of
from unreel.web.schemas import (
    Answers,
    Chosen,
    ChosenLabels,
    EncoderFacts,
    FacetCount,
    FacetModel,
    Given,
    LabelCount,
    Labelling,
    LabelPage,
    ListedItems,
    MapPoints,
    Problem,
    Undoing,
    UploadFacts,
    VideoFacts,
    VideoPage,
)
from unreel.web.search import SearchInput as Sought
from unreel.web.selection import LARGEST_LIST, SelectedVideo, listed_videos
from unreel.web.serialise import (
    answer_facts,
    encoder_facts,
    find,
    given_labels,
    label_counts,
    label_items,
    undo,
    video_facts,
)
from unreel.web.site import Site

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"model": Problem, "description": "What was asked makes no sense."},
    404: {"model": Problem, "description": "There is no such thing."},
    409: {"model": Problem, "description": "It cannot be done as things are."},
    422: {"model": Problem, "description": "A value is not of its kind."},
}

api = APIRouter(prefix="/api", responses=PROBLEMS)


@api.get("/encoders", tags=["collection"])
async def encoders(site: TheSite) -> list[EncoderFacts]:
    """The encoders that have seen the collection."""
    return [encoder_facts(site, shown) for shown in site.catalogue.shown]


@api.get("/labels/collection", tags=["collection"])
async def collection_labels(site: TheSite) -> list[LabelCount]:
    """The labels that the collection came with."""
    return [LabelCount(label=label, videos=count) for label, count in sorted(site.catalogue.labels.items())]


@api.get("/videos", tags=["collection"])
async def videos(site: TheSite, browsing: Annotated[Browsing, Query()]) -> VideoPage:
    """Some of the videos."""
    given, found = given_labels(site), (await browse(site, browsing)).videos
    some = found[browsing.offset : browsing.offset + browsing.limit]
    facts = [video_facts(site, video, given) for video in some]
    return VideoPage(total=len(found), offset=browsing.offset, videos=facts)


@api.get("/facets", tags=["collection"])
async def facets(site: TheSite, conditions: Annotated[Conditions, Query()]) -> list[FacetModel]:
    """What tells videos apart: each value with the number of videos that would be found by it."""
    return [
        FacetModel(
            name=facet.name,
            title=facet.title,
            values=[FacetCount(value=each.value, text=each.text, videos=each.count) for each in facet.values],
        )
        for facet in (await browse(site, conditions)).facets
    ]


@api.get("/videos/{key}", tags=["collection"])
async def video(site: TheSite, key: Key) -> VideoFacts:
    """One video; its content is compared with what was embedded."""
    found = video_of(site, key)
    await site.originals.checked(found.row)
    return video_facts(site, found, given_labels(site))


@api.get("/videos/{key}/similar", tags=["search"])
async def similar(site: TheSite, key: Key, searching: Annotated[Searching, Query()]) -> Answers:
    """What each encoder finds like a video, or like a piece of it."""
    return await _answers(site, query_of(video_of(site, key), searching), searching)


@api.post("/uploads", tags=["search"], status_code=201)
async def send(site: TheSite, file: UploadFile) -> UploadFacts:
    """Send a video to search by; it is kept for half an hour."""
    upload = await site.uploads.take(file.filename or "", _parts(file))
    return UploadFacts(key=upload.key, name=upload.name, seconds=upload.seconds)


@api.get("/uploads/{key}/similar", tags=["search"])
async def similar_to_upload(site: TheSite, key: UploadKey, searching: Annotated[Searching, Query()]) -> Answers:
    """What each encoder finds like a video that was sent, or like a piece of it."""
    upload = site.uploads.get(key)
    return await _answers(site, Sought(upload=upload, piece=searching.piece(upload.seconds)), searching)


@api.delete("/uploads/{key}", tags=["search"], status_code=204)
async def forget(site: TheSite, key: UploadKey) -> None:
    """Forget a video that was sent."""
    site.uploads.remove(key)


@api.get("/maps/{encoder}", tags=["collection"])
async def map_points(site: TheSite, encoder: int, mapping: Annotated[Mapping, Query()]) -> MapPoints:
    """The map of an encoder; the first time it takes a while to draw."""
    (shown,) = Searching(encoder=[encoder]).encoders(site.catalogue)
    drawn = await site.maps.of(shown)
    found = {video.key for video in (await browse(site, mapping)).videos}
    given = given_labels(site)
    videos = [site.catalogue.video(identity) for identity in drawn.ids]
    return MapPoints(
        encoder=shown.number,
        method=drawn.method,
        keys=[video.key for video in videos],
        ids=drawn.ids,
        labels=[site.facets.colour(mapping.colour, video, given.get(video.key, "")) for video in videos],
        found=[video.key in found for video in videos],
        places=[[x, y] for x, y in drawn.places],
    )


@api.get("/labels", tags=["labels"])
async def labels(site: TheSite) -> LabelPage:
    """The labels that were given here."""
    return _label_page(site)


@api.put("/labels/items", tags=["labels"])
async def label(site: TheSite, labelling: Labelling) -> LabelPage:
    """Give a label, or take it away."""
    act = await label_items(site, labelling.label, await _chosen(site, labelling))
    return _label_page(site, act)


@api.post("/labels/undo", tags=["labels"])
async def undo_labels(site: TheSite, undoing: Undoing) -> LabelPage:
    """Give back what the items of an act had before; those that others have labelled since then keep that."""
    await undo(site, undoing.act)
    return _label_page(site)


@api.post("/labels/chosen", tags=["labels"])
async def chosen_labels(site: TheSite, chosen: Chosen) -> ChosenLabels:
    """How many of the chosen items have each label that was given here or that the tables hold."""
    items = await _chosen(site, chosen)
    counts = [LabelCount(label=label, videos=count) for label, count in label_counts(site, items).items()]
    return ChosenLabels(items=len(items), labels=counts)


@api.post("/list", tags=["collection"])
async def read_list(site: TheSite, file: UploadFile) -> ListedItems:
    """The videos that a list (one path or name a line) or a table with a column of paths names."""
    listed = await asyncio.to_thread(listed_videos, site.catalogue, await file.read(LARGEST_LIST + 1))
    return ListedItems(items=[video.key for video in listed.videos], unknown=listed.unknown)


@api.post("/exports/list", tags=["exports"], responses={200: {"content": {"text/plain": {}}}}, response_class=Response)
async def export_list(site: TheSite, chosen: Chosen) -> Response:
    """Paths, one a line: a list that unreel takes in place of a folder."""
    return list_file(await _chosen(site, chosen))


@api.post("/exports/csv", tags=["exports"], responses={200: {"content": {"text/csv": {}}}}, response_class=Response)
async def export_table(site: TheSite, chosen: Chosen) -> Response:
    """A table of path, start, end, label and similarity."""
    return table_file(site, await _chosen(site, chosen))


@api.post(
    "/exports/clips", tags=["exports"], responses={200: {"content": {"application/zip": {}}}}, response_class=Response
)
async def export_clips(site: TheSite, chosen: Chosen) -> Response:
    """A zip of H.264 clips, sent while they are cut."""
    return clips_file(site, await _chosen(site, chosen))


def list_file(items: Sequence[SelectedVideo]) -> Response:
    """A list to keep."""
    return PlainTextResponse(as_list(items), headers=_kept_as("videos.txt"))


def table_file(site: Site, items: Sequence[SelectedVideo]) -> Response:
    """A table to keep."""
    given = given_labels(site)
    content = as_table(
        items,
        lambda item: given.get(item.name) or given.get(item.video.key) or item.video.row.label,
    )
    return Response(content, media_type="text/csv", headers=_kept_as("hits.csv"))


def clips_file(site: Site, items: Sequence[SelectedVideo], *, by_label: bool = False) -> Response:
    """A zip to keep; `by_label`: in folders named by the labels given here, as `unreel finetune` takes them."""
    items = check_clips(items)
    given = given_labels(site) if by_label else {}
    clips = as_clips(items, lambda item: given.get(item.name, ""), site.originals, site.cuts)
    return StreamingResponse(clips, media_type="application/zip", headers=_kept_as("clips.zip"))


async def _answers(site: Site, sought: Sought, searching: Searching) -> Answers:
    found = await find(site, sought, searching.search, searching.encoders(site.catalogue))
    given = given_labels(site)
    start, end = sought.span
    return Answers(start=start, end=end, answers=[answer_facts(site, each, given) for each in found])


async def _chosen(site: Site, chosen: Chosen) -> list[SelectedVideo]:
    return await chosen_items(site, chosen.items, chosen.found, chosen.without)


def _label_page(site: Site, act: str = "") -> LabelPage:
    given = [Given(item=item.name, id=item.video.row.id, label=label) for item, label in site.labels.given()]
    return LabelPage(table=str(site.labels.path), labels=given, act=act)


def _kept_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


async def _parts(file: UploadFile) -> AsyncIterator[bytes]:
    while part := await file.read(1 << 20):
        yield part
