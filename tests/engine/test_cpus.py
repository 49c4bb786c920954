"""The CPUs that may be used."""

import math
import os
from pathlib import Path

import pytest

from unreel.engine import cpus
from unreel.engine.cpus import cores, cores_per_process, default_workers, quota


def test_those_this_process_may_run_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "quota", lambda: math.inf)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 5, 7}, raising=False)
    assert cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1


@pytest.mark.parametrize(("granted", "expected"), [(math.inf, 8), (9.0, 8), (2.0, 2), (1.5, 2), (0.2, 1)])
def test_a_container_may_grant_less(granted: float, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "quota", lambda: granted)
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
    monkeypatch.setattr(cpus, "cores", lambda: 8)
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
    monkeypatch.setattr(cpus, "cores_per_process", lambda: own)
    assert default_workers(device) == expected
