"""What a whole table of embeddings is: which encoder made it and how, so that a query can be made the same way."""

import json
from dataclasses import asdict, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from unreel.errors import CollectionError
from unreel.reading import brief
from unreel.settings import model
from unreel.settings.encoder import EncoderSettings
from unreel.video.collection.options import HIGHEST_SIDE

FORMAT = "unreel-embeddings-3"

Level = Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1)]
"""The name of an encoder's level."""

_STRICT = ConfigDict(extra="forbid")
_Words = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]


@dataclass(frozen=True, config=_STRICT)
class DenseWindows:
    """A window from every `every` seconds of a video on, `window` seconds long, or as long as a clip is in that video.

    Window k is shown from k · every to k · every + window.
    """

    every: model.Interval
    window: model.Seconds | None = None

    def __str__(self) -> str:
        length = "" if self.window is None else f", {self.window:g} s long"
        return f"every {self.every:g} s{length}"


Clips = model.Clips | Literal["all"] | DenseWindows
"""Equally spaced clips per video, all that do not overlap, or windows over its time."""


@dataclass(frozen=True, config=_STRICT)
class IndexFacts:
    """The index of a table and how well it finds: `recall` is recall@10 against exact search over `queries` rows.

    `kind` is LanceDB's name of it, `rows` how many there were when that was measured, and `probes` how many of its
    partitions a search looks at.
    """

    kind: str
    rows: Annotated[int, Field(ge=0)]
    probes: PositiveInt
    recall: Annotated[float, Field(ge=0, le=1)]
    queries: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_STRICT)
class TableFacts:
    """How the vectors of a table were made.

    `encoder` is its shown name and `checkpoint` the hash of its weights, which lie at `weights` (`untrained`: as they
    were before the first step of that run). A vector is the global average of `level`, the mean over `clips` of a video
    (protocol gap: compared by cosine); `width` is how many numbers it has, `side` the shorter side in pixels of the
    prepared videos. `sources` maps each folder or list of videos to the folder of its prepared videos.
    """

    encoder: _Words
    checkpoint: _Words
    weights: _Words
    settings: EncoderSettings
    level: Level
    clips: Clips
    width: Annotated[int, Field(ge=1, le=1 << 16)]
    side: Annotated[int, Field(ge=2, le=HIGHEST_SIDE)]
    untrained: bool = False
    protocol: Literal["gap"] = "gap"
    sources: dict[str, str] = field(default_factory=dict)
    index: IndexFacts | None = None

    def to_json(self) -> str:
        """The facts as a line of JSON."""
        return json.dumps({"format": FORMAT, **asdict(self), "settings": self.settings.model_dump(mode="json")})

    @classmethod
    def from_json(cls, text: str, place: str) -> "TableFacts":
        """What `to_json` wrote; `place` names the table in errors.

        Raises:
            CollectionError: it is something else, or makes no sense.
        """
        try:
            content = json.loads(text)
            found = content.pop("format")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise CollectionError(
                f"{place} does not say how its vectors were made, as `unreel embed` notes it. Embed the videos again, "
                "into a new table."
            ) from None
        if found != FORMAT:
            raise CollectionError(
                f"{place} has the format {brief(found)}, expected {FORMAT!r}: another version of unreel made it. "
                "Embed the videos again, into a new table."
            )
        try:
            facts: TableFacts = _schema().validate_python(content)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"] if str(part).isidentifier())
            raise CollectionError(
                f"{place} says of itself {name[:80]} {brief(first['input'])}: {first['msg'].lower()}. It is damaged or "
                "not of `unreel embed`: embed the videos again, into a new table."
            ) from None
        return facts

    def check_same(self, other: "TableFacts", place: str) -> None:
        """Do not mix: vectors of another encoder, or made in another way, cannot be compared with these.

        Raises:
            CollectionError: `other` is about such vectors.
        """
        names = ("checkpoint", "level", "clips", "side", "protocol")
        differing = [name for name in names if getattr(self, name) != getattr(other, name)]
        if differing:
            held = ", ".join(f"{name} {getattr(self, name)}" for name in ["encoder", *differing])
            got = ", ".join(f"{name} {getattr(other, name)}" for name in ["encoder", *differing])
            raise CollectionError(
                f"{place} holds vectors of {held}; got {got}. Their vectors cannot be compared: name another table."
            )

    def with_source(self, source: str, prepared: Path) -> "TableFacts":
        """The same with one more folder of videos, or with another place of its prepared videos."""
        return replace(self, sources=self.sources | {source: str(prepared.resolve())})

    def with_index(self, index: IndexFacts | None) -> "TableFacts":
        """The same with another index, or none."""
        return replace(self, index=index)


@cache
def _schema() -> Any:  # a TypeAdapter, which beartype takes for no type
    return TypeAdapter(TableFacts)
