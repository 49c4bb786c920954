"""The linear probe reads what is linear and nothing else."""

import numpy as np
import pytest

from unreel.errors import CollectionError
from unreel.evaluation.linear import linear_probe

LABELS = ["run", "walk", "jump"] * 12
GROUPS = [f"person {row // 9}" for row in range(36)]


def _vectors(signal: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(36, 6))
    noise[:, :3] += signal * np.eye(3)[[row % 3 for row in range(36)]]
    return noise.astype(np.float32)


@pytest.mark.parametrize("groups", [GROUPS, [""] * 36])
def test_reads_a_linear_label(groups: list[str]) -> None:
    probe = linear_probe(_vectors(9.0), LABELS, groups, name="action")
    assert probe.accuracy > 0.95
    assert (probe.folds, probe.split) == ((4, "leave one group out") if groups[0] else (5, "5 stratified folds"))
    assert linear_probe(_vectors(0.0), LABELS, groups, name="action").accuracy < 0.65


def test_a_group_is_never_trained_on_and_tested() -> None:
    # the features tell the person only, and each person has one action: nothing can be learned about a new person
    labels = ["run"] * 9 + ["walk"] * 9 + ["run"] * 9 + ["walk"] * 9
    vectors = np.eye(4, dtype=np.float32)[[row // 9 for row in range(36)]]
    assert linear_probe(vectors, labels, [""] * 36, name="action").accuracy == 1
    assert linear_probe(vectors, labels, GROUPS, name="action").accuracy <= 0.5


def test_videos_without_label_are_left_out() -> None:
    assert linear_probe(_vectors(9.0), ["", *LABELS[1:]], GROUPS, name="action").videos == 35


def test_errors() -> None:
    with pytest.raises(CollectionError, match="at least two 'action' labels, got 1"):
        linear_probe(_vectors(1.0), ["run"] * 36, GROUPS, name="action")
    with pytest.raises(CollectionError, match="five folds need 5 videos of each 'action' label, the rarest has 1"):
        linear_probe(_vectors(1.0), ["once", *LABELS[1:]], [""] * 36, name="action")
