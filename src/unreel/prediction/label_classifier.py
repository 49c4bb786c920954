"""A classifier fitted in seconds on vectors that are there already, and how right it is.

It is the one of `CANDIDATES` that makes the labels most likely when every fold is predicted from the others. How right
it is comes from folds, too, in each of which the choice is made anew from the other folds alone: no video takes part
in choosing or fitting what predicts it. Folds keep groups (persons, sources) whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import numpy as np
from jaxtyping import Float, Int
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from unreel.errors import CollectionError
from unreel.evaluation.knn import TEMPERATURE
from unreel.evaluation.splits import fold_numbers
from unreel.prediction.calibration import log_likelihood, sharpened
from unreel.prediction.validation import Validation, class_numbers
from unreel.text import first_of

FOLDS = 5
NEIGHBOURS = 20


def _weights(distances: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """Votes as `evaluation.knn` weighs them; a distance is 1 less the similarity."""
    return np.asarray(np.exp(-distances / TEMPERATURE))


CANDIDATES: Mapping[str, Callable[[], Any]] = {
    "logistic regression, C = 1": partial(LogisticRegression, max_iter=2000),
    "logistic regression, C = 0.1": partial(LogisticRegression, C=0.1, max_iter=2000),
    f"the {NEIGHBOURS} nearest videos, weighted": partial(
        KNeighborsClassifier, NEIGHBOURS, weights=_weights, metric="cosine"
    ),
}
"""What may be chosen, the first of equal ones."""


@dataclass(frozen=True)
class Examples:
    """Videos with a label; one of an empty group is a group by itself."""

    ids: tuple[str, ...]
    vectors: Float[np.ndarray, "n c"]
    labels: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The different labels, sorted."""
        return tuple(sorted(set(self.labels)))

    @property
    def units(self) -> tuple[str, ...]:
        """What folds keep together."""
        return tuple(group or identity for group, identity in zip(self.groups, self.ids, strict=True))

    def folds(self, rows: Int[np.ndarray, " m"]) -> Int[np.ndarray, " m"]:
        """The fold of each of the rows, as many folds as `FOLDS` or as there are units."""
        units = self.units
        videos = [(self.ids[row], self.labels[row], units[row]) for row in rows]
        count = min(FOLDS, len({unit for _, _, unit in videos}))
        found = fold_numbers(videos, count)
        return np.array([found[identity] for identity, _, _ in videos], np.int64)


@final
class LabelClassifier:
    """Tells the classes of `examples` apart; `model` names what was chosen, `validation` says how right it is.

    Features are standardised by `background`, the vectors of all videos, labelled or not.

    Raises:
        CollectionError: fewer than two labels, or all videos are of one group.
    """

    def __init__(self, examples: Examples, background: Float[np.ndarray, "m c"]) -> None:
        self.classes = examples.classes
        _check(examples)
        self._scaler = StandardScaler().fit(background)
        self._vectors = self._scaler.transform(examples.vectors)
        self._examples, self._truth = examples, class_numbers(examples.labels, self.classes)
        every = np.arange(len(self._truth))
        folds = examples.folds(every)
        self.validation = self._validation(folds)
        self.model = self._chosen(every)
        self._fitted = self._fit(self.model, every)
        self._temperature = self.validation.temperature

    def shares(self, vectors: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n k"]:
        """The calibrated confidence in each class of videos that were not learnt from."""
        return sharpened(self._predict(self._fitted, self._scaler.transform(vectors)), self._temperature)

    def held_out_shares(self) -> Float[np.ndarray, "n k"]:
        """The same of the examples, each by a classifier that had not learnt from it."""
        return sharpened(self.validation.shares, self._temperature)

    def _validation(self, folds: Int[np.ndarray, " n"]) -> Validation:
        shares = np.empty((len(folds), len(self.classes)))
        for fold in np.unique(folds):
            learnt, tested = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            shares[tested] = self._predict(self._fit(self._chosen(learnt), learnt), self._vectors[tested])
        units = self._examples.units
        what = "groups" if any(self._examples.groups) else "videos"
        way = f"cross-validated, {folds.max()} folds of {len(set(units))} {what}"
        return Validation(way, self.classes, self._examples.ids, self._truth, shares, folds, units)

    def _chosen(self, rows: Int[np.ndarray, " m"]) -> str:
        """The candidate to which these rows are most likely, each fold of them predicted from the others."""
        folds = self._examples.folds(rows)
        likely = dict.fromkeys(CANDIDATES, 0.0)
        for fold in np.unique(folds) if folds.max() > 1 else ():
            learnt, tested = rows[folds != fold], rows[folds == fold]
            for name in likely:
                found = self._predict(self._fit(name, learnt), self._vectors[tested])
                likely[name] += log_likelihood(found, self._truth[tested])
        return max(likely, key=likely.__getitem__)

    def _fit(self, name: str, rows: Int[np.ndarray, " m"]) -> Any:
        if len(np.unique(self._truth[rows])) < 2:
            model: Any = DummyClassifier(strategy="prior")
        else:
            model = CANDIDATES[name]()
            if isinstance(model, KNeighborsClassifier):
                model.n_neighbors = min(model.n_neighbors, len(rows))
        return model.fit(self._vectors[rows], self._truth[rows])

    def _predict(self, model: Any, vectors: Float[np.ndarray, "n c"]) -> Float[np.ndarray, "n k"]:
        shares = np.zeros((len(vectors), len(self.classes)))
        shares[:, model.classes_] = model.predict_proba(vectors)
        return shares


def _check(examples: Examples) -> None:
    classes = examples.classes
    if len(classes) < 2:
        raise CollectionError(
            f"{len(examples.ids)} videos have {len(classes)} different labels ({first_of(classes, 1) or 'none'}), "
            "expected two or more to tell apart. Label more videos."
        )
    if len(set(examples.units)) < 2:
        raise CollectionError(
            f"all {len(examples.ids)} labelled videos are of the group {first_of(examples.units, 1)}, expected two "
            "groups or more to see how right predictions are. Label videos of others, or change --group-pattern."
        )
