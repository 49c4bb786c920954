"""The linear probe reads what is linear and nothing else."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from trials import one_out, two_sides

from unreel.errors import CollectionError
from unreel.evaluation.linear import probe

LABELS = ["run", "walk", "jump"] * 12
GROUPS = [f"person {row // 9}" for row in range(36)]


def _vectors(signal: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(36, 6))
    noise[:, :3] += signal * np.eye(3)[[row % 3 for row in range(36)]]
    return noise.astype(np.float32)


def _accuracy(vectors: np.ndarray, labels: list[str], groups: list[str] | None = None) -> float:
    trial = one_out(vectors, labels, groups)
    said = probe(trial, "class")[2]
    return float(np.mean([said[video.id] == video.labels["class"] for video in trial.queries]))


@pytest.mark.parametrize("groups", [GROUPS, None])
def test_reads_a_linear_label(groups: list[str] | None) -> None:
    split, folds, said = probe(one_out(_vectors(9.0), LABELS, groups), "class")
    assert (folds, split) == ((4, "leave one group out") if groups else (5, "5 stratified folds"))
    assert sorted(said) == [f"{row:02}" for row in range(36)]
    assert _accuracy(_vectors(9.0), LABELS, groups) > 0.95
    assert _accuracy(_vectors(0.0), LABELS, groups) < 0.65


def test_a_group_is_never_trained_on_and_tested() -> None:
    # the features tell the person only, and each person has one action: nothing can be learned about a new person
    labels = ["run"] * 9 + ["walk"] * 9 + ["run"] * 9 + ["walk"] * 9
    vectors = np.eye(4, dtype=np.float32)[[row // 9 for row in range(36)]]
    assert _accuracy(vectors, labels) == 1
    assert _accuracy(vectors, labels, GROUPS) <= 0.5


def test_the_train_part_teaches_and_the_test_part_is_told() -> None:
    vectors = _vectors(2.0)
    split, folds, said = probe(two_sides(vectors, LABELS, known=24), "class")
    known = vectors[:24].astype(np.float64)
    middle, spread = known.mean(axis=0), known.std(axis=0)
    by_hand = LogisticRegression(max_iter=2000).fit((known - middle) / spread, LABELS[:24])
    assert list(said.values()) == by_hand.predict((vectors[24:] - middle) / spread).tolist()
    assert (split, folds, list(said)) == ("1", 1, [f"{row}" for row in range(24, 36)])


def test_errors() -> None:
    with pytest.raises(CollectionError, match="at least two 'class' labels, got 1"):
        probe(one_out(_vectors(1.0), ["run"] * 36, GROUPS), "class")
    with pytest.raises(CollectionError, match="at least two 'class' labels, got 1"):
        probe(two_sides(_vectors(1.0), ["run"] * 30 + ["walk"] * 6, known=30), "class")
    with pytest.raises(CollectionError, match="five folds need 5 videos of each 'class' label, the rarest has 1"):
        probe(one_out(_vectors(1.0), ["once", *LABELS[1:]]), "class")
