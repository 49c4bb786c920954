"""Linear probe: how much of a label a linear classifier reads from frozen features, one group out at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unreel.errors import CollectionError

FOLDS = 5


@dataclass(frozen=True)
class LinearProbe:
    """Accuracy (0 to 1) over all test videos of all folds; `split` says how the folds were made."""

    label: str
    split: str
    folds: int
    videos: int
    accuracy: float


def linear_probe(
    vectors: Float[np.ndarray, "n c"], labels: Sequence[str], groups: Sequence[str], *, name: str, seed: int = 0
) -> LinearProbe:
    """Logistic regression (L2, C = 1) on standardised features; videos without a label are left out.

    With groups, each group is the test set once; without, five stratified folds.

    Raises:
        CollectionError: fewer than two labels, or too few videos of a label for the folds.
    """
    rows = [row for row, label in enumerate(labels) if label]
    classes = np.array([labels[row] for row in rows])
    sources = np.array([groups[row] for row in rows])
    if len(set(classes.tolist())) < 2:
        raise CollectionError(f"a linear probe needs at least two {name!r} labels, got {len(set(classes.tolist()))}")
    if len(set(sources.tolist())) > 1:
        split = "leave one group out"
        folds = list(LeaveOneGroupOut().split(classes, classes, sources))
    else:
        smallest = int(np.unique(classes, return_counts=True)[1].min())
        if smallest < FOLDS:
            raise CollectionError(f"five folds need 5 videos of each {name!r} label, the rarest has {smallest}")
        split = f"{FOLDS} stratified folds"
        folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(classes, classes))
    right = 0
    for training, test in folds:
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        model.fit(vectors[rows][training], classes[training])
        right += int((model.predict(vectors[rows][test]) == classes[test]).sum())
    return LinearProbe(name, split, len(folds), len(rows), right / len(rows))
