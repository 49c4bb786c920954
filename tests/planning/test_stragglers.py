"""The slowest of many, held against drawing them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.planning.stragglers import expected_maximum


def test_known_values() -> None:
    assert expected_maximum(1) == 0
    assert expected_maximum(2) == pytest.approx(1 / math.sqrt(math.pi), abs=1e-9)
    assert expected_maximum(3) == pytest.approx(1.5 / math.sqrt(math.pi), abs=1e-9)
    assert expected_maximum(1000) == pytest.approx(3.2414, abs=1e-4)  # Harter, Biometrika 48, 1961


def test_the_mean_of_draws() -> None:
    drawn = np.random.default_rng(0).standard_normal((40_000, 16)).max(axis=1).mean()
    assert expected_maximum(16) == pytest.approx(drawn, abs=0.01)


@given(st.integers(2, 2000))
def test_grows_and_stays_below_the_bound(count: int) -> None:
    assert expected_maximum(count - 1) < expected_maximum(count) <= math.sqrt(2 * math.log(count))
