"""What a retrieval found: figures that carry everything needed to compare them."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field

from unreel.engine.files import write_whole
from unreel.errors import CollectionError
from unreel.reading import FileSchema, read_json

FORMAT = "unreel-retrieval-3"

Natural = Annotated[int, Field(ge=0, le=2**53)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Shares = dict[Natural, Fraction]
"""By k."""


@dataclass(frozen=True)
class Neighbour:
    """One hit of a query: a video of the gallery and its similarity (cosine)."""

    id: str
    similarity: Annotated[float, Field(allow_inf_nan=False)]


@dataclass(frozen=True)
class QueryRanking:
    """One query, the whole gallery being ranked: place of the first right video, from 1, and average precision."""

    first_right: Natural | None
    average_precision: Fraction


@dataclass(frozen=True)
class ClassScore:
    """The queries of one class: how many, hit@k and mean average precision."""

    queries: Natural
    hits: Shares
    average_precision: Fraction


@dataclass(frozen=True)
class Score:
    """Retrieval scored by one label: hit@k (share of queries, 0 to 1) with 95 % bootstrap intervals over queries.

    `chance` is the expected hit@1 of a random order, `queries` the number of queries counted: those with at least one
    right video in their gallery. `average_precision` is the mean over the queries, `purity` the mean share of the k
    nearest videos that are right, `outcomes` has every counted query by its id.
    """

    label: str
    queries: Natural
    chance: Fraction
    hits: Shares
    intervals: dict[Natural, tuple[Fraction, Fraction]]
    average_precision: Fraction = 0.0
    average_precision_interval: tuple[Fraction, Fraction] = (0.0, 0.0)
    purity: Shares = field(default_factory=dict)
    classes: dict[str, ClassScore] = field(default_factory=dict, repr=False)
    outcomes: dict[str, QueryRanking] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Provenance:
    """What was evaluated on what: all that must be the same for two figures to compare, and how many videos were seen.

    `encoder` is the name shown ("hdc", "untrained"), `checkpoint` the hash of its weights, `protocol` the name of the
    protocol and in what it was departed from, `split` how gallery and queries were separated. `seen` of `expected`
    videos took part, those of the gallery and those that were queries also by themselves; `missing` says of each of
    the others why it did not.
    """

    encoder: str
    checkpoint: str
    collection: str
    protocol: str
    split: str
    level: Natural | str
    seed: Natural
    seen: Natural
    expected: Natural
    gallery_seen: Natural
    gallery_expected: Natural
    queries_seen: Natural
    queries_expected: Natural
    missing: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class Retrieval:
    """Nearest-neighbour retrieval of one encoder on one collection.

    `neighbours` maps each query to its nearest gallery videos, nearest first, 50 at the most.
    """

    origin: Provenance
    scores: tuple[Score, ...]
    neighbours: dict[str, tuple[Neighbour, ...]] = field(repr=False)

    def score(self, label: str) -> Score:
        """The score by `label`."""
        return next(score for score in self.scores if score.label == label)


def split_text(split: str) -> str:
    """The name of a split in a sentence: official ones are numbers only, others say what they are."""
    return f"split {split}" if split.replace(", ", "").isdecimal() else split


def write_retrievals(path: Path, retrievals: Sequence[Retrieval]) -> None:
    """Write the results as JSON, whole or not at all."""
    write_whole(path, json.dumps({"format": FORMAT, "retrievals": [asdict(each) for each in retrievals]}))


def read_retrievals(path: Path) -> list[Retrieval]:
    """Read what `write_retrievals` wrote.

    Raises:
        CollectionError: the file is missing or not one of ours.
    """
    return read_json(path, _Retrievals, made_by("unreel evaluate retrieval"), format=FORMAT).retrievals


def check_columns(first: Collection[object], *others: Collection[object]) -> None:
    """See that tables which are shown in the same columns have these, one at the least.

    Raises:
        ValueError: they have others.
    """
    if not first or any(set(each) != set(first) for each in others):
        raise ValueError("the figures of its tables are not the same")


def made_by(command: str) -> FileSchema:
    """Results that a command makes."""
    return FileSchema(CollectionError, f"Make them with: {command}")


@dataclass(frozen=True)
class _Retrievals:
    retrievals: list[Retrieval]
