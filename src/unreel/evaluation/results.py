"""What an evaluation found: figures that carry everything needed to compare them."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from unreel.errors import CollectionError

FORMAT = "unreel-retrieval-1"


@dataclass(frozen=True)
class Neighbour:
    """One hit of a query: a video of the gallery and its similarity (cosine or dot product, by protocol)."""

    id: str
    similarity: float


@dataclass(frozen=True)
class Score:
    """Retrieval judged by one label: hit@k (share of queries, 0 to 1) with 95 % bootstrap intervals over queries.

    `chance` is the expected hit@1 of a random order, `queries` the number of queries counted: those with at least one
    right video in their gallery.
    """

    label: str
    queries: int
    chance: float
    hits: dict[int, float]
    intervals: dict[int, tuple[float, float]]


@dataclass(frozen=True)
class Retrieval:
    """Nearest-neighbour retrieval of one encoder on one collection.

    `encoder` is the name shown ("hdc", "untrained"), `checkpoint` the hash of its weights, `split` how gallery and
    queries were separated, `seen` of `expected` videos took part, `missing` names the others.
    `neighbours` maps each query to its nearest gallery videos, nearest first.
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

    def score(self, label: str) -> Score:
        """The score judged by `label`."""
        return next(score for score in self.scores if score.label == label)


def write_retrievals(path: Path, retrievals: list[Retrieval]) -> None:
    """Write the results as JSON."""
    path.write_text(json.dumps({"format": FORMAT, "retrievals": [asdict(each) for each in retrievals]}, indent=1))


def read_retrievals(path: Path) -> list[Retrieval]:
    """Read what `write_retrievals` wrote.

    Raises:
        CollectionError: the file is missing or not one of ours.
    """
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CollectionError(
            f"{path} cannot be read as evaluation results ({error}). Make them with: unreel evaluate retrieval"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CollectionError(
            f"{path} holds no retrieval results (format {FORMAT!r}). Make them with: unreel evaluate retrieval"
        )
    return [_retrieval(row) for row in content["retrievals"]]


def _retrieval(row: dict[str, Any]) -> Retrieval:
    scores = tuple(
        Score(
            **(
                score
                | {"hits": {int(k): value for k, value in score["hits"].items()}}
                | {"intervals": {int(k): (low, high) for k, (low, high) in score["intervals"].items()}}
            )
        )
        for score in row["scores"]
    )
    neighbours = {query: tuple(Neighbour(**hit) for hit in hits) for query, hits in row["neighbours"].items()}
    return Retrieval(**(row | {"scores": scores, "neighbours": neighbours, "missing": tuple(row["missing"])}))
