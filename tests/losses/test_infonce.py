"""InfoNCE against the slow loops of the paper."""

import by_the_book
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unreel.losses import infonce


@given(b=st.integers(1, 6), n=st.integers(1, 3), d=st.integers(2, 8), seed=st.integers(0, 99))
def test_equals_the_loops_of_equation_4(b: int, n: int, d: int, seed: int) -> None:
    anchors, positives = torch.randn(2, b, n, d, generator=torch.Generator().manual_seed(seed))
    expected = by_the_book.spatial(anchors.tolist(), positives.tolist(), 0.1)
    assert infonce(anchors, positives, temperature=0.1, reduction="sum").loss.item() == pytest.approx(
        expected, abs=1e-4
    )
    assert infonce(anchors, positives, temperature=0.1).loss.item() == pytest.approx(expected / b, abs=1e-4)


def test_float64_stays_float64() -> None:
    anchors, positives = torch.randn(2, 3, 2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = by_the_book.spatial(anchors.tolist(), positives.tolist(), 0.07)
    assert infonce(anchors, positives, reduction="sum").loss.item() == pytest.approx(expected, abs=1e-10)


def test_accuracy_is_the_share_of_nearest_positives() -> None:
    anchors = torch.eye(4)[:, None]
    positives = torch.eye(4)[[0, 1, 3, 2], None]
    assert infonce(anchors, anchors).accuracy.item() == 1
    assert infonce(anchors, positives).accuracy.item() == 0.5


def test_length_of_vectors_does_not_matter() -> None:
    anchors, positives = torch.randn(2, 5, 2, 7, generator=torch.Generator().manual_seed(0))
    scaled = infonce(3 * anchors, 0.2 * positives).loss
    torch.testing.assert_close(scaled, infonce(anchors, positives).loss)
