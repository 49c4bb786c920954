"""Processes that stand ready: what goes wrong in one task touches no other, and nothing is left behind."""

import time

import pytest
from misbehave import own_process, square
from running import children

from unreel.engine.limits import Limits
from unreel.engine.standing import Lost, StandingPool
from unreel.errors import UnreelError


def test_every_task_has_its_result_or_is_lost() -> None:
    with StandingPool(2, Limits(2.0)) as pool:
        futures = {number: pool.submit(square, number) for number in range(9)}
        results = {number: future.result(60) for number, future in futures.items()}
        assert results == {number: number * number for number in range(9)} | {
            3: Lost("stalled"),
            5: Lost("crashed"),
            7: Lost("failed", "ValueError"),
        }
        with pytest.raises(OSError, match="No space left on device"):
            pool.submit(square, 1000).result(60)
        assert pool.submit(square, 4).result(60) == 16


def test_who_stops_waiting_takes_nothing_from_others() -> None:
    with StandingPool(1, Limits(30.0)) as pool:
        future = pool.submit(square, 2)
        assert not future.cancel()
        assert future.result(60) == 4


def test_the_end_loses_what_is_not_done_and_leaves_no_process() -> None:
    before = children()
    with StandingPool(1, Limits(60.0)) as pool:
        futures = [pool.submit(own_process, seconds) for seconds in (0.0, 60.0, 60.0)]
        process = futures[0].result(60)
        assert process in children()
    for future in futures[1:]:
        with pytest.raises(UnreelError, match=r"^the processes have ended before their work\."):
            future.result(10)
    deadline = time.monotonic() + 10
    while process in children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process not in children()
    assert len(children() - before) <= 1  # one that multiprocessing itself keeps for all pools may have come
