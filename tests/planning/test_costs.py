"""Updates, hours and bytes, by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.planning.costs import cost, run_size
from unreel.planning.model import Step
from unreel.video.clips.loading import batch_keys


def _step(batch_size: int, gpus: int, seconds: float) -> Step:
    return Step(gpus, batch_size, seconds, "computing", 1.0, 1.0, 1.0, 1)


@given(videos=st.integers(4, 60), batch=st.integers(2, 4), epochs=st.integers(1, 3))
def test_updates_are_those_of_the_loader(videos: int, batch: int, epochs: int) -> None:
    keys = batch_keys(videos, batch, seed=0)
    seen = 0
    while next(keys)[0][0] < epochs:
        seen += 1
    assert cost(_step(batch, 1, 1.0), videos, 1.0, epochs).updates == seen


def test_what_the_whole_costs() -> None:
    found = cost(_step(20, 2, 1.0), videos=7219, video_size=1e6, epochs=10, price_per_gpu_hour=3.0)
    assert (found.updates, found.seconds, found.gpu_hours, found.price) == (3600, 3600, 2, 6)
    assert found.prepared == pytest.approx(7.219e9)
    assert cost(_step(20, 2, 1.0), 7219, 1e6, 10).price is None


def test_a_run_keeps_weights_and_velocities() -> None:
    assert run_size(weights=10, keep=2) == 4 * (10 + 3 * 2 * 10)
