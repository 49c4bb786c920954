"""Standardised embeddings against a loop, and what they are for: a shared direction hides nothing any more."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unreel.losses import infonce, standardised


@given(b=st.integers(2, 6), n=st.integers(1, 3), d=st.integers(1, 5), seed=st.integers(0, 99))
def test_equals_a_loop(b: int, n: int, d: int, seed: int) -> None:
    vectors = torch.randn(b, n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + 3
    found = standardised(vectors)
    for dim in range(d):
        values = [vectors[i, m, dim].item() for i in range(b) for m in range(n)]
        mean = sum(values) / len(values)
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values) + 1e-5)
        for i in range(b):
            for m in range(n):
                assert found[i, m, dim].item() == pytest.approx((vectors[i, m, dim].item() - mean) / spread, abs=1e-9)


def test_gradients_go_through_the_statistics() -> None:
    vectors = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(standardised, vectors)


def test_what_all_share_hides_no_difference() -> None:
    own = torch.randn(16, 1, 8, generator=torch.Generator().manual_seed(0))
    anchors, positives = (1e3 + own + 0.01 * torch.randn_like(own) for _ in range(2))
    assert infonce(anchors, positives).loss > 2.7  # log 16 = 2.77: nothing can be told apart
    assert infonce(standardised(anchors), standardised(positives)).loss < 0.1


def test_a_dimension_that_never_changes_becomes_0_and_half_precision_single() -> None:
    vectors = torch.ones(3, 2, dtype=torch.bfloat16)
    assert torch.equal(standardised(vectors), torch.zeros(3, 2))
