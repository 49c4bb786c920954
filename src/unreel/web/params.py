"""What a request may ask, checked: the same for pages and programs."""

from typing import Annotated, Any, Literal

from fastapi import Depends, HTTPException, Request
from fastapi import Path as InPath
from pydantic import BaseModel, BeforeValidator, Field

from unreel.errors import SettingsError
from unreel.web.catalogue import KEY, LONGEST_TEXT, Catalogue, CatalogueEncoder, Video, VideoFilter
from unreel.web.search import SearchInput, SearchOptions
from unreel.web.site import Site
from unreel.web.uploads import KEY as UPLOAD_KEY

LATEST = 1e6
"""Seconds into a video."""
LONGEST_QUERY = 600.0
PIECE_SECONDS = 2.0
"""Of a piece whose length nobody says."""
MOST_HITS = 200

Key = Annotated[str, InPath(pattern=KEY, description="Key of a video.", examples=["0123456789abcdef"])]
UploadKey = Annotated[str, InPath(pattern=UPLOAD_KEY, description="Key of a video that was sent.")]


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value  # as forms send what was left empty


Bounded = Annotated[float, Field(ge=0, le=LATEST, allow_inf_nan=False)]
Seconds = Annotated[Bounded | None, BeforeValidator(_empty_is_none)]


class Wanting(BaseModel):
    """Which videos."""

    text: Annotated[str, Field(max_length=LONGEST_TEXT, description="Part of a name or label.")] = ""
    label: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    where: Annotated[str, Field(max_length=2000, description="A condition, as of `unreel search --where`.")] = ""

    @property
    def wanted(self) -> VideoFilter:
        """The same, for the catalogue."""
        return VideoFilter(self.text, self.label, self.where)


class Browsing(Wanting):
    """Which videos, in which order, which part of them."""

    order: Literal["name", "label", "shortest", "longest", "largest"] = "name"
    offset: Annotated[int, Field(ge=0, le=10**9)] = 0
    limit: Annotated[int, Field(ge=1, le=MOST_HITS)] = 48


class Searching(Wanting):
    """What to search for in a video, and how."""

    at: Annotated[Seconds, Field(description="Where the piece begins; nothing: the whole video.")] = None
    seconds: Annotated[Seconds, Field(description="How long the piece is; nothing: 2 s.")] = None
    kind: Annotated[Literal["video", "clip"], Field(description="Whole videos, or moments of them.")] = "video"
    top: Annotated[int, Field(ge=1, le=MOST_HITS)] = 24
    encoder: Annotated[list[int], Field(max_length=8, description="Numbers; none: all.")] = []
    own: Annotated[bool, Field(description="Also find the video itself.")] = False
    once: Annotated[bool, Field(description="Show near duplicates of each other once.")] = False

    @property
    def search(self) -> SearchOptions:
        """How to search."""
        return SearchOptions(self.kind, self.top, self.wanted, self.own, self.once)

    def piece(self, duration: float) -> tuple[float, float] | None:
        """The piece that is searched for, in seconds; None for the whole video.

        Raises:
            SettingsError: there is no such piece.
        """
        if self.at is None and self.seconds is None:
            return None
        start, length = self.at or 0.0, PIECE_SECONDS if self.seconds is None else self.seconds
        end = min(start + length, duration)
        if not start < end:
            raise SettingsError(
                f"got a piece of {length:g} s from {start:g} s on, expected one within the video's {duration:.2f} s."
            )
        if end - start > LONGEST_QUERY:
            raise SettingsError(f"got a piece of {end - start:.0f} s, expected at most {LONGEST_QUERY:.0f} s.")
        return start, end

    def encoders(self, catalogue: Catalogue) -> list[CatalogueEncoder]:
        """The encoders that are asked.

        Raises:
            SettingsError: there is none of such a number.
        """
        wrong = [number for number in self.encoder if not 0 <= number < len(catalogue.shown)]
        if wrong:
            raise SettingsError(f"there is no encoder {wrong[0]}, only 0 to {len(catalogue.shown) - 1}.")
        return [catalogue.shown[number] for number in sorted(set(self.encoder))] or catalogue.shown


def the_site(request: Request) -> Site:
    """What this server shows."""
    site: Site = request.app.state.site
    return site


TheSite = Annotated[Site, Depends(the_site)]


def video_of(site: Site, key: str) -> Video:
    """The video of a key; 404 where there is none."""
    if key not in site.catalogue.videos:
        raise HTTPException(404, "There is no such video in this collection.")
    return site.catalogue.videos[key]


def query_of(video: Video, searching: Searching) -> SearchInput:
    """The query for a video, or a piece of it."""
    return SearchInput(video=video, piece=searching.piece(video.row.end))
