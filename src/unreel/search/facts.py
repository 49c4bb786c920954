"""What a whole table of embeddings is: which encoder made it and how, so that a query can be made the same way."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from unreel.errors import CollectionError
from unreel.settings.model import validated
from unreel.settings.pretraining import EncoderSettings

FORMAT = "unreel-embeddings-1"

Clips = int | Literal["all"]
"""Equally spaced clips per video, or all that do not overlap."""


@dataclass(frozen=True)
class IndexFacts:
    """The index of a table and how well it finds: `recall` is recall@10 against exact search over `queries` rows.

    `kind` is LanceDB's name of it, `rows` how many there were when that was measured, and `probes` how many of its
    partitions a search looks at.
    """

    kind: str
    rows: int
    probes: int
    recall: float
    queries: int


@dataclass(frozen=True)
class TableFacts:
    """How the vectors of a table were made.

    `encoder` is its shown name and `checkpoint` the hash of its weights, which lie at `weights` (`untrained`: as they
    were before the first step of that run). A vector is the global average of `level`, the mean over `clips` of a video
    (protocol gap: compared by cosine); `width` is how many numbers it has, `side` the shorter side in pixels of the
    prepared videos. `sources` maps each folder or list of videos to the folder of its prepared videos.
    """

    encoder: str
    checkpoint: str
    weights: str
    settings: EncoderSettings
    level: int
    clips: Clips
    width: int
    side: int
    untrained: bool = False
    protocol: str = "gap"
    sources: dict[str, str] = field(default_factory=dict)
    index: IndexFacts | None = None

    def to_json(self) -> str:
        """The facts as a line of JSON."""
        return json.dumps({"format": FORMAT, **asdict(self), "settings": self.settings.model_dump(mode="json")})

    @classmethod
    def from_json(cls, text: str, place: str) -> "TableFacts":
        """What `to_json` wrote; `place` names the table in errors.

        Raises:
            CollectionError: it is something else.
        """
        try:
            content = json.loads(text)
            found = content.pop("format")
            if found != FORMAT:
                raise CollectionError(
                    f"{place} has the format {found!r}, expected {FORMAT!r}: another version of unreel made it. Embed "
                    "the videos again, into a new table."
                )
            settings = validated(EncoderSettings, content["settings"], place)
            index = content["index"] and IndexFacts(**content["index"])
            return cls(**(content | {"settings": settings, "index": index}))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CollectionError(
                f"{place} does not say how its vectors were made, as `unreel embed` notes it. Embed the videos again, "
                "into a new table."
            ) from None

    def check_same(self, other: "TableFacts", place: str) -> None:
        """Refuse to mix: vectors of another encoder, or made in another way, cannot be compared with these.

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
