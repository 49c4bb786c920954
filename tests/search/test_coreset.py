"""Diverse and rare rows: against slow loops from the definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float32

from unreel.search.coreset import k_centre, rare_first


def vectors_of(seed: int, rows: int, repeated: int) -> Float32[np.ndarray, "n c"]:
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(rows, 4)).astype(np.float32)
    vectors[:repeated] = vectors[-1]
    return vectors


def similarities_of(vectors: np.ndarray) -> np.ndarray:
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(unit @ unit.T)


@given(seed=st.integers(0, 99), rows=st.integers(1, 14), repeated=st.integers(0, 5), count=st.integers(1, 16))
def test_each_choice_is_the_farthest_from_those_before(seed: int, rows: int, repeated: int, count: int) -> None:
    vectors = vectors_of(seed, rows, min(repeated, rows))
    similarities = similarities_of(vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    central = unit @ unit.mean(axis=0)
    chosen = k_centre(vectors, count)
    assert len(chosen) == len(set(chosen)) == min(count, rows)
    assert central[chosen[0]] == pytest.approx(central.max(), abs=1e-5)
    for number in range(1, len(chosen)):
        nearest = similarities[:, chosen[:number]].max(axis=1)
        others = [row for row in range(rows) if row not in chosen[:number]]
        assert nearest[chosen[number]] == pytest.approx(min(nearest[row] for row in others), abs=1e-5)


def test_ties_go_to_the_first_row() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    assert k_centre(vectors, 4) == [0, 2, 1, 3]


@given(seed=st.integers(0, 99), rows=st.integers(2, 14), repeated=st.integers(0, 5), neighbour=st.integers(1, 6))
def test_rare_are_those_whose_neighbours_are_far(seed: int, rows: int, repeated: int, neighbour: int) -> None:
    vectors = vectors_of(seed, rows, min(repeated, rows))
    similarities = similarities_of(vectors)
    np.fill_diagonal(similarities, -np.inf)
    place = min(neighbour, rows - 1) - 1
    last = np.sort(similarities, axis=1)[:, ::-1][:, place]
    order = rare_first(vectors, neighbour)
    assert sorted(order) == list(range(rows))
    assert np.allclose(last[order], np.sort(last), atol=1e-6)


def test_one_row_is_rare() -> None:
    assert rare_first(np.ones((1, 3), np.float32)) == [0]
    assert rare_first(np.ones((3, 3), np.float32)) == [0, 1, 2]
