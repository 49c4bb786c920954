"""Groups of near duplicates: the same as a slow loop, in blocks of any size."""

from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.search import near_duplicates
from unreel.search.near_duplicates import groups_of, leaders, typical_similarity


def slowly(vectors: np.ndarray, least: float) -> list[int]:
    found: list[int] = []
    for row, vector in enumerate(vectors):
        for other in range(row):
            length = max(float(np.linalg.norm(vector)), 1e-12) * max(float(np.linalg.norm(vectors[other])), 1e-12)
            if found[other] == other and float(vector @ vectors[other]) / length >= least - 1e-6:
                found.append(other)
                break
        else:
            found.append(row)
    return found


@given(
    st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=1, max_size=20),
    st.sampled_from([0.5, 0.8, 0.95, 1.0]),
    st.sampled_from([1, 2, 3, 7, 64]),
)
def test_the_same_as_a_slow_loop(values: list[list[int]], least: float, block: int) -> None:
    vectors = np.array(values, np.float32)
    with patch.object(near_duplicates, "_BLOCK", block):
        leader = leaders(vectors, least)
    assert leader.tolist() == slowly(vectors, least)
    groups = groups_of(leader)
    assert groups == [
        [row for row, first in enumerate(leader) if first == number]
        for number in range(len(leader))
        if list(leader).count(number) > 1
    ]


def test_typical_similarity() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
    middle, high = typical_similarity(vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = (unit @ unit.T)[np.triu_indices(500, 1)]
    assert middle == pytest.approx(np.median(pairs), abs=0.02)
    assert high == pytest.approx(np.quantile(pairs, 0.99), abs=0.02)
    assert typical_similarity(vectors[:1]) == (0.0, 0.0)
