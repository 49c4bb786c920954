"""Nearest-neighbour retrieval (Sec. 4.3) under the named protocols of `PROTOCOLS`.

Without official lists every video is a query once and looks for its neighbours among all the others; where videos have
groups (persons, sources), among those of other groups only.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float

from unreel.chance import generator
from unreel.errors import CollectionError
from unreel.evaluation.results import Neighbour, Score
from unreel.video.manifest import VideoRecord

Protocol = Literal["gap", "centred"]
PROTOCOLS: dict[Protocol, str] = {
    "gap": "10 equally spaced clips, centre crop, global average of one level, mean over clips, cosine (RSPNet)",
    "centred": "as gap, minus the mean of all videos, cosine (CoCLR)",
}
HITS_AT = (1, 5, 10, 20, 50)
RESAMPLES = 1000
QUERIES_AT_ONCE = 1024

Ranking = Sequence[Sequence[tuple[int, float]]]


def rank(
    vectors: Float[np.ndarray, "n c"], groups: Sequence[str], protocol: Protocol, *, keep: int = max(HITS_AT)
) -> list[list[tuple[int, float]]]:
    """For each video the (row, similarity) of the `keep` nearest others outside its own group, nearest first.

    A video of no group ("") is kept out of its own results only. Ties are broken by row.
    """
    if protocol == "centred":
        vectors = vectors - vectors.mean(axis=0)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    names = np.asarray(groups, dtype=object)
    ranking: list[list[tuple[int, float]]] = []
    for first in range(0, len(unit), QUERIES_AT_ONCE):
        queries = np.arange(first, min(first + QUERIES_AT_ONCE, len(unit)))
        similarities = unit[queries] @ unit.T
        own = (names[queries, None] == names[None, :]) & (names[queries, None] != "")
        own[np.arange(len(queries)), queries] = True
        order = np.argsort(np.where(own, np.inf, -similarities), axis=1, kind="stable")
        sizes = (~own).sum(axis=1)
        for query, hits in enumerate(order):
            nearest = hits[: min(keep, int(sizes[query]))]
            ranking.append([(int(hit), float(similarities[query, hit])) for hit in nearest])
    return ranking


def judge(
    ranking: Ranking,
    labels: Sequence[str],
    groups: Sequence[str],
    *,
    name: str,
    seed: int = 0,
    hits_at: Sequence[int] = HITS_AT,
) -> Score:
    """hit@k of a ranking: at least one of the k nearest videos has the query's label.

    Counted over the queries that have a label and at least one right video to find; a k beyond the smallest gallery is
    left out. The intervals are the 2.5th and 97.5th percentiles of 1,000 bootstrap samples of the queries.

    Raises:
        CollectionError: no query can be judged.
    """
    to_find, galleries = _right_and_all(labels, groups)
    queries = [row for row, label in enumerate(labels) if label and to_find[row]]
    if not queries:
        raise CollectionError(
            f"no video has another one with the same {name!r} label to find, expected at least one pair: "
            "give labels by sub-folders or a labels.csv, and check --group-pattern."
        )
    first_right = np.array([_first(ranking[query], labels, labels[query]) for query in queries])
    hits = {k: first_right < k for k in hits_at if k <= min(galleries[query] for query in queries)}
    samples = generator(seed, "bootstrap", name).integers(len(queries), size=(RESAMPLES, len(queries)))
    intervals = {k: _interval(hit[samples].mean(axis=1)) for k, hit in hits.items()}
    chance = float(np.mean([to_find[query] / galleries[query] for query in queries]))
    return Score(name, len(queries), chance, {k: float(hit.mean()) for k, hit in hits.items()}, intervals)


def judgeable_labels(videos: Sequence[VideoRecord]) -> list[str]:
    """The labels by which at least one of the videos has a right one to find in its gallery."""
    groups = [video.group for video in videos]
    names = sorted({name for video in videos for name in video.labels})
    tables = {name: labels_of(videos, name) for name in names}
    right = {name: _right_and_all(labels, groups)[0] for name, labels in tables.items()}
    return [
        name for name in names if any(label and more for label, more in zip(tables[name], right[name], strict=True))
    ]


def named(ids: Sequence[str], ranking: Ranking) -> dict[str, tuple[Neighbour, ...]]:
    """A ranking by video ids instead of rows."""
    return {
        ids[query]: tuple(Neighbour(ids[hit], similarity) for hit, similarity in hits)
        for query, hits in enumerate(ranking)
    }


def labels_of(records: Sequence[VideoRecord], name: str) -> list[str]:
    """One label of each video, "" where it has none."""
    return [record.labels.get(name, "") for record in records]


def _right_and_all(labels: Sequence[str], groups: Sequence[str]) -> tuple[list[int], list[int]]:
    """For each query: the number of videos with its label in its gallery, and the size of its gallery."""
    by_label, by_group = Counter(labels), Counter(groups)
    by_both = Counter(zip(labels, groups, strict=True))
    pairs = list(zip(labels, groups, strict=True))
    right = [by_label[label] - (by_both[label, group] if group else 1) for label, group in pairs]
    everything = [len(labels) - (by_group[group] if group else 1) for group in groups]
    return right, everything


def _first(hits: Sequence[tuple[int, float]], labels: Sequence[str], wanted: str) -> int:
    """The place of the first right hit, counted from 0; beyond every k when there is none."""
    return next((place for place, (hit, _) in enumerate(hits) if labels[hit] == wanted), max(HITS_AT))


def _interval(means: Float[np.ndarray, " r"]) -> tuple[float, float]:
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
