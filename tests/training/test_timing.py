"""Seconds of data and of computing, by a clock of the test's own."""

from collections.abc import Iterator

import pytest

from unreel.training import timing as module
from unreel.training.timing import StepTimer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times that the clock will show, to be set by the test."""
    times: list[float] = []

    def shown() -> Iterator[float]:
        while True:
            yield times.pop(0)

    iterator = shown()
    monkeypatch.setattr(module, "perf_counter", lambda: next(iterator))
    return times


def test_each_lap_looks_at_its_own_steps(clock: list[float]) -> None:
    pace = StepTimer()
    clock[:] = [0.0, 1.0, 1.0, 4.0, 4.0, 4.5, 4.5, 5.5]
    for _ in range(2):
        with pace.data():
            pass
        with pace.compute():
            pass
    assert str(pace) == "data 0.75 s + compute 2.00 s"
    assert pace.lap() == {"seconds/data": 0.75, "seconds/compute": 2.0, "seconds/step": 2.75}
    clock[:] = [6.0, 6.0, 6.0, 6.25]
    with pace.data():
        pass
    with pace.compute():
        pass
    assert pace.lap() == {"seconds/data": 0.0, "seconds/compute": 0.25, "seconds/step": 0.25}
    assert pace.seconds == 5.75
