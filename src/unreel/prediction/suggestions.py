"""What to label next: typical, uncertain, unlike each other and unlike what is labelled, rare classes first.

All videos are put into as many clusters as there will be labels, so that each has room for one. Those with fewest
labels come first, of these the largest, a cluster of a class with many labels counting for less; each gives its most
telling video: by the mean of its ranks in being typical (similar to its nearest others) and in being uncertain (1 less
the margin between its two likeliest classes). Before two classes have labels only the first of the two counts.

After TypiClust (Hacohen et al., "Active Learning on a Budget", ICML 2022), which knows no uncertainty; docs/results.md
compares this with labels at random.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import final

import numpy as np
from jaxtyping import Float, Float32, Int
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from unreel.evaluation.nearest import UnitVectors, nearest

FIRST = 5
MOST_CLUSTERS = 100
MOST_VIDEOS = 4_000
"""Of more, so many are looked at, drawn by chance."""

_NEIGHBOURS = 10
_STARTS, _FEW = (1, 8), 2000  # of k-means: more where there are so few vectors that it takes no time


@final
class Suggester:
    """Suggests which of some vectors to label; what depends on no label is computed once."""

    def __init__(self, vectors: Float32[np.ndarray, "n c"]) -> None:
        drawn = np.random.default_rng(0).permutation(len(vectors))
        self._rows = np.sort(drawn[:MOST_VIDEOS])
        self._all = vectors

    def suggest(self, labels: Mapping[int, str], count: int) -> list[int]:
        """The rows of up to `count` vectors to label next, the most telling first, given the `labels` of some rows.

        The first `FIRST` are as unlike each other as can be, and then as many as there are already, again and again.
        """
        rows = np.union1d(self._rows, np.array(sorted(labels), np.int64))
        known = {place: labels[row] for place, row in enumerate(rows.tolist()) if row in labels}
        standard = self._standard[rows]
        telling, likely = self._typical_of(rows), None
        if len(set(known.values())) > 1:
            margin, likely = _uncertainty(standard, known)
            telling = _ranks(telling) + _ranks(margin)
        found: list[int] = []
        while len(found) < min(count, len(rows) - len(known)):
            taken = len(known) + len(found)
            batch = min(count - len(found), max(FIRST, taken))
            clusters = self._clusters(standard, min(taken + batch, MOST_CLUSTERS, len(rows)))
            found += _chosen(clusters, telling, known, [*known, *found], likely, batch)
        return [int(rows[place]) for place in found]

    @cached_property
    def _standard(self) -> Float[np.ndarray, "n c"]:
        return np.asarray(StandardScaler().fit_transform(self._all.astype(np.float64)))

    @cached_property
    def _typical(self) -> dict[int, float]:
        """How similar each of the rows is to its nearest others."""
        units = UnitVectors(self._standard, self._rows)
        apart = np.arange(len(units))
        found = nearest(units, units, min(_NEIGHBOURS, max(1, len(units) - 1)), groups=(apart, apart))
        similar = np.where(found.rows >= 0, found.similarities, 0).mean(axis=1)
        return dict(zip(self._rows.tolist(), similar.tolist(), strict=True))

    def _typical_of(self, rows: Int[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        return np.array([self._typical.get(row, 0.0) for row in rows.tolist()])

    @staticmethod
    def _clusters(standard: Float[np.ndarray, "m c"], count: int) -> Int[np.ndarray, " m"]:
        directions = standard / np.maximum(np.linalg.norm(standard, axis=1, keepdims=True), 1e-12)
        count = min(count, len(np.unique(directions, axis=0)))
        return np.asarray(KMeans(count, n_init=_STARTS[len(standard) <= _FEW], random_state=0).fit(directions).labels_)


def _uncertainty(
    standard: Float[np.ndarray, "m c"], known: Mapping[int, str]
) -> tuple[Float[np.ndarray, " m"], list[str]]:
    """1 less the margin of each row's two likeliest classes, and the likeliest."""
    places = sorted(known)
    model = LogisticRegression(max_iter=1000).fit(standard[places], [known[place] for place in places])
    shares = np.asarray(model.predict_proba(standard))
    second, first = np.sort(shares, axis=1)[:, -2:].T
    return 1 - (first - second), [str(model.classes_[place]) for place in shares.argmax(axis=1)]


def _ranks(values: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    return np.argsort(np.argsort(values, kind="stable"), kind="stable") / max(1, len(values))


def _chosen(
    clusters: Int[np.ndarray, " m"],
    telling: Float[np.ndarray, " m"],
    known: Mapping[int, str],
    taken: Sequence[int],
    likely: list[str] | None,
    count: int,
) -> list[int]:
    """One place after the other, of the cluster of which fewest are taken and that counts for most."""
    labels, held = Counter(known.values()), Counter(clusters[list(taken)].tolist())
    order = np.argsort(-telling, kind="stable")
    members = {int(cluster): order[clusters[order] == cluster].tolist() for cluster in np.unique(clusters)}
    worth = {
        cluster: len(own) / (1 + (np.mean([labels[likely[each]] for each in own]) if likely else 0))
        for cluster, own in members.items()
    }
    gone = set(taken)
    left = {cluster: [each for each in own if each not in gone] for cluster, own in members.items()}
    found: list[int] = []
    while len(found) < count and any(left.values()):
        cluster = min((each for each in left if left[each]), key=lambda each: (held[each], -worth[each], each))
        found.append(left[cluster].pop(0))
        held[cluster] += 1
    return found
