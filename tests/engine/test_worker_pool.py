"""Processes that stand ready: what goes wrong in one task touches no other, and nothing is left behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from misbehave import own_process, square
from pebble.pool.process import PoolManager
from running import children

from unreel.engine.limits import Limits
from unreel.engine.worker_pool import Lost, WorkerPool
from unreel.errors import UnreelError


def test_every_task_has_its_result_or_is_lost() -> None:
    with WorkerPool(2, Limits(2.0)) as pool:
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


def test_a_process_that_ends_before_it_is_known_what_it_took_is_no_end_of_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = PoolManager.process_next_message

    def late(manager: PoolManager, timeout: float) -> None:
        time.sleep(0.7)  # as on a busy machine: by then the end of the process was noticed
        read(manager, timeout)

    monkeypatch.setattr(PoolManager, "process_next_message", late)
    with WorkerPool(1, Limits(60.0)) as pool:
        futures = [pool.submit(square, number) for number in (5, 2)]
        assert [each.result(60) for each in futures] == [Lost("crashed"), 4]


def test_who_stops_waiting_takes_nothing_from_others() -> None:
    with WorkerPool(1, Limits(30.0)) as pool:
        future = pool.submit(square, 2)
        assert not future.cancel()
        assert future.result(60) == 4


def test_processes_without_work_end_and_come_back_with_the_next_task() -> None:
    before = children()
    with WorkerPool(1, Limits(60.0), idle=0.5) as pool:
        first = pool.submit(own_process, 1.5).result(60)  # at work for longer than that
        deadline = time.monotonic() + 60
        while children() - before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert children() == before
        second, third = [pool.submit(own_process, 0.0).result(60) for _ in range(2)]
        assert first != second == third
    assert children() == before


def test_the_end_loses_what_is_not_done_and_leaves_no_process() -> None:
    before = children()
    with WorkerPool(1, Limits(60.0)) as pool:
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


@pytest.mark.skipif(sys.platform == "win32", reason="no signal ends a process at once there")
def test_processes_end_with_the_one_that_started_them_however_it_ends(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, signal, time, sys, misbehave\n"
        "from unreel.engine.worker_pool import WorkerPool\n"
        "pool = WorkerPool(1)\n"
        "pathlib.Path(sys.argv[1]).write_text(str(pool.submit(os.getpid).result()))\n"
        "pool.submit(misbehave.dawdle)\n"
        "time.sleep(1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "worker")], check=False, env=environment)
    worker = int((tmp_path / "worker").read_text())
    patience = time.monotonic() + 30
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < patience:
            os.kill(worker, 0)
            time.sleep(0.05)
