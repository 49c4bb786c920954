"""The retrieval table of a report: every figure with its interval, its chance and what it was measured on."""

from collections.abc import Sequence
from dataclasses import dataclass

from unreel.evaluation.results import Retrieval, Score


@dataclass(frozen=True)
class Cell:
    """hit@k in percent with its 95 % interval; `best` of its column where there is something to compare."""

    percent: float
    low: float
    high: float
    best: bool


@dataclass(frozen=True)
class Row:
    """One encoder judged by one label; `cells` follow the columns of the table, None where a k was not measured."""

    encoder: str
    retrieval: Retrieval
    queries: int
    chance: float
    cells: list[Cell | None]


@dataclass(frozen=True)
class ScoreTable:
    """All encoders judged by one label at the neighbours `ks`."""

    label: str
    ks: list[int]
    rows: list[Row]


@dataclass(frozen=True)
class Setting:
    """What the figures of `encoders` were measured on; figures of different settings do not compare."""

    encoders: list[str]
    collection: str
    protocol: str
    split: str
    level: int
    seed: int


def score_tables(retrievals: Sequence[Retrieval]) -> list[ScoreTable]:
    """One table per label, in the order in which the results name them."""
    labels = dict.fromkeys(score.label for retrieval in retrievals for score in retrieval.scores)
    return [_table(label, retrievals) for label in labels]


def _table(label: str, retrievals: Sequence[Retrieval]) -> ScoreTable:
    judged = [(retrieval, score) for retrieval in retrievals for score in retrieval.scores if score.label == label]
    ks = sorted({k for _, score in judged for k in score.hits})
    best = {k: max(score.hits[k] for _, score in judged if k in score.hits) for k in ks} if len(judged) > 1 else {}
    rows = [
        Row(
            encoder=retrieval.encoder,
            retrieval=retrieval,
            queries=score.queries,
            chance=100 * score.chance,
            cells=[_cell(score, k, best.get(k)) for k in ks],
        )
        for retrieval, score in judged
    ]
    return ScoreTable(label, ks, rows)


def _cell(score: Score, k: int, best: float | None) -> Cell | None:
    if k not in score.hits:
        return None
    low, high = score.intervals.get(k, (score.hits[k], score.hits[k]))
    return Cell(100 * score.hits[k], 100 * low, 100 * high, score.hits[k] == best)


def settings(retrievals: Sequence[Retrieval]) -> list[Setting]:
    """The distinct settings behind the figures: one, where everything compares."""
    groups: dict[tuple[str, str, str, int, int], list[str]] = {}
    for each in retrievals:
        key = (each.collection, each.protocol, each.split, each.level, each.seed)
        groups.setdefault(key, []).append(each.encoder)
    return [Setting(encoders, *key) for key, encoders in groups.items()]
