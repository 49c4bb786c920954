"""The paper's equations as slow loops, written from the text and sharing no code with the package."""

import math
from collections.abc import Sequence

Vector = Sequence[float]


def cosine(first: Vector, second: Vector) -> float:
    """sim(a, b) = a · b / (|a| |b|)."""
    dot = sum(x * y for x, y in zip(first, second, strict=True))
    return dot / math.sqrt(sum(x * x for x in first)) / math.sqrt(sum(y * y for y in second))


def infonce(anchors: Sequence[Vector], positives: Sequence[Vector], temperature: float, hardness: float = 0.0) -> float:
    """Eqs. 1 and 3: the sum over the batch; with a hardness, Robinson et al. (ICLR 2021), Eq. 4, τ⁺ = 0."""
    total = 0.0
    for i, anchor in enumerate(anchors):
        scores = [math.exp(cosine(anchor, positive) / temperature) for positive in positives]
        others = [score for j, score in enumerate(scores) if j != i]
        weights = [score**hardness for score in others]
        mean = sum(weights) / len(weights) if weights else 1.0
        negatives = sum(weight / mean * score for weight, score in zip(weights, others, strict=True))
        total -= math.log(scores[i] / (scores[i] + negatives))
    return total


def spatial(
    anchors: Sequence[Sequence[Vector]],
    positives: Sequence[Sequence[Vector]],
    temperature: float,
    hardness: float = 0.0,
) -> float:
    """Eq. 4: the mean over the N temporal positions of the sum over the batch; indices are (clip, position)."""
    positions = len(anchors[0])
    total = 0.0
    for n in range(positions):
        total += infonce([clip[n] for clip in anchors], [clip[n] for clip in positives], temperature, hardness)
    return total / positions


def hit_at(k: int, vectors: Sequence[Vector], labels: Sequence[str], groups: Sequence[str]) -> float:
    """Sec. 4.3: the share of queries with one of their k nearest videos, outside their own group, of their class."""
    hits = counted = 0
    for query, vector in enumerate(vectors):
        others = [
            row for row in range(len(vectors)) if row != query and (groups[row] != groups[query] or not groups[query])
        ]
        if not labels[query] or not any(labels[row] == labels[query] for row in others):
            continue
        nearest = sorted(others, key=lambda row: -cosine(vector, vectors[row]))[:k]
        counted += 1
        hits += any(labels[row] == labels[query] for row in nearest)
    return hits / counted


def order(query: Vector, gallery: Sequence[Vector], allowed: Sequence[int]) -> list[int]:
    """The allowed rows of a gallery, nearest first; what is as near to nine digits stays in its order."""
    return sorted(allowed, key=lambda row: -round(cosine(query, gallery[row]), 9))


def average_precision(right: Sequence[bool]) -> float:
    """The mean, over the right ones of an order, of the share of right ones up to each."""
    shares = [sum(right[: place + 1]) / (place + 1) for place in range(len(right)) if right[place]]
    return sum(shares) / len(shares)


def vote(labels: Sequence[str], similarities: Sequence[float], temperature: float | None) -> str:
    """The label whose voters weigh most, 1 or exp(s/τ) each; of equal ones the one with the first voter."""
    weights = [1.0 if temperature is None else math.exp(each / temperature) for each in similarities]
    totals = [sum(w for other, w in zip(labels, weights, strict=True) if other == label) for label in labels]
    return labels[totals.index(max(totals))]
