"""HD-NCE: weights, levels, names."""

from functools import partial

import by_the_book
import pytest
import torch
from torch import Tensor

from unreel.losses import alignment, effective_rank, hdnce, infonce, uniformity, watch


def _pairs(*shape: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, *shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape)))
    return first, second


@pytest.mark.parametrize("chunk_size", [None, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_equals_equation_6_by_the_book(dtype: torch.dtype, tolerance: float, chunk_size: int | None) -> None:
    spatial = {3: _pairs(4, 3, 5, dtype=dtype), 4: _pairs(4, 2, 5, dtype=dtype), 5: _pairs(4, 1, 5, dtype=dtype)}
    temporal = {level: _pairs(4, level, dtype=dtype) for level in (3, 4, 5)}
    alpha, beta = {3: 0.25, 4: 0.5, 5: 1.0}, {3: 0.1, 4: 0.2, 5: 0.3}
    expected = 0.0
    for k in (3, 4, 5):
        expected += alpha[k] * by_the_book.spatial(spatial[k][0].tolist(), spatial[k][1].tolist(), 0.07)
        expected += beta[k] * by_the_book.infonce(temporal[k][0].tolist(), temporal[k][1].tolist(), 0.07)
    contrast = partial(infonce, reduction="sum", chunk_size=chunk_size)
    loss = hdnce(spatial, temporal, alpha=alpha, beta=beta, contrast=contrast)
    assert loss.total.item() == pytest.approx(expected, rel=tolerance)
    assert set(loss.parts) == {f"{task}_{k}" for task in ("spatial", "temporal") for k in (3, 4, 5)}


def test_both_directions_are_the_mean_of_each() -> None:
    spatial, temporal = {4: _pairs(4, 2, 5)}, {5: _pairs(4, 5)}
    chosen = partial(hdnce, alpha={4: 0.5}, beta={5: 1.0})
    there = chosen(spatial, temporal)
    back = chosen({4: spatial[4][::-1]}, {5: temporal[5][::-1]})
    both = chosen(spatial, temporal, both_directions=True)
    torch.testing.assert_close(both.total, (there.total + back.total) / 2)
    torch.testing.assert_close(both.parts["spatial_4"], (there.parts["spatial_4"] + back.parts["spatial_4"]) / 2)
    assert both.figures == there.figures


def test_a_level_of_weight_zero_is_not_even_looked_at() -> None:
    loss = hdnce({}, {5: _pairs(4, 5)}, alpha={3: 0.0, 4: 0.0, 5: 0.0}, beta={3: 0.0, 4: 0.0, 5: 1.0})
    assert set(loss.parts) == {"temporal_5"}
    assert loss.total.item() == pytest.approx(loss.parts["temporal_5"].item())


def test_nothing_to_learn_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="every level has weight 0"):
        hdnce({}, {}, alpha={5: 0.0}, beta={5: 0.0})


def test_gradients_are_those_of_finite_differences() -> None:
    levels = {3: _pairs(3, 2, 4, dtype=torch.float64), 5: _pairs(3, 4, dtype=torch.float64)}
    vectors = [each.requires_grad_() for pair in levels.values() for each in pair]

    def total(o: Tensor, s: Tensor, o5: Tensor, t5: Tensor) -> Tensor:
        return hdnce({3: (o, s)}, {5: (o5, t5)}, alpha={3: 0.25, 5: 0.0}, beta={3: 0.0, 5: 1.0}).total

    assert torch.autograd.gradcheck(total, vectors)


def test_what_is_watched_has_the_names_of_its_parts_and_no_gradient() -> None:
    anchors, positives = (each.requires_grad_() for each in _pairs(6, 3, 5))
    figures = watch({"spatial_4": (anchors, positives), "temporal_5": _pairs(6, 5)})
    assert set(figures) == {
        f"{figure}/{part}" for figure in ("alignment", "uniformity", "rank") for part in ("spatial_4", "temporal_5")
    }
    assert not any(value.requires_grad for value in figures.values())
    torch.testing.assert_close(figures["alignment/spatial_4"], alignment(anchors, positives).detach())
    torch.testing.assert_close(figures["uniformity/spatial_4"], uniformity(anchors).detach())
    torch.testing.assert_close(figures["rank/spatial_4"], effective_rank(anchors).detach())
