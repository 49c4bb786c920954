"""Nearest-neighbour retrieval (Sec. 4.3): every query searches the whole gallery, its labels score what it finds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from unreel.errors import CollectionError
from unreel.evaluation.metrics import average_precision, bootstrap, first_right, purity
from unreel.evaluation.nearest import MEMORY, Groups, UnitVectors, ranked
from unreel.evaluation.results import ClassScore, Neighbour, QueryRanking, Score
from unreel.rng import generator
from unreel.video.collection.labelling import NO_LABELS
from unreel.video.collection.manifest import VideoRecord

HITS_AT = (1, 5, 10, 20, 50)
PURITY_AT = (1, 5, 10, 20)


@dataclass(frozen=True)
class QueryScores:
    """The queries that one label scores: those that have it, and a right video to find.

    `rows` are their numbers among the queries and `labels` their labels; `to_find` counts the right videos of the
    gallery and `sizes` all that the query may find. `purity` has a column for each of `PURITY_AT`.
    """

    rows: Int[np.ndarray, " n"]
    labels: tuple[str, ...]
    to_find: Int[np.ndarray, " n"]
    sizes: Int[np.ndarray, " n"]
    first_right: Int[np.ndarray, " n"]
    average_precision: Float[np.ndarray, " n"]
    purity: Float[np.ndarray, "n k"]


@dataclass(frozen=True)
class RetrievalResult:
    """What a search has found: (row of the gallery, similarity) for every query, nearest first, and the scores of
    the queries by each label."""

    hits: list[list[tuple[int, float]]]
    scores: dict[str, QueryScores]


Labels = tuple[Sequence[str], Sequence[str]]
"""A label of each query and of each video of the gallery, "" where it has none."""


def retrieve(
    queries: UnitVectors,
    gallery: UnitVectors,
    labels: Mapping[str, Labels],
    *,
    groups: Groups | None = None,
    keep: int = max(HITS_AT),
    memory: int = MEMORY,
) -> RetrievalResult:
    """Search the gallery for every query, score it by each of the labels, keep the `keep` nearest."""
    codes = {name: _codes(*both) for name, both in labels.items()}
    hits: list[list[tuple[int, float]]] = []
    parts: dict[str, list[QueryScores]] = {name: [] for name in labels}
    for block in ranked(queries, gallery, groups=groups, memory=memory):
        own = slice(block.first, block.first + len(block.rows))
        for rows, similarities, size in zip(block.rows, block.similarities, block.sizes, strict=True):
            nearest = rows[: min(keep, size)].tolist()
            hits.append(list(zip(nearest, similarities[: len(nearest)].tolist(), strict=True)))
        places = np.arange(block.rows.shape[1])
        for name, (query_labels, gallery_labels) in codes.items():
            right = gallery_labels[block.rows] == query_labels[own, None]
            right &= places < block.sizes[:, None]
            right &= query_labels[own, None] >= 0
            parts[name].append(_query_scores(right, block.sizes, labels[name][0][own], block.first))
    return RetrievalResult(hits, {name: _join(each) for name, each in parts.items()})


def score_queries(
    scores: QueryScores, ids: Sequence[str], *, name: str, seed: int = 0, hits_at: Sequence[int] = HITS_AT
) -> Score:
    """The score of the queries that a label scores; `ids` are those of all queries.

    A k beyond the smallest gallery is left out. The intervals are those of `bootstrap`.

    Raises:
        CollectionError: no query can be evaluated.
    """
    if not len(scores.rows):
        raise CollectionError(
            f"no video has another one with the same {name!r} label to find, expected at least one pair: "
            f"{NO_LABELS}, and check --group-pattern."
        )
    least = int(scores.sizes.min())
    hits = {k: scores.first_right <= k for k in hits_at if k <= least}
    measures = np.stack([*hits.values(), scores.average_precision]).astype(np.float64)
    *of_hits, of_precision = [
        (float(low), float(high)) for low, high in bootstrap(measures, generator(seed, "bootstrap", name))
    ]
    outcomes = zip(scores.rows.tolist(), scores.first_right.tolist(), scores.average_precision.tolist(), strict=True)
    return Score(
        label=name,
        queries=len(scores.rows),
        chance=float((scores.to_find / scores.sizes).mean()),
        hits={k: float(hit.mean()) for k, hit in hits.items()},
        intervals=dict(zip(hits, of_hits, strict=True)),
        average_precision=float(scores.average_precision.mean()),
        average_precision_interval=of_precision,
        purity={k: float(scores.purity[:, column].mean()) for column, k in enumerate(PURITY_AT) if k <= least},
        classes={label: _class_score(scores, hits, label) for label in sorted(set(scores.labels))},
        outcomes={ids[row]: QueryRanking(place, precision) for row, place, precision in outcomes},
    )


def usable_labels(videos: Sequence[VideoRecord]) -> list[str]:
    """The labels by which at least one of the videos has a right one to find among those not of its group."""
    names = sorted({name for video in videos for name in video.labels})
    return [name for name in names if _any_right(labels_of(videos, name), [video.group for video in videos])]


def name_neighbours(
    queries: Sequence[str], gallery: Sequence[str], hits: Sequence[Sequence[tuple[int, float]]]
) -> dict[str, tuple[Neighbour, ...]]:
    """Name what was found by the ids of videos instead of rows; similarities to nine digits, which is all they have."""
    return {
        query: tuple(Neighbour(gallery[row], round(similarity, 9)) for row, similarity in found)
        for query, found in zip(queries, hits, strict=True)
    }


def labels_of(records: Sequence[VideoRecord], name: str) -> list[str]:
    """One label of each video, "" where it has none."""
    return [record.labels.get(name, "") for record in records]


def _codes(queries: Sequence[str], gallery: Sequence[str]) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]]:
    """Both labels as numbers, -1 where there is none."""
    numbers = {label: number for number, label in enumerate(sorted({*queries, *gallery} - {""}))}
    first, second = (np.array([numbers.get(label, -1) for label in each], np.int32) for each in (queries, gallery))
    return first, second


def _query_scores(
    right: Bool[np.ndarray, "b m"], sizes: Int[np.ndarray, " b"], labels: Sequence[str], first: int
) -> QueryScores:
    """Those of a block of queries that have something right to find; the block begins at the query `first`."""
    evaluated = np.flatnonzero(right.any(axis=1))
    right = right[evaluated]
    return QueryScores(
        evaluated + first,
        tuple(labels[row] for row in evaluated.tolist()),
        right.sum(axis=1),
        sizes[evaluated],
        first_right(right),
        average_precision(right),
        np.stack([purity(right, k) for k in PURITY_AT], axis=1),
    )


def _class_score(scores: QueryScores, hits: Mapping[int, Bool[np.ndarray, " n"]], label: str) -> ClassScore:
    own = np.array([each == label for each in scores.labels])
    shares = {k: float(hit[own].mean()) for k, hit in hits.items()}
    return ClassScore(int(own.sum()), shares, float(scores.average_precision[own].mean()))


def _join(parts: Sequence[QueryScores]) -> QueryScores:
    """Put the blocks of all queries one after the other."""
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("rows", "to_find", "sizes", "first_right", "average_precision", "purity")
    }
    return QueryScores(labels=tuple(label for part in parts for label in part.labels), **arrays)


def _any_right(labels: Sequence[str], groups: Sequence[str]) -> bool:
    """Whether a video has another one with its label that is not of its group."""
    by_label, by_both = Counter(labels), Counter(zip(labels, groups, strict=True))
    pairs = zip(labels, groups, strict=True)
    return any(label and by_label[label] > (by_both[label, group] if group else 1) for label, group in pairs)
