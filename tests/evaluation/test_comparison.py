"""The paired comparison: against scipy's binomial test, all changes of sign, and what a difference looks like."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from retrievals import EMPTY, changed

from unreel.errors import CollectionError
from unreel.evaluation.comparison import compare, mcnemar, sign_flips
from unreel.evaluation.results import QueryRanking, Retrieval, Score


def _retrieval(places: list[int], precisions: list[float], first: int = 0) -> Retrieval:
    outcomes = {
        f"{number}.mp4": QueryRanking(place, precision)
        for number, (place, precision) in enumerate(zip(places, precisions, strict=True), first)
    }
    score = Score("class", len(places), 0.1, {1: 0.5, 5: 0.5}, {1: (0.0, 1.0), 5: (0.0, 1.0)}, outcomes=outcomes)
    return changed(EMPTY, encoder="a", collection="videos", scores=(score,))


@given(gained=st.integers(0, 60), lost=st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial_test(gained: int, lost: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert mcnemar(gained, lost) == pytest.approx(expected)


def test_mcnemar_of_many() -> None:
    assert mcnemar(10_000, 10_000) == 1
    assert mcnemar(9_000, 11_000) < 1e-40
    assert mcnemar(0, 5) == pytest.approx(2 / 32)


def test_changes_of_sign_give_the_share_of_all_of_them() -> None:
    differences = np.array([0.5, 0.3, -0.1, 0.4, 0.0, 0.2, 0.2, -0.3, 0.6])
    means = [abs(np.dot(signs, differences)) for signs in product([-1, 1], repeat=9)]
    expected = np.mean(np.array(means) >= abs(differences.sum()) - 1e-9)
    assert sign_flips(differences) == pytest.approx(expected, abs=0.01)
    assert sign_flips(np.zeros(4)) == 1
    assert sign_flips(np.full(50, 0.1)) == pytest.approx(1 / 10_001)


def test_gained_lost_and_differences() -> None:
    first = _retrieval([1, 2, 7, 1, 3], [1.0, 0.5, 0.1, 0.9, 0.3])
    second = _retrieval([1, 1, 1, 2, 9], [1.0, 0.9, 0.8, 0.5, 0.1])
    found = compare(first, changed(second, encoder="b"), "class", 1)
    assert (found.first, found.second, found.queries, found.left_out) == ("a", "b", 5, 0)
    assert (found.gained, found.lost, found.hits) == (2, 1, (0.4, 0.6))
    assert found.hit_difference == pytest.approx(0.2)
    assert found.hit_p_value == 1
    assert found.precisions == pytest.approx((0.56, 0.66))
    assert found.precision_difference == pytest.approx(0.1)
    low, high = found.precision_interval
    assert low < 0.1 < high
    assert compare(first, second, "class", 5).hits == (0.8, 0.8)


def test_what_is_not_different_is_not_called_so() -> None:
    chance = np.random.default_rng(0)
    values = [_retrieval(chance.integers(1, 9, size=80).tolist(), chance.random(80).tolist()) for _ in range(2)]
    alike, same = (compare(values[0], other, "class", 1) for other in (values[1], values[0]))
    assert min(alike.hit_p_value, alike.precision_p_value) > 0.05
    assert (same.hit_difference, same.hit_interval, same.hit_p_value, same.precision_p_value) == (0, (0, 0), 1, 1)
    better = _retrieval([1] * 80, [1.0] * 80)
    sure = compare(values[0], better, "class", 1)
    assert max(sure.hit_p_value, sure.precision_p_value) < 0.001
    assert sure.hit_interval[0] > 0


def test_only_queries_of_both_are_compared() -> None:
    found = compare(_retrieval([1, 1, 2], [1.0, 1.0, 0.5]), _retrieval([1, 1, 1], [1.0] * 3, first=1), "class", 1)
    assert (found.queries, found.left_out) == (2, 2)


def test_what_cannot_be_compared() -> None:
    first = _retrieval([1], [1.0])
    with pytest.raises(CollectionError, match="a is on split '1' and a on '2', expected the same gallery"):
        compare(first, changed(first, split="2"), "class", 1)
    with pytest.raises(CollectionError, match=r"a has no score by 'person', only by: class\. Choose one"):
        compare(first, first, "person", 1)
    with pytest.raises(CollectionError, match=r"a has no hit@10 by 'class', only: 1, 5\. Choose one"):
        compare(first, first, "class", 10)
    with pytest.raises(
        CollectionError, match=r"have no query in common by 'class': '0.mp4' and '5.mp4'\. Evaluate both"
    ):
        compare(first, _retrieval([1], [1.0], first=5), "class", 1)
