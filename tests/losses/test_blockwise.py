"""Blocks give what the whole matrix gives, wherever they cut it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from unreel.losses.blockwise import Options, compare_blockwise
from unreel.losses.infonce import _compare


def _unit(*shape: int, seed: int) -> Tensor:
    vectors = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(vectors, dim=-1).requires_grad_()


@settings(max_examples=60)
@given(
    processes=st.integers(1, 3),
    shape=st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(2, 6)),
    block=st.tuples(st.integers(1, 8), st.integers(1, 9)),
    hardness=st.sampled_from([0.0, 0.5, 1.5]),
    temperature=st.sampled_from([0.07, 1.0]),
    seed=st.integers(0, 99),
)
def test_equals_the_whole_matrix_in_sums_and_gradients(
    processes: int,
    shape: tuple[int, int, int],
    block: tuple[int, int],
    hardness: float,
    temperature: float,
    seed: int,
) -> None:
    b, n, d = shape
    anchors, positives = _unit(b, n, d, seed=seed), _unit(processes * b, n, d, seed=seed + 100)
    first = (processes - 1) * b  # those of the last process
    whole = _compare(anchors, positives, torch.arange(first, first + b), temperature, hardness)
    blocks = compare_blockwise(anchors, positives, Options(first, temperature, hardness, *block))
    torch.testing.assert_close(blocks, whole, atol=1e-10, rtol=1e-10)
    for got, expected in zip(
        torch.autograd.grad(3 * blocks[0], (anchors, positives)),
        torch.autograd.grad(3 * whole[0], (anchors, positives)),
        strict=True,
    ):
        torch.testing.assert_close(got, expected, atol=1e-9, rtol=1e-9)


@given(b=st.integers(2, 6), rows=st.integers(1, 7), columns=st.integers(1, 7))
def test_vectors_that_are_all_alike_are_not_taken_for_found(b: int, rows: int, columns: int) -> None:
    alike = torch.zeros(b, 1, 3)
    alike[..., 0] = 1
    own = torch.arange(b)
    found = compare_blockwise(alike, alike, Options(0, 0.07, 0.0, rows, columns))[1]
    assert found.item() == _compare(alike, alike, own, 0.07, 0.0)[1].item() == 1  # the first of equals


@pytest.mark.parametrize("learnt", ["anchors", "positives"])
def test_gradients_of_one_side_alone(learnt: str) -> None:
    anchors, positives = _unit(5, 2, 3, seed=0), _unit(5, 2, 3, seed=1)
    options = Options(0, 0.07, 0.5, 2, 3)
    both = torch.autograd.grad(compare_blockwise(anchors, positives, options)[0], (anchors, positives))
    if learnt == "anchors":
        alone = torch.autograd.grad(compare_blockwise(anchors, positives.detach(), options)[0], anchors)[0]
    else:
        alone = torch.autograd.grad(compare_blockwise(anchors.detach(), positives, options)[0], positives)[0]
    assert torch.equal(alone, both[learnt == "positives"])


def test_scores_far_from_zero_do_not_overflow() -> None:
    anchors, positives = _unit(4, 1, 3, seed=0), _unit(4, 1, 3, seed=1)
    sums = compare_blockwise(anchors, positives, Options(0, 1e-4, 1.0, 2, 2))
    whole = _compare(anchors, positives, torch.arange(4), 1e-4, 1.0)
    torch.testing.assert_close(sums, whole)
    assert all(each.isfinite().all() for each in torch.autograd.grad(sums[0], (anchors, positives)))
