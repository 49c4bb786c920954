"""Steps, hours and bytes, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.planning.communication import Contrast, Network
from unreel.planning.costs import Batch, cost, run_size, scale, shared, updates
from unreel.planning.model import Device, Machine, Reading, StepWork
from unreel.video.clips.loading import batch_keys

WORK = StepWork(views=3, operations=1e12, weights=1000, contrasts=(Contrast("c", 2, 100),))
MACHINE = Machine(Device(30.0), Reading(10.0, 5e5), Network(1e12, 1e12, 0.0))


@given(videos=st.integers(4, 60), batch=st.integers(2, 4), epochs=st.integers(1, 3))
def test_updates_are_those_of_the_loader(videos: int, batch: int, epochs: int) -> None:
    keys = batch_keys(videos, batch, seed=0)
    seen = 0
    while next(keys)[0][0] < epochs:
        seen += 1
    assert updates(videos, batch, epochs) == seen


def test_a_batch_is_shared_equally_or_not_at_all() -> None:
    assert shared(128, 8) == Batch(128, 8, 128)
    assert shared(128, 24) == Batch(120, 24, 128)
    assert shared(128, 256) is None
    assert Batch(128, 8, 128).own == 16


def test_what_a_step_needs_and_the_whole_costs() -> None:
    at = scale(WORK, MACHINE, Batch(20, 2, 20))
    assert at.step.seconds == pytest.approx(1.0, rel=1e-6)  # 10 videos of 3 views
    assert at.cores == pytest.approx(2.0, rel=1e-6)  # 20 clips a second
    assert at.storage == pytest.approx(1e7, rel=1e-6)
    assert at.similarities == 2 * 10 * 20 * 4
    vectors, gradients = 20 * 2 * 100 * 4, 4000
    assert at.sent == pytest.approx(vectors * 0.5 + vectors * 1 + gradients * 1)
    found = cost(at, videos=7219, epochs=10, price_per_hour=3.0)
    assert found.updates == 3600
    assert found.seconds == pytest.approx(3600, rel=1e-6)
    assert found.hours == pytest.approx(2.0, rel=1e-6)
    assert found.price == pytest.approx(6.0, rel=1e-6)
    assert cost(at, 7219, 10).price is None


def test_a_run_keeps_weights_and_velocities() -> None:
    assert run_size(weights=10, keep=2) == 4 * (10 + 3 * 2 * 10)
