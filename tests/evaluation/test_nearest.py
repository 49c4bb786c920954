"""The exact search: a slow loop's answer, the same for any blocks, within its memory."""

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float

from unreel.errors import CollectionError
from unreel.evaluation.nearest import Groups, Nearest, UnitVectors, nearest, numbered, ranked

# Whole numbers tie often, and by vectors that are not the same.
small = st.integers(-2, 2)


def tables(most: int = 12) -> st.SearchStrategy[Float[np.ndarray, "n c"]]:
    """Vectors with many ties among them."""
    rows = st.lists(st.tuples(small, small, small), min_size=1, max_size=most)
    return rows.map(lambda each: np.array(each, dtype=np.float32) / 3)


def by_loops(
    queries: Float[np.ndarray, "n c"], gallery: Float[np.ndarray, "m c"], groups: Groups | None
) -> list[list[int]]:
    """The rows of the gallery as each query has them, nearest first, equal ones (to 1e-9) in their order."""
    orders = []
    for query, vector in enumerate(queries.astype(float)):
        found = []
        for row, other in enumerate(gallery.astype(float)):
            if groups is None or groups[0][query] != groups[1][row]:
                lengths = float(np.linalg.norm(vector) * np.linalg.norm(other)) or 1.0
                found.append((-round(float(sum(vector * other)) / lengths, 9), row))
        orders.append([row for _, row in sorted(found)])
    return orders


@given(queries=tables(), gallery=tables(), keep=st.integers(1, 15), grouped=st.booleans(), memory=st.integers(0, 9000))
def test_it_finds_what_the_loops_find_in_any_blocks(
    queries: Float[np.ndarray, "n c"], gallery: Float[np.ndarray, "m c"], keep: int, grouped: bool, memory: int
) -> None:
    groups = (np.arange(len(queries)) % 3, np.arange(len(gallery)) % 3) if grouped else None
    expected = by_loops(queries, gallery, groups)
    sides = UnitVectors(queries), UnitVectors(gallery)
    found, whole = (nearest(*sides, keep, groups=groups, memory=size) for size in (memory, 2**28))
    np.testing.assert_array_equal(found.rows, whole.rows)
    np.testing.assert_array_equal(found.similarities, whole.similarities)
    assert found.rows.shape == (len(queries), min(keep, len(gallery)))
    for query, order in enumerate(expected):
        assert [row for row, _ in found.hits(query)] == order[:keep]
    blocks = list(ranked(*sides, groups=groups, memory=memory))
    assert [block.first for block in blocks] == list(np.cumsum([0, *(len(block.rows) for block in blocks[:-1])]))
    rows = [rows[:size].tolist() for block in blocks for rows, size in zip(block.rows, block.sizes, strict=True)]
    assert rows == expected


def test_blocks_change_no_bit() -> None:
    chance = np.random.default_rng(0)
    gallery = chance.normal(size=(400, 9216))
    gallery[200:] = gallery[:200] * 3  # every vector has a twin of another length
    queries = UnitVectors(gallery, np.arange(50))
    found = [nearest(queries, UnitVectors(gallery), 400, memory=memory) for memory in (10_000, 3_000_000, 2**28)]
    for other in found[1:]:
        assert found[0].rows.tobytes() == other.rows.tobytes()
        assert found[0].similarities.tobytes() == other.similarities.tobytes()
    for rows in found[0].rows.tolist():
        assert [row + 200 for row in rows[::2]] == rows[1::2]


def test_what_the_order_of_a_sum_could_decide_is_summed_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = UnitVectors(np.random.default_rng(3).normal(size=(40, 700)))
    expected = nearest(vectors, vectors, 40)
    monkeypatch.setattr("unreel.evaluation.nearest._ROUNDING", 1.0)  # every pair is doubtful
    found = nearest(vectors, vectors, 40)
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.similarities, expected.similarities)


@pytest.mark.parametrize("width", [3, 512, 9216])
def test_similarities_are_cosines_to_nine_digits(width: int) -> None:
    chance = np.random.default_rng(width)
    vectors = (chance.normal(size=(20, width)) * 1e3 + 5e2).astype(np.float32)
    unit = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
    found = nearest(UnitVectors(vectors), UnitVectors(vectors), 20)
    for query in range(20):
        for row, similarity in found.hits(query):
            assert similarity == pytest.approx(unit[query] @ unit[row], abs=1e-9)


def test_centred_vectors_lack_the_mean_of_their_rows() -> None:
    vectors = 100 + np.random.default_rng(1).normal(size=(300, 5)).astype(np.float32)
    rows = np.arange(10, 290)
    centred = vectors[rows] - vectors[rows].mean(axis=0, dtype=float)
    expected = nearest(UnitVectors(centred), UnitVectors(centred), 4)
    found = nearest(UnitVectors(vectors, rows, centred=True), UnitVectors(vectors, rows, centred=True), 4)
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_allclose(found.similarities, expected.similarities, atol=2e-9)


@pytest.mark.parametrize("memory", [2**19, 2**21])
def test_a_search_takes_no_more_than_its_memory(memory: int) -> None:
    vectors = np.random.default_rng(2).normal(size=(900, 64)).astype(np.float32)
    known = UnitVectors(vectors)
    searches: list[Callable[[], int]] = [
        lambda: 2 * nearest(known, known, 50, memory=memory).rows.nbytes,
        lambda: sum(0 * block.first for block in ranked(known, known, memory=memory)),
    ]
    for search in searches:
        tracemalloc.start()
        kept = search()
        taken = tracemalloc.get_traced_memory()[1] - kept
        tracemalloc.stop()
        assert taken < memory + 2**17


def test_groups_and_videos_of_none() -> None:
    assert numbered(["a", "", "a", "", "b"]).tolist() == [0, 1, 0, 3, 4]
    vectors = np.ones((5, 3), dtype=np.float32)
    apart = numbered(["a", "a", "b", "b", ""])
    found = nearest(UnitVectors(vectors), UnitVectors(vectors), 9, groups=(apart, apart))
    assert [[row for row, _ in found.hits(query)] for query in (0, 4)] == [[2, 3, 4], [0, 1, 2, 3]]
    assert found.rows[0].tolist() == [2, 3, 4, -1, -1]


def test_nothing_to_search() -> None:
    none, some = UnitVectors(np.zeros((0, 3), np.float32)), UnitVectors(np.ones((2, 3), np.float32))
    assert nearest(none, some, 4).rows.shape == (0, 2)
    assert nearest(some, none, 4).rows.shape == (2, 0)
    assert Nearest(np.array([[-1]]), np.array([[-1.0]])).hits(0) == []
    assert list(ranked(none, some)) == []


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_no_numbers(value: float) -> None:
    vectors = np.ones((3, 2), np.float32)
    vectors[1, 1] = value
    with pytest.raises(CollectionError, match=r"1 of 3 vectors are not finite.*an earlier checkpoint"):
        UnitVectors(vectors)
