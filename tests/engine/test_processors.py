"""The processors that may be used, and processes that read ahead."""

import math
import os
import resource
import signal
from collections.abc import Generator
from contextlib import closing
from itertools import count, islice
from multiprocessing import active_children
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from unreel.engine import processors
from unreel.engine.processors import cores, cores_per_process, default_workers, quota, read_ahead
from unreel.errors import CollectionError


def test_those_this_process_may_run_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "quota", lambda: math.inf)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 5, 7}, raising=False)
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.parametrize(("granted", "expected"), [(math.inf, 8), (9.0, 8), (2.0, 2), (1.5, 2), (0.2, 1)])
def test_a_container_may_grant_less(granted: float, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processors, "quota", lambda: granted)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cores() == expected


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/\n", {}, math.inf),
        ("0::/\n", {"cpu.max": "max 100000\n"}, math.inf),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/pod/app\n", {"pod/app/cpu.max": "max 100000", "pod/cpu.max": "300000 100000"}, 3.0),
        ("0::/pod/app\n", {"pod/app/cpu.max": "50000 100000", "pod/cpu.max": "300000 100000"}, 0.5),
        ("0::/as/the/host/says\n", {"cpu.max": "200000 100000"}, 2.0),
        (
            "4:memory:/x\n2:cpu,cpuacct:/x\n",
            {"cpu/x/cpu.cfs_quota_us": "400000", "cpu/x/cpu.cfs_period_us": "1e5"},
            math.inf,
        ),
        ("2:cpu,cpuacct:/x\n", {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4.0),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, math.inf),
    ],
)
def test_what_control_groups_grant(membership: str, files: dict[str, str], expected: float, tmp_path: Path) -> None:
    (tmp_path / "membership").write_text(membership)
    for name, content in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(content)
    assert quota(tmp_path / "membership", tmp_path / "groups") == expected


def test_no_control_groups(tmp_path: Path) -> None:
    assert quota(tmp_path / "none", tmp_path) == math.inf


@pytest.mark.parametrize(("beside", "expected"), [(None, 8), ("1", 8), ("3", 2), ("9", 1), ("0", 8), ("many", 8)])
def test_processes_beside_this_one_get_as_much(
    beside: str | None, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processors, "cores", lambda: 8)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    if beside is not None:
        monkeypatch.setenv("LOCAL_WORLD_SIZE", beside)
    assert cores_per_process() == expected


@pytest.mark.parametrize(
    ("own", "device", "expected"),
    [(1, "cpu", 1), (2, "cpu", 1), (16, "cpu", 2), (1, "cuda", 1), (2, "cuda", 1), (8, "cuda", 7), (96, "cuda", 16)],
)
def test_a_gpu_leaves_the_cores_to_the_workers(
    own: int, device: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processors, "cores_per_process", lambda: own)
    assert default_workers(device) == expected


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
        if key == "exit":
            os._exit(3)
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
    assert not active_children()


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
        workers = active_children()
        assert len(workers) == 2
        started = monotonic()
    assert monotonic() - started < 4
    assert not active_children()


def test_an_error_of_the_one_who_iterates_ends_the_workers() -> None:
    def use() -> None:
        for _ in _endless():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        use()
    del caught
    assert not active_children()


def test_an_error_of_the_source_arrives_and_ends_the_workers() -> None:
    with pytest.raises(KeyError, match="error"):
        list(read_ahead(Troubled(), ["sound", "error", "sound"], 2, yielding=False))
    assert not active_children()


def test_a_killed_worker_is_told_and_the_others_end() -> None:
    read = _endless()
    next(read)
    started = monotonic()
    pid = active_children()[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    expected = "was ended by SIGKILL. Systems do so when memory runs out: try fewer --loader-workers"
    with pytest.raises(CollectionError, match=expected):
        for _ in read:
            assert monotonic() - started < 30
    assert monotonic() - started < 30
    assert not active_children()


@pytest.mark.parametrize(
    ("key", "expected"),
    [("exit", "ended with exit code 3. A video may have"), ("crash", "was ended by SIGABRT. A video may have crashed")],
)
def test_a_worker_that_ends_itself_is_told(key: str, expected: str) -> None:
    with pytest.raises(CollectionError, match=expected):
        list(read_ahead(Troubled(), [key], 1, yielding=False))
    assert not active_children()
