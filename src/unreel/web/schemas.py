"""What the JSON API takes and gives."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from unreel.web.labels import LONGEST
from unreel.web.selection import LONGEST_CONDITIONS, MOST, PATTERN

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
    suggested: Annotated[str, Field(description="The label that is guessed by those given so far; or nothing.")] = ""
    confidence: Annotated[float, Field(description="How sure that is.", ge=0, le=1)] = 0.0


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
    keys: list[str]
    ids: list[str]
    labels: Annotated[list[str], Field(description="What the points are coloured by.")]
    found: Annotated[list[bool], Field(description="Whether the conditions find the video.")]
    places: list[PointOnMap]


class UploadFacts(Model):
    """A video that was sent to search by."""

    key: str
    name: str
    seconds: float


class Chosen(Model):
    """Items by name, and what conditions find."""

    items: Annotated[list[ItemName], Field(max_length=MOST)] = []
    found: Annotated[
        str | None,
        Field(
            max_length=LONGEST_CONDITIONS,
            description="Conditions as of /api/videos, such as `label=walk`; all they find.",
        ),
    ] = None
    without: Annotated[list[ItemName], Field(max_length=MOST, description="Of these, what is not meant.")] = []

    @model_validator(mode="after")
    def _is_something(self) -> "Chosen":
        if not self.items and self.found is None:
            raise ValueError("got neither items nor conditions, expected some of them")
        return self


class Labelling(Chosen):
    """A label for what is chosen; an empty one takes theirs away."""

    label: Annotated[str, Field(max_length=LONGEST)]


class ChosenLabels(Model):
    """How many of the chosen items have each label; those that none has are known from others."""

    items: int
    labels: list["LabelCount"]


class Given(Model):
    """A label that was given."""

    item: str
    id: str
    label: str


class Undoing(Model):
    """Which act is undone."""

    act: Annotated[str, Field(max_length=64)]


class ListedItems(Model):
    """What a list or table names: items of this collection, and how many lines name nothing of it."""

    items: list[str]
    unknown: int


class LabelPage(Model):
    """All labels that were given, the table that holds them, and the act that was the last to change it."""

    table: str
    act: Annotated[str, Field(description="What undoes this; empty where nothing was changed.")] = ""
    labels: list[Given]


class FacetCount(Model):
    """A value of a facet, and how many of the videos that all other facets want have it."""

    value: str
    text: str
    videos: int


class FacetModel(Model):
    """One way to tell videos apart."""

    name: str
    title: str
    values: list[FacetCount]


class LabelCount(Model):
    """A label and how many videos have it."""

    label: str
    videos: int
