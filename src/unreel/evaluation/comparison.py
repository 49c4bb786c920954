"""Two encoders on the same queries: how sure the difference is over queries; other seeds of training are not tested."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from unreel.errors import CollectionError
from unreel.evaluation.metrics import bootstrap
from unreel.evaluation.results import QueryRanking, Retrieval, Score
from unreel.rng import generator
from unreel.text import first_of

FLIPS = 10_000
_AT_ONCE = 100


@dataclass(frozen=True)
class Comparison:
    """Second less first, over `queries` that both have answered (`left_out` were answered by one only).

    `hits` are hit@k and `precisions` mean average precision of both; their differences have 95 % bootstrap intervals of
    the queries. `gained` queries are hit by the second only, `lost` by the first only.

    p-values are of two sides: the exact McNemar test for the hits (gained and lost being equally likely), and for the
    average precision the share of 10,000 random changes of sign that give as large a mean difference.
    """

    first: str
    second: str
    label: str
    k: int
    queries: int
    left_out: int
    hits: tuple[float, float]
    gained: int
    lost: int
    hit_difference: float
    hit_interval: tuple[float, float]
    hit_p_value: float
    precisions: tuple[float, float]
    precision_difference: float
    precision_interval: tuple[float, float]
    precision_p_value: float


def compare(first: Retrieval, second: Retrieval, label: str, k: int, *, seed: int = 0) -> Comparison:
    """Compare two retrievals of the same split, query by query.

    Raises:
        CollectionError: they are of different splits, or have no such label or k, or no query in common.
    """
    one, other = first.origin, second.origin
    if one.split != other.split:
        raise CollectionError(
            f"{one.encoder} is on split {one.split!r} and {other.encoder} on {other.split!r}, expected "
            "the same gallery and queries. Evaluate both on one split."
        )
    scores = _score(first, label, k), _score(second, label, k)
    ours, theirs = (score.outcomes for score in scores)
    both = sorted(ours.keys() & theirs.keys())
    if not both:
        raise CollectionError(
            f"{one.encoder} on {one.collection} and {other.encoder} on {other.collection} have no query in "
            f"common by {label!r}: {first_of(sorted(ours), 3)} and {first_of(sorted(theirs), 3)}. Evaluate both on the "
            "same collection."
        )
    before, after = ([outcomes[query] for query in both] for outcomes in (ours, theirs))
    hits = np.array([_hits(before, k), _hits(after, k)])
    precision = np.array([[each.average_precision for each in side] for side in (before, after)])
    differences = np.stack([hits[1] - hits[0], precision[1] - precision[0]])
    of_hits, of_precision = bootstrap(differences, generator(seed, "comparison", label)).tolist()
    gained, lost = int((differences[0] > 0).sum()), int((differences[0] < 0).sum())
    return Comparison(
        first=one.encoder,
        second=other.encoder,
        label=label,
        k=k,
        queries=len(both),
        left_out=len(ours.keys() ^ theirs.keys()),
        hits=(float(hits[0].mean()), float(hits[1].mean())),
        gained=gained,
        lost=lost,
        hit_difference=float(differences[0].mean()),
        hit_interval=(of_hits[0], of_hits[1]),
        hit_p_value=mcnemar(gained, lost),
        precisions=(float(precision[0].mean()), float(precision[1].mean())),
        precision_difference=float(differences[1].mean()),
        precision_interval=(of_precision[0], of_precision[1]),
        precision_p_value=sign_flips(differences[1], seed=seed),
    )


def mcnemar(gained: int, lost: int) -> float:
    """The exact two-sided p-value: how likely so uneven a division of gained and lost is where both are as likely."""
    changed = gained + lost
    ways = tail = 1
    for count in range(min(gained, lost)):
        ways = ways * (changed - count) // (count + 1)  # to choose one more of those that changed
        tail += ways
    return min(1.0, float(Fraction(2 * tail, 2**changed)))


def sign_flips(differences: Float[np.ndarray, " n"], *, seed: int = 0) -> float:
    """The share of random changes of the differences' signs whose mean is as far from 0, the real one being counted."""
    chance = generator(seed, "sign flips")
    limit = abs(differences.sum()) * (1 - 1e-12)  # sums in another order are no less far
    as_far = 1
    for _ in range(FLIPS // _AT_ONCE):
        signs = 1.0 - 2 * chance.integers(2, size=(_AT_ONCE, len(differences)))
        as_far += int((np.abs(signs @ differences) >= limit).sum())
    return as_far / (FLIPS + 1)


def _score(retrieval: Retrieval, label: str, k: int) -> Score:
    names = [score.label for score in retrieval.scores]
    if label not in names:
        raise CollectionError(
            f"{retrieval.origin.encoder} has no score by {label!r}, only by: {', '.join(names) or 'no label'}. "
            "Choose one that both have."
        )
    score = retrieval.score(label)
    if k not in score.hits:
        raise CollectionError(
            f"{retrieval.origin.encoder} has no hit@{k} by {label!r}, only: {', '.join(map(str, score.hits))}. Choose "
            "one that both have."
        )
    return score


def _hits(outcomes: Sequence[QueryRanking], k: int) -> list[float]:
    return [float(each.first_right is not None and each.first_right <= k) for each in outcomes]
