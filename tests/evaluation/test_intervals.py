"""Bootstrap intervals."""

import numpy as np
import pytest

from unreel.evaluation.metrics import bootstrap
from unreel.rng import generator


def test_an_interval_holds_the_mean_and_is_as_wide_as_theory_says() -> None:
    hits = np.random.default_rng(0).random(400) < 0.3
    ((low, high),) = bootstrap(hits[None].astype(float), generator(0, "x"))
    assert low < hits.mean() < high
    error = np.sqrt(hits.mean() * (1 - hits.mean()) / 400)
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_nine_of_ten_and_more_intervals_hold_the_truth() -> None:
    chance = np.random.default_rng(1)
    values = (chance.random((200, 60)) < 0.5).astype(float)
    intervals = bootstrap(values, generator(0, "x"))
    assert np.mean((intervals[:, 0] <= 0.5) & (intervals[:, 1] >= 0.5)) > 0.9


def test_measures_share_their_samples_and_draws_are_repeated() -> None:
    values = np.random.default_rng(2).random((1, 30))
    both = bootstrap(np.concatenate([values, 2 * values]), generator(3, "x"))
    assert both[1] == pytest.approx(2 * both[0])
    np.testing.assert_array_equal(both[:1], bootstrap(values, generator(3, "x")))
    np.testing.assert_allclose(bootstrap(np.ones((2, 4)), generator(0, "x")), 1.0)
