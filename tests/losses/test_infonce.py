"""InfoNCE against the slow loops of the paper."""

from functools import partial

import by_the_book
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unreel.losses import infonce


def _pair(b: int, n: int, d: int, seed: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, b, n, d, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    return first, second


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 3), st.integers(2, 8)),
    chunk=st.integers(1, 7),
    hardness=st.sampled_from([0.0, 0.5, 1.5]),
    seed=st.integers(0, 99),
)
def test_equals_the_loops_of_equation_4(
    dtype: torch.dtype, tolerance: float, shape: tuple[int, int, int], chunk: int, hardness: float, seed: int
) -> None:
    anchors, positives = _pair(*shape, seed, dtype)
    expected, b = by_the_book.spatial(anchors.tolist(), positives.tolist(), 0.07, hardness), shape[0]
    for chunk_size in (None, chunk):
        chosen = partial(infonce, anchors, positives, hard_negatives=hardness, chunk_size=chunk_size)
        total, mean = chosen(reduction="sum").loss, chosen().loss
        assert total.dtype == dtype
        assert total.item() == pytest.approx(expected, abs=tolerance, rel=tolerance)
        assert mean.item() == pytest.approx(expected / b, abs=tolerance, rel=tolerance)


@pytest.mark.parametrize("hardness", [0.0, 1.0])
@pytest.mark.parametrize("chunk_size", [None, 2])
def test_gradients_are_those_of_finite_differences(chunk_size: int | None, hardness: float) -> None:
    anchors, positives = (each.requires_grad_() for each in _pair(5, 2, 4, 0, torch.float64))
    chosen = partial(infonce, hard_negatives=hardness, chunk_size=chunk_size)
    assert torch.autograd.gradcheck(lambda a, p: chosen(a, p).loss, (anchors, positives))


@settings(max_examples=20)
@given(chunk=st.integers(1, 9), seed=st.integers(0, 99))
def test_chunked_equals_whole_in_value_gradients_and_accuracy(chunk: int, seed: int) -> None:
    results = []
    for chunk_size in (None, chunk):
        anchors, positives = (each.requires_grad_() for each in _pair(8, 3, 5, seed))
        result = infonce(anchors, positives, chunk_size=chunk_size)
        results.append((result.loss, result.accuracy, *torch.autograd.grad(result.loss, (anchors, positives))))
    for whole, chunked in zip(*results, strict=True):
        torch.testing.assert_close(chunked, whole, atol=1e-6, rtol=1e-5)


def test_chunks_keep_memory_linear_in_the_batch() -> None:
    def largest_saved(chunk_size: int | None) -> int:
        sizes = [0]

        def pack(saved: Tensor) -> Tensor:
            sizes.append(saved.numel())
            return saved

        anchors, positives = (each.requires_grad_() for each in _pair(256, 1, 4, 0))
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
            infonce(anchors, positives, chunk_size=chunk_size)
        return max(sizes)

    assert largest_saved(None) >= 256 * 256
    assert largest_saved(16) <= 256 * 4


def test_accuracy_is_the_share_of_nearest_positives() -> None:
    anchors = torch.eye(4)[:, None]
    positives = torch.eye(4)[[0, 1, 3, 2], None]
    assert infonce(anchors, anchors).accuracy.item() == 1
    assert infonce(anchors, positives).accuracy.item() == 0.5


def test_length_of_vectors_does_not_matter() -> None:
    anchors, positives = torch.randn(2, 5, 2, 7, generator=torch.Generator().manual_seed(0))
    scaled = infonce(3 * anchors, 0.2 * positives).loss
    torch.testing.assert_close(scaled, infonce(anchors, positives).loss)
