"""What to label next: every part is seen early, what is known is not asked for again, and no chance decides."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unreel.prediction import suggestions
from unreel.prediction.suggestions import Suggester


def blobs(sizes: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, list[int]]:
    """Vectors around as many points as there are sizes, and the point of each."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(len(sizes), 16)) * 10
    of = [number for number, size in enumerate(sizes) for _ in range(size)]
    return (centres[of] + chance.normal(size=(len(of), 16))).astype(np.float32), of


def test_a_few_more_than_there_are_kinds_show_all_of_them_however_rare() -> None:
    vectors, kinds = blobs((60, 30, 9, 3))
    found = Suggester(vectors).suggest({}, 6)
    assert {kinds[row] for row in found} == {0, 1, 2, 3}
    assert kinds[found[0]] == 0  # the largest first


def test_the_first_of_a_kind_is_in_its_middle() -> None:
    vectors, _ = blobs((40, 40))
    vectors[5] += 8
    (first, second) = Suggester(vectors).suggest({}, 2)
    assert 5 not in (first, second)


def test_what_is_uncertain_comes_before_what_is_clear() -> None:
    vectors, kinds = blobs((30, 30))
    middle = (vectors[:30].mean(0) + vectors[30:].mean(0)) / 2
    between = middle + np.random.default_rng(0).normal(size=(10, 16))
    labels = {row: f"kind {kinds[row]}" for row in (0, 1, 30, 31)}
    (first,) = Suggester(np.vstack([vectors, between]).astype(np.float32)).suggest(labels, 1)
    assert first >= len(vectors)


@given(st.integers(1, 30), st.integers(0, 12), st.integers(1, 10), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_what_is_suggested_is_new_and_always_the_same(count: int, known: int, asked: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(count, 4)).astype(np.float32)
    labels = {int(row): f"kind {row % 3}" for row in chance.permutation(count)[:known]}
    found = Suggester(vectors).suggest(labels, asked)
    assert len(found) == len(set(found)) == min(asked, count - len(labels))
    assert not set(found) & set(labels)
    assert found == Suggester(vectors).suggest(labels, asked)


def test_equal_vectors_and_many_are_no_trouble(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    same = np.ones((12, 4), np.float32)
    assert len(Suggester(same).suggest({0: "a", 1: "b"}, 5)) == 5
    monkeypatch.setattr(suggestions, "MOST_VIDEOS", 20)
    vectors, _ = blobs((60, 60))
    labels = {row: "ab"[row > 59] for row in range(0, 120, 30)}
    found = Suggester(vectors).suggest(labels, 6)
    assert len(set(found) - set(labels)) == 6
