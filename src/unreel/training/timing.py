"""Where a run's time goes: waiting for data, or computing."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import final


@final
class StepTimer:
    """Seconds per step, side by side; each `lap` looks at the steps since the one before it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._data = self._compute = 0.0
        self._steps = 0

    @contextmanager
    def data(self) -> Iterator[None]:
        """The time in here is spent waiting for data."""
        started = perf_counter()
        yield
        self._data += perf_counter() - started

    @contextmanager
    def compute(self) -> Iterator[None]:
        """The time in here is spent computing; it ends a step."""
        started = perf_counter()
        yield
        self._compute += perf_counter() - started
        self._steps += 1

    def __str__(self) -> str:
        steps = max(1, self._steps)
        return f"data {self._data / steps:.2f} s + compute {self._compute / steps:.2f} s"

    def lap(self) -> dict[str, float]:
        """The means of the steps since the last lap, which ends here."""
        data, compute = self._data / self._steps, self._compute / self._steps
        self.seconds += self._data + self._compute
        self._data = self._compute = 0.0
        self._steps = 0
        return {"seconds/data": data, "seconds/compute": compute, "seconds/step": data + compute}
