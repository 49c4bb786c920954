"""Classification by the k nearest videos of the gallery that have a label."""

from collections import Counter
from collections.abc import Sequence
from math import exp

from unreel.evaluation.nearest import nearest
from unreel.evaluation.split_features import SplitFeatures

NEIGHBOURS = (1, 5, 20)
TEMPERATURE = 0.07

Column = tuple[int, bool]
"""k, and whether votes weigh."""


def knn(features: SplitFeatures, name: str, *, centred: bool) -> dict[str, dict[str, str]]:
    """Predict a label of every query from its nearest videos: one column for each way to vote, by the query's id.

    All videos of `features` have the label `name`. A k beyond the gallery is left out.
    """
    queries, gallery = features.unit_vectors(centred=centred)
    found = nearest(queries, gallery, max(NEIGHBOURS), groups=features.groups)
    labels = [video.labels[name] for video in features.gallery]
    hits = [
        [(labels[row], similarity) for row, similarity in found.hits(query)] for query in range(len(features.queries))
    ]
    ks = [k for k in NEIGHBOURS if k <= len(labels)]
    columns = {f"k={k}": (k, False) for k in ks} | {f"k={k} weighted": (k, True) for k in ks if k > 1}
    return {
        column: {
            video.id: vote(each[:k], weighted=weighted) for video, each in zip(features.queries, hits, strict=True)
        }
        for column, (k, weighted) in columns.items()
    }


def vote(found: Sequence[tuple[str, float]], *, weighted: bool) -> str:
    """The label with most votes among (label, similarity), nearest first; of equal ones the nearest's; "" without any.

    A vote counts 1 or, weighted, exp(similarity / 0.07) as in Wu et al. (CVPR 2018).
    """
    votes: Counter[str] = Counter()
    for label, similarity in found:
        votes[label] += exp(similarity / TEMPERATURE) if weighted else 1  # type: ignore[assignment]
    return max(votes, key=votes.__getitem__, default="")
