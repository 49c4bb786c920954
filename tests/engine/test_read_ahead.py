"""Processes that read ahead: in order, on one thread each, and never left behind."""

import os
import resource
import signal
from collections.abc import Generator
from contextlib import closing
from functools import partial
from itertools import count, islice
from threading import Timer
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
import torch
from running import loader_workers
from threadpoolctl import threadpool_info

from unreel.engine import read_ahead as module
from unreel.engine.read_ahead import read_ahead
from unreel.engine.signals import stop_requests
from unreel.engine.waiting import Wait
from unreel.errors import CollectionError, Stopped


class Worker:
    """Says where it is read."""

    def __getitem__(self, key: int) -> tuple[int, int, int, int, int]:
        import torch

        threads = max(torch.get_num_threads(), *(each["num_threads"] for each in threadpool_info()))
        return key, os.getpid(), threads, os.getpriority(os.PRIO_PROCESS, 0), os.getppid()


class Troubled:
    """Fails in the way its key says."""

    def __getitem__(self, key: str) -> Any:
        if key == "error":
            raise KeyError(key)
        if key.startswith("exit"):
            os._exit(int(key[4:]))
        if key == "crash":
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGABRT, signal.SIG_DFL)
            os.abort()
        sleep(0.01)
        return key


@pytest.mark.parametrize("yielding", [False, True])
def test_workers_keep_the_order_and_have_one_thread_each(yielding: bool) -> None:
    here = os.getpriority(os.PRIO_PROCESS, 0)
    seen = list(read_ahead(Worker(), range(9), 2, yielding=yielding))
    assert [key for key, *_ in seen] == list(range(9))
    assert len({process for _, process, *_ in seen} - {os.getpid()}) == 2
    assert {threads for _, _, threads, *_ in seen} == {1}
    assert {priority for *_, priority, _ in seen} == {19 if yielding else here}
    assert not loader_workers()


def test_without_workers_this_process_reads_when_asked() -> None:
    asked: list[int] = []

    class Noting:
        def __getitem__(self, key: int) -> int:
            asked.append(key)
            return key

    assert list(islice(read_ahead(Noting(), count(), 0, yielding=False), 3)) == [0, 1, 2]
    assert asked == [0, 1, 2]


def _endless() -> Generator[Any, None, None]:
    return read_ahead(Troubled(), iter(lambda: "sound", ""), 2, yielding=False)


def test_ending_early_ends_the_workers() -> None:
    with closing(_endless()) as read:
        next(read)
        workers = loader_workers()
        assert len(workers) == 2
        started = monotonic()
    assert monotonic() - started < 4
    assert not loader_workers()


def test_an_error_of_the_one_who_iterates_ends_the_workers() -> None:
    def use() -> None:
        for _ in _endless():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        use()
    del caught
    assert not loader_workers()


def test_an_error_of_the_source_arrives_and_ends_the_workers() -> None:
    with pytest.raises(KeyError, match="error"):
        list(read_ahead(Troubled(), ["sound", "error", "sound"], 2, yielding=False))
    assert not loader_workers()


def test_a_killed_worker_is_told_and_the_others_end() -> None:
    read = _endless()
    next(read)
    started = monotonic()
    pid = loader_workers()[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    expected = "was ended by SIGKILL. Systems do so when memory runs out: try fewer --loader-workers"
    with pytest.raises(CollectionError, match=expected):
        for _ in read:
            assert monotonic() - started < 30
    assert monotonic() - started < 30
    assert not loader_workers()


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("exit3", "ended with exit code 3. A video may have"),
        ("exit1", "ended with exit code 1. Its own words are above. With --loader-workers 0 there is none."),
        ("crash", "was ended by SIGABRT. A video may have crashed it"),
    ],
)
def test_a_worker_that_ends_itself_is_told(key: str, expected: str) -> None:
    with pytest.raises(CollectionError, match=expected):
        list(read_ahead(Troubled(), [key], 1, yielding=False))
    assert not loader_workers()


class Large:
    """Holds more than a pipe does."""

    def __getitem__(self, key: int) -> object:
        array = np.full((key, 1 << 20), key, np.float32)
        return key, "…", {"array": array, "tensor": torch.from_numpy(array).to(torch.uint8), "empty": array[:0]}


def test_large_arrays_and_tensors_come_as_they_are_and_may_be_written_to() -> None:
    for key, (number, text, found) in enumerate(read_ahead(Large(), range(3), 2, yielding=False)):
        assert (number, text) == (key, "…")
        assert found["array"].shape == (key, 1 << 20) and (found["array"] == key).all()
        assert found["tensor"].dtype is torch.uint8 and found["tensor"].shape == (key, 1 << 20)
        assert (found["tensor"].add_(1) == key + 1).all()
        assert found["empty"].shape == (0, 1 << 20)


def test_a_stopped_worker_is_waited_for_with_a_word_until_a_signal_comes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(_endless()) as read, stop_requests():
        for _ in range(2):  # until both have started, which may take more than a second
            next(read)
        monkeypatch.setattr(module, "Wait", partial(Wait, silence=1.0))
        workers = [each.pid for each in loader_workers() if each.pid is not None]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        timer = Timer(3.0, os.kill, [os.getpid(), signal.SIGTERM])
        timer.start()
        started = monotonic()
        with pytest.raises(Stopped, match=r"stopped by SIGTERM while waiting for videos from process \d+, which reads"):
            for _ in read:
                assert monotonic() - started < 60
    said = capsys.readouterr().err
    assert said.removeprefix("unreel: waiting for videos from process ").split(",")[0] in map(str, workers)
    assert not loader_workers()
