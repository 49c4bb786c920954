"""The map of a collection: every video a point, near the videos the encoder finds alike."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unreel.rng import generator

Floats = NDArray[np.float64]

FEWEST_FOR_TSNE = 10
MOST_FOR_TSNE = 3000
"""Vectors that are spread out at once, which takes a minute; the others take their places beside them."""
_BESIDE, _BLOCK = 5, 1000
PERPLEXITY = 30.0

# Colours are CSS variables of the page, made for colour-blind readers; five shapes tell apart what shares a colour.
COLOURS = 8
SHAPES = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M-3.6-3.6h7.2v7.2h-7.2z",
    "M0-4.8L4.6 3.4H-4.6z",
    "M0-5.2L4.4 0L0 5.2L-4.4 0z",
    "M-1.5-4.6h3v3.1h3.1v3h-3.1v3.1h-3v-3.1h-3.1v-3h3.1z",
)


@dataclass(frozen=True)
class Mark:
    """How the videos of one class are drawn; `colour` numbers a CSS variable, `shape` is SVG path data."""

    value: str
    count: int
    colour: int
    shape: str


@dataclass(frozen=True)
class EmbeddingMap:
    """Where one encoder puts the videos: `places` in [0, 1]² from the top left; `method` says how that was found."""

    encoder: str
    method: str
    videos: list[str]
    places: list[tuple[float, float]]


def embedding_map(encoder: str, vectors: Mapping[str, np.ndarray], videos: Sequence[str], seed: int) -> EmbeddingMap:
    """The map of those `videos` that have a finite vector."""
    drawn = [video for video in videos if video in vectors and np.isfinite(vectors[video]).all()]
    points, method = project(np.array([vectors[video] for video in drawn], np.float64), seed)
    left_out = sum(video in vectors for video in videos) - len(drawn)
    if left_out:
        method += f"; {left_out} with a vector that is not finite are left out"
    return EmbeddingMap(encoder, method, drawn, [(float(x), float(y)) for x, y in points])


def project(vectors: Floats, seed: int) -> tuple[Floats, str]:
    """Places (n, 2) in [0, 1]² for vectors (n, d), near by cosine similarity, and the name of the method."""
    if not len(vectors):
        return np.zeros((0, 2)), "no vectors"
    directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    centred = directions - directions.mean(axis=0)
    if np.abs(centred).max() < 1e-6:
        return np.full((len(vectors), 2), 0.5), "all vectors point the same way: nothing to spread out"
    if len(vectors) < FEWEST_FOR_TSNE:
        return _within_unit_square(_principal_components(centred)), "PCA"
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    return _within_unit_square(_tsne(centred, perplexity, seed)), f"t-SNE, perplexity {perplexity:.0f}, seed {seed}"


def project_many(vectors: Floats, seed: int, most: int = MOST_FOR_TSNE) -> tuple[Floats, str]:
    """The same for any number of vectors: `most` of them, drawn at random, are spread out.

    Each other one lies in the middle (the median) of the five of them that it is most like.
    """
    if len(vectors) <= most:
        return project(vectors, seed)
    drawn = np.sort(generator(seed, "map").choice(len(vectors), most, replace=False))
    known, method = project(vectors[drawn], seed)
    directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    places = np.empty((len(vectors), 2))
    for start in range(0, len(vectors), _BLOCK):
        similarities = directions[start : start + _BLOCK] @ directions[drawn].T
        nearest = np.argpartition(-similarities, min(_BESIDE, most) - 1, axis=1)[:, :_BESIDE]
        places[start : start + _BLOCK] = np.median(known[nearest], axis=1)
    places[drawn] = known
    return places, f"{method} of {most:,}, the others beside those that they are most like"


def _principal_components(centred: Floats) -> Floats:
    """The two widest directions (n, 2); a second one of zeros where there is only one."""
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    components = (left * sizes)[:, :2]
    return np.pad(components, ((0, 0), (0, 2 - components.shape[1])))


def _tsne(centred: Floats, perplexity: float, seed: int) -> Floats:
    from sklearn.manifold import TSNE  # takes a second to import: only for those who draw a map
    from threadpoolctl import threadpool_limits

    start = _principal_components(centred)
    start *= 1e-4 / start[:, 0].std()
    # One thread: on a busy machine several of them wait for each other, and seconds become minutes.
    with threadpool_limits(1):
        places = TSNE(perplexity=perplexity, init=start, random_state=seed).fit_transform(centred)
    return np.asarray(places, np.float64)


def _within_unit_square(points: Floats) -> Floats:
    low, high = points.min(axis=0), points.max(axis=0)
    within: Floats = (points - (low + high) / 2) / max(float((high - low).max()), 1e-12) + 0.5
    return within.clip(0, 1)


def marks(values: Sequence[str]) -> list[Mark]:
    """One mark per class, by name; 40 classes can be told apart. The videos without a label come last, in grey."""
    counts = Counter(values)
    without = counts.pop("", 0)
    classes = [
        Mark(value, counts[value], index % COLOURS, SHAPES[(index + index // COLOURS) % len(SHAPES)])
        for index, value in enumerate(sorted(counts))
    ]
    return classes + ([Mark("", without, COLOURS, SHAPES[0])] if without else [])
