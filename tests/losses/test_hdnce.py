"""HD-NCE: weights, levels, names."""

import by_the_book
import pytest
import torch
from torch import Tensor

from unreel.losses import hdnce


def _pairs(*shape: int) -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, *shape, generator=torch.Generator().manual_seed(sum(shape)))
    return first, second


def test_equals_equation_6_by_the_book() -> None:
    spatial = {3: _pairs(4, 3, 5), 4: _pairs(4, 2, 5), 5: _pairs(4, 1, 5)}
    temporal = {level: _pairs(4, level) for level in (3, 4, 5)}
    alpha, beta = {3: 0.25, 4: 0.5, 5: 1.0}, {3: 0.1, 4: 0.2, 5: 0.3}
    expected = 0.0
    for k in (3, 4, 5):
        expected += alpha[k] * by_the_book.spatial(spatial[k][0].tolist(), spatial[k][1].tolist(), 0.07)
        expected += beta[k] * by_the_book.infonce(temporal[k][0].tolist(), temporal[k][1].tolist(), 0.07)
    loss = hdnce(spatial, temporal, alpha=alpha, beta=beta, reduction="sum")
    assert loss.total.item() == pytest.approx(expected, rel=1e-5)
    assert set(loss.parts) == {f"{task}_{k}" for task in ("spatial", "temporal") for k in (3, 4, 5)}


def test_a_level_of_weight_zero_is_not_even_looked_at() -> None:
    loss = hdnce({}, {5: _pairs(4, 5)}, alpha={3: 0.0, 4: 0.0, 5: 0.0}, beta={3: 0.0, 4: 0.0, 5: 1.0})
    assert set(loss.parts) == {"temporal_5"}
    assert loss.total.item() == pytest.approx(loss.parts["temporal_5"].item())


def test_nothing_to_learn_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="every level has weight 0"):
        hdnce({}, {}, alpha={5: 0.0}, beta={5: 0.0})
