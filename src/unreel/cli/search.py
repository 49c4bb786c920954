"""`unreel search`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from pydantic import Field

from unreel.cli.inputs.encoder import EncoderCode
from unreel.cli.inputs.limits import LimitSettings
from unreel.cli.inputs.parsing import parse
from unreel.console import say, say_json
from unreel.settings.model import Amount, Seconds
from unreel.text import excerpt, unbroken

if TYPE_CHECKING:
    from unreel.search.moments import Moment
    from unreel.search.query import QueryVector
    from unreel.search.table import EmbeddingTable


class SearchSettings(LimitSettings, EncoderCode):
    """Find more like this: the videos, or the moments in videos, of a table that are most similar to a video.

    A whole video is compared with whole videos; a piece of one, --at a time, with clips, and clips of a video that
    follow each other are shown as one moment. Similarity is the cosine (1: the same direction).
    """

    table: tyro.conf.Positional[str]
    """Table of `unreel embed`."""
    video: tyro.conf.Positional[Path]
    """Any video."""
    at: Amount | None = None
    """Seconds from the beginning of the video to the piece to search for; default: the whole video."""
    seconds: Seconds | None = None
    """Length of that piece; default: one clip of the encoder."""
    top: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    """How many to show."""
    where: str | None = None
    """Which rows to search among, as in "label != 'walk' AND start < 60"; = != < > IN LIKE BETWEEN AND OR NOT."""
    kind: Literal["video", "clip"] | None = None
    """What to find; default: clips for a piece, videos for a whole one."""
    near_duplicates: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Hits at least so similar to each other are shown once (see `unreel duplicates`); 1: those that are the same."""
    exact: bool = False
    """Compare with every row, even where the table has an index."""
    weights: Path | None = None
    """Where the encoder of the table is now, if it was moved."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print JSON instead of lines."""
    html: Path | None = None
    """Page to make as well, with what was found as moving pictures."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(SearchSettings, "search", arguments))


def run(settings: SearchSettings) -> None:
    """Search, print what was found, make the page."""
    from unreel.engine.files import check_free
    from unreel.search.moments import search_moments
    from unreel.search.query import QueryEncoder
    from unreel.search.table import EmbeddingTable

    if settings.html is not None:
        check_free(settings.html)
    table = EmbeddingTable.open(settings.table)
    whole = settings.at is None and settings.seconds is None
    kind = settings.kind or ("video" if whole else "clip")
    among = table.count(kind, settings.where)
    if table.facts.index is None or settings.exact:
        table.load(kind)  # what is wrong with it is told before anything is decoded
    encoder = QueryEncoder.of(
        table.facts,
        weights=settings.weights,
        accelerator=settings.accelerator,
        limits=settings.limits(),
    )
    query = encoder.query(settings.video, settings.at, settings.seconds)
    same = settings.near_duplicates
    found = search_moments(table, query.vector, settings.top, kind, settings.where, exact=settings.exact, same=same)
    how = f"{_exactness(settings, table)} among {among} {kind}s ({table.facts.encoder}, level {table.facts.level})"
    if settings.as_json:
        say_json(_content(settings, query, how, found))
    else:
        span = unbroken(f"{query.start:.2f}–{query.end:.2f} s:")
        say(f"more like {unbroken(settings.video)} {span} {excerpt(how)}")
        say(*(line for moment in found for line in _lines(moment)))
    if settings.html is not None:
        _write_page(settings, query, how, found)


def _exactness(settings: SearchSettings, table: "EmbeddingTable") -> str:
    index = table.facts.index
    if index is None or settings.exact:
        return "exact"
    return f"by {index.kind}, recall@10 {index.recall:.3f},"


def _lines(moment: "Moment") -> list[str]:
    row = moment.hit.row
    span = f"{moment.start:.2f}–{moment.end:.2f}"
    label = f"  [{unbroken(excerpt(row.label))}]" if row.label else ""
    first = f"{moment.hit.similarity:7.4f}  {span:>15} s  {unbroken(row.path)}{label}"
    return [
        first,
        *(f"{'':26} {unbroken(f'= {copy.hit.row.path}')}  {unbroken(f'{copy.start:.2f} s')}" for copy in moment.copies),
    ]


def _content(settings: SearchSettings, query: "QueryVector", how: str, found: "Sequence[Moment]") -> dict[str, Any]:
    return {
        "query": {"path": str(settings.video), "start": query.start, "end": query.end},
        "search": how,
        "found": [_described(moment) for moment in found],
    }


def _described(moment: "Moment") -> dict[str, Any]:
    row = moment.hit.row
    described = {
        "similarity": moment.hit.similarity,
        "path": row.path,
        "id": row.id,
        "kind": row.kind,
        "start": moment.start,
        "end": moment.end,
        "label": row.label,
        "labels": row.labels,
    }
    return described | {"near_duplicates": [_described(copy) for copy in moment.copies]}


def _write_page(settings: SearchSettings, query: "QueryVector", how: str, found: "Sequence[Moment]") -> None:
    """Cut a moving picture of the query and of all that was found, and write the page."""
    from unreel.engine.executor import Executor
    from unreel.engine.worker_pool import Lost
    from unreel.reporting.search_page import PageVideo, write_found
    from unreel.search.query_clip import glance
    from unreel.video.collection.journal import reason_of

    assert settings.html is not None
    spans = [(settings.video, query.start, query.end)]
    spans += [(Path(moment.hit.row.path), moment.start, moment.end) for moment in found]
    limits = settings.limits()
    glances = Executor(limits=limits).run(glance, spans)
    pieces = {number: reason_of(each, limits) if isinstance(each, Lost) else each for number, each in glances}
    asked = PageVideo(str(settings.video), f"{query.start:.2f}–{query.end:.2f} s", "", None, pieces[0])
    shown = [
        PageVideo(
            moment.hit.row.path,
            f"{moment.start:.2f}–{moment.end:.2f} s",
            moment.hit.row.label,
            moment.hit.similarity,
            pieces[number],
            tuple(copy.hit.row.path for copy in moment.copies),
        )
        for number, moment in enumerate(found, start=1)
    ]
    write_found(settings.html, asked, shown, how)
    say(f"page: {unbroken(settings.html)}", to=sys.stderr if settings.as_json else sys.stdout)
