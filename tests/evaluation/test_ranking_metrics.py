"""Measures of an order, against the definitions and scikit-learn."""

import by_the_book
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from unreel.evaluation.metrics import average_precision, first_right, purity

orders = st.lists(st.lists(st.booleans(), min_size=9, max_size=9).filter(any), min_size=1, max_size=6)


@given(right=orders)
def test_measures_equal_their_definitions(right: list[list[bool]]) -> None:
    table = np.array(right)
    assert first_right(table).tolist() == [order.index(True) + 1 for order in right]
    precisions = average_precision(table)
    assert precisions == pytest.approx([by_the_book.average_precision(order) for order in right])
    falling = np.arange(9, 0, -1)
    assert precisions == pytest.approx([average_precision_score(order, falling) for order in right])
    for k in (1, 5, 9):
        assert purity(table, k) == pytest.approx([sum(order[:k]) / k for order in right])


def test_the_example_of_the_definition() -> None:
    assert average_precision(np.array([[1, 0, 1, 0, 0, 1, 0]], bool)) == pytest.approx((1 + 2 / 3 + 3 / 6) / 3)


def test_no_queries() -> None:
    none = np.zeros((0, 4), bool)
    assert (len(first_right(none)), len(average_precision(none)), len(purity(none, 2))) == (0, 0, 0)
