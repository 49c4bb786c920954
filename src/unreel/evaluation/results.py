"""What a retrieval found: figures that carry everything needed to compare them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from unreel.engine.files import write_whole
from unreel.errors import CollectionError

FORMAT = "unreel-retrieval-2"


@dataclass(frozen=True)
class Neighbour:
    """One hit of a query: a video of the gallery and its similarity (cosine)."""

    id: str
    similarity: float


@dataclass(frozen=True)
class Outcome:
    """How one query fared, the whole gallery being ranked: the place of the first right video, from 1, and the
    average precision (`unreel.evaluation.measures`)."""

    first_right: int | None
    average_precision: float


@dataclass(frozen=True)
class ClassScore:
    """The queries of one class: how many, hit@k and mean average precision."""

    queries: int
    hits: dict[int, float]
    average_precision: float


@dataclass(frozen=True)
class Score:
    """Retrieval judged by one label: hit@k (share of queries, 0 to 1) with 95 % bootstrap intervals over queries.

    `chance` is the expected hit@1 of a random order, `queries` the number of queries counted: those with at least one
    right video in their gallery. `average_precision` is the mean over the queries, `purity` the mean share of the k
    nearest videos that are right, `outcomes` has every counted query by its id.
    """

    label: str
    queries: int
    chance: float
    hits: dict[int, float]
    intervals: dict[int, tuple[float, float]]
    average_precision: float = 0.0
    average_precision_interval: tuple[float, float] = (0.0, 0.0)
    purity: dict[int, float] = field(default_factory=dict)
    classes: dict[str, ClassScore] = field(default_factory=dict, repr=False)
    outcomes: dict[str, Outcome] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Retrieval:
    """Nearest-neighbour retrieval of one encoder on one collection.

    `encoder` is the name shown ("hdc", "untrained"), `checkpoint` the hash of its weights, `protocol` the name of the
    protocol and in what it was departed from, `split` how gallery and queries were separated. `seen` of `expected`
    videos took part, those of the gallery and those that were queries also by themselves; `missing` names the others
    and `reasons` says why. `neighbours` maps each query to its nearest gallery videos, nearest first, 50 at the most.
    """

    encoder: str
    checkpoint: str
    collection: str
    protocol: str
    split: str
    level: int
    seed: int
    seen: int
    expected: int
    missing: tuple[str, ...]
    scores: tuple[Score, ...]
    neighbours: dict[str, tuple[Neighbour, ...]] = field(repr=False)
    gallery_seen: int = 0
    gallery_expected: int = 0
    queries_seen: int = 0
    queries_expected: int = 0
    reasons: dict[str, str] = field(default_factory=dict, repr=False)

    def score(self, label: str) -> Score:
        """The score judged by `label`."""
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
    content = read_results(path, FORMAT, "retrieval results", "unreel evaluate retrieval")
    return [_retrieval(row) for row in content["retrievals"]]


def read_results(path: Path, expected: str, what: str, command: str) -> dict[str, Any]:
    """The content of a file of results of the `expected` format.

    Raises:
        CollectionError: the file is missing or not one of ours; `command` makes one.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CollectionError(
            f"{path} cannot be read as evaluation results ({error}). Make them with: {command}"
        ) from error
    if not isinstance(content, dict) or content.get("format") != expected:
        raise CollectionError(f"{path} holds no {what} (format {expected!r}). Make them with: {command}")
    return content


def by_number(table: dict[str, Any], value: Callable[[Any], Any] = float) -> dict[int, Any]:
    """A table whose keys were numbers before they became JSON."""
    return {int(k): value(each) for k, each in table.items()}


def _retrieval(row: dict[str, Any]) -> Retrieval:
    scores = tuple(_score(score) for score in row["scores"])
    neighbours = {query: tuple(Neighbour(**hit) for hit in hits) for query, hits in row["neighbours"].items()}
    return Retrieval(**(row | {"scores": scores, "neighbours": neighbours, "missing": tuple(row["missing"])}))


def _score(row: dict[str, Any]) -> Score:
    classes = {name: ClassScore(**(each | {"hits": by_number(each["hits"])})) for name, each in row["classes"].items()}
    read = {
        "hits": by_number(row["hits"]),
        "intervals": by_number(row["intervals"], tuple),
        "average_precision_interval": tuple(row["average_precision_interval"]),
        "purity": by_number(row["purity"]),
        "classes": classes,
        "outcomes": {query: Outcome(**each) for query, each in row["outcomes"].items()},
    }
    return Score(**(row | read))
