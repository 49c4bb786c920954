"""Work in processes: what comes back, what is lost, and what is left behind (nothing)."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from misbehave import blas_threads, own_process, square
from running import children

from unreel.engine.executor import Executor
from unreel.engine.limits import Limits
from unreel.engine.worker_pool import Lost
from unreel.errors import SettingsError, UnreelError

EXPECTED: dict[int, int | Lost] = {number: number * number for number in range(40)} | {
    3: Lost("stalled"),
    5: Lost("crashed"),
    7: Lost("failed", "ValueError"),
}


@pytest.fixture(params=["local", pytest.param("ray", marks=pytest.mark.slow)])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every engine; Ray's processes must find the tasks of these tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[1] / "support"))
    return cast(str, request.param)


def test_every_task_has_its_result_or_is_lost(name: str) -> None:
    engine = Executor(name, workers=2, limits=Limits(3.0))
    assert dict(engine.run(square, [(number,) for number in range(40)])) == EXPECTED


def test_what_no_task_is_to_blame_for_ends_the_work(name: str) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        list(Executor(name, workers=1).run(square, [(1000,), (2,)]))


def test_no_process_is_left_behind() -> None:
    before = children()
    results = cast("Iterator[tuple[int, int]]", Executor(workers=2).run(own_process, [(0.1,)] * 3 + [(60.0,)]))
    with closing(results):  # type: ignore[type-var]
        number, process = next(results)
        assert number < 3
        assert process in children() - before
    deadline = time.monotonic() + 10
    while children() - before and time.monotonic() < deadline:
        time.sleep(0.1)
    # one that multiprocessing itself keeps for all pools may have come
    assert len(children() - before) <= 1
    assert process not in children()


def test_no_more_processes_than_tasks() -> None:
    results = dict(Executor(workers=8).run(own_process, [(0.5,), (0.5,)]))
    assert len(set(results.values())) == 2


def test_every_process_has_one_thread() -> None:
    results = dict(Executor(workers=2).run(blas_threads, [(0,), (1,)]))
    assert len(results) == 2
    assert all(threads and set(threads) == {1} for threads in results.values() if not isinstance(threads, Lost))


def test_processes_that_do_not_start_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unreel.engine.worker_pool._begin", os.kill)  # which wants arguments
    with pytest.raises(UnreelError, match=r"^the processes have ended before their work\. Run this again to resume\.$"):
        list(Executor(workers=1).run(square, [(2,)]))


def test_no_tasks_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("unreel.engine.worker_pool.ProcessPool")
    assert list(Executor().run(square, [])) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "spark"}, "engine is 'spark', expected one of: local, ray."),
        ({"workers": 0}, "workers is 0, expected at least 1."),
    ],
)
def test_values_without_sense_are_skipped(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Executor(**settings)  # type: ignore[arg-type]
    assert str(caught.value) == message
