"""What the JSON API takes and gives."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unreel.web.labels import LONGEST
from unreel.web.selection import MOST, PATTERN

MOST_FIELDS: Final = 100
"""Of an object, from which on none of them is looked at."""

ItemName = Annotated[str, Field(pattern=PATTERN, max_length=80, examples=["0123456789abcdef@1.25-2.5"])]
Kind = Literal["video", "clip"]
PointOnMap = Annotated[list[float], Field(min_length=2, max_length=2, description="x and y.")]


class Model(BaseModel):
    """Base of them all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > MOST_FIELDS:
            raise ValueError(f"got {len(value)} fields, expected {', '.join(cls.model_fields)}")
        return value


class Problem(Model):
    """Why a request was not answered, and what to do."""

    detail: str


class EncoderFacts(Model):
    """One encoder and its table."""

    number: int
    name: str
    checkpoint: str
    level: int | str
    width: Annotated[int, Field(description="Numbers of a vector.")]
    videos: int
    clips: int
    exact: Annotated[bool, Field(description="Whether searches compare all rows; otherwise an index is asked.")]
    queries: Annotated[str, Field(description="Why pieces and uploads cannot be searched for; empty where they can.")]


class VideoFacts(Model):
    """One video of the collection."""

    key: str
    id: Annotated[str, Field(description="Its name in the collection.")]
    label: str
    labels: dict[str, str]
    seconds: float
    size: Annotated[int, Field(description="Bytes.")]
    state: Literal["same", "changed", "removed", "outside"]
    reason: Annotated[str, Field(description="What has become of the file since it was embedded.")]
    given: Annotated[str, Field(description="The label that was given in the page.")]


class VideoPage(Model):
    """Some of the videos that were asked for."""

    total: int
    offset: int
    videos: list[VideoFacts]


class HitModel(Model):
    """A video, or a moment of one, that is like the query."""

    item: Annotated[str, Field(description="How to name it for labels and exports.")]
    video: VideoFacts
    kind: Kind
    start: float
    end: float
    similarity: Annotated[float, Field(description="Cosine, −1 to 1.")]
    copies: Annotated[int, Field(description="Near duplicates of it that are not shown.")]


class Answer(Model):
    """What one encoder finds."""

    encoder: int
    name: str
    hits: list[HitModel]
    note: Annotated[str, Field(description="Why nothing was found, or what it was found by.")]


class Answers(Model):
    """What every encoder asked finds; `start` and `end` are the piece that was searched for, in seconds."""

    start: float
    end: float
    answers: list[Answer]


class MapPoints(Model):
    """The map of an encoder: a place in the unit square, from the top left, for each video."""

    encoder: int
    method: str
    videos: Annotated[int, Field(description="Of the table; fewer points than these are a random sample.")]
    keys: list[str]
    ids: list[str]
    labels: list[str]
    places: list[PointOnMap]


class UploadFacts(Model):
    """A video that was sent to search by."""

    key: str
    name: str
    seconds: float


class Labelling(Model):
    """A label for some items; an empty one takes theirs away."""

    items: Annotated[list[ItemName], Field(min_length=1, max_length=MOST)]
    label: Annotated[str, Field(max_length=LONGEST)]


class Given(Model):
    """A label that was given."""

    item: str
    id: str
    label: str


class LabelPage(Model):
    """All labels that were given, and the table that holds them."""

    table: str
    labels: list[Given]


class ExportRequest(Model):
    """What to export."""

    items: Annotated[list[ItemName], Field(min_length=1, max_length=MOST)]


class LabelCount(Model):
    """A label of the collection and how many videos have it."""

    label: str
    videos: int
