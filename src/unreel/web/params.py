"""What a request may ask, checked: the same for pages and programs."""

from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

from fastapi import Depends, HTTPException, Request
from fastapi import Path as InPath
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from unreel.errors import SettingsError
from unreel.web.catalogue import KEY, LONGEST_TEXT, Catalogue, CatalogueEncoder, Video, VideoFilter
from unreel.web.search import SearchInput, SearchOptions
from unreel.web.selection import LONGEST_CONDITIONS
from unreel.web.site import Site
from unreel.web.uploads import KEY as UPLOAD_KEY

LATEST = 1e6
"""Seconds into a video."""
LONGEST_QUERY = 600.0
PIECE_SECONDS = 2.0
"""Of a piece whose length nobody says."""
MOST_HITS = 200
LASSO = r"^(\d( \d{1,4},\d{1,4}){3,80})?$"

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


class Conditions(Wanting):
    """Which videos of those that are browsed: also by facets, and by where they lie on a map."""

    facet: Annotated[
        list[Annotated[str, Field(max_length=LONGEST_TEXT)]],
        Field(max_length=100, description="`NAME:VALUE` as of /api/facets; of one name any, of several all."),
    ] = []
    lasso: Annotated[
        str,
        Field(pattern=LASSO, max_length=1000, description="Number of the encoder, then x,y of 1000 for each corner."),
    ] = ""

    def polygon(self, catalogue: Catalogue) -> tuple[int, list[tuple[float, float]]]:
        """The number of the encoder on whose map a lasso was drawn, and its corners in [0, 1]².

        Raises:
            SettingsError: there is no such encoder.
        """
        number, *corners = self.lasso.split()
        (shown,) = Searching(encoder=[int(number)]).encoders(catalogue)
        return shown.number, [(int(x) / 1000, int(y) / 1000) for x, y in (corner.split(",") for corner in corners)]


class Browsing(Conditions):
    """Which videos, in which order, which part of them."""

    order: Annotated[
        Literal["name", "label", "shortest", "longest", "largest", "next"],
        BeforeValidator(lambda order: order or "name"),
    ] = "name"
    offset: Annotated[int, Field(ge=0, le=10**9)] = 0
    limit: Annotated[int, Field(ge=1, le=MOST_HITS)] = 60


class Looking(Browsing):
    """How the page shows them."""

    size: Literal["s", "m", "l"] = "m"
    map: Annotated[int | None, Field(ge=0, le=9), BeforeValidator(_empty_is_none)] = None
    colour: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""


class Mapping(Conditions):
    """Which videos stand out on a map, and what its points are coloured by."""

    colour: Annotated[str, Field(max_length=LONGEST_TEXT, description="Name of a facet; nothing: the label.")] = ""


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


class Opening(Searching):
    """A video that was opened from a page of some."""

    among: Annotated[str | None, Field(max_length=LONGEST_CONDITIONS)] = None


def read_conditions(text: str) -> Browsing:
    """The conditions of an address: what stands after its question mark.

    Raises:
        SettingsError: they make no sense.
    """
    fields = parse_qs(text.removeprefix("?"))
    known = {name: fields[name] for name in Browsing.model_fields if name in fields}
    try:
        return Browsing.model_validate({name: each if name == "facet" else each[-1] for name, each in known.items()})
    except ValidationError as error:
        fault = error.errors()[0]
        raise SettingsError(
            f"got conditions that make no sense at {'.'.join(map(str, fault['loc']))} ({fault['msg']}), expected those "
            "of a page's address: choose them in the page again."
        ) from None


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
