"""Alignment, uniformity and rank against loops, and where their values are known."""

import math

import by_the_book
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unreel.losses import alignment, effective_rank, uniformity


@given(b=st.integers(2, 6), n=st.integers(1, 3), d=st.integers(2, 6), seed=st.integers(0, 99))
def test_equal_loops(b: int, n: int, d: int, seed: int) -> None:
    first, second = torch.randn(2, b, n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))

    def squared(one: torch.Tensor, other: torch.Tensor) -> float:
        return 2 - 2 * by_the_book.cosine(one.tolist(), other.tolist())

    near = [squared(first[i, m], second[i, m]) for i in range(b) for m in range(n)]
    assert alignment(first, second).item() == pytest.approx(sum(near) / len(near), abs=1e-5)
    logs, ranks = 0.0, 0.0
    for m in range(n):
        pairs = [math.exp(-2 * squared(first[i, m], first[j, m])) for i in range(b) for j in range(i)]
        logs += math.log(sum(pairs) / len(pairs))
        rows = first[:, m].numpy()
        values = np.linalg.svd(rows / np.linalg.norm(rows, axis=1, keepdims=True), compute_uv=False)
        ranks += math.exp(-sum(value * math.log(value) for value in values / values.sum()))
    assert uniformity(first).item() == pytest.approx(logs / n, abs=1e-5)
    assert effective_rank(first).item() == pytest.approx(ranks / n, abs=1e-4)


def test_collapse_shows() -> None:
    collapsed = torch.ones(8, 1, 4)
    assert alignment(collapsed, collapsed).item() == pytest.approx(0, abs=1e-6)
    assert uniformity(collapsed).item() == pytest.approx(0, abs=1e-5)
    assert effective_rank(collapsed).item() == pytest.approx(1, abs=1e-2)


def test_vectors_at_right_angles() -> None:
    apart = torch.eye(4)[:, None]
    assert uniformity(apart).item() == pytest.approx(-4)
    assert effective_rank(apart).item() == pytest.approx(4)
    assert alignment(apart, apart.roll(1, dims=0)).item() == pytest.approx(2)


def test_one_clip_has_no_pairs() -> None:
    assert uniformity(torch.ones(1, 2, 3)).item() == 0
