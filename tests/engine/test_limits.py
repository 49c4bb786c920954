"""What a process may take: time counts from the last progress only, and memory is never more than it may be."""

import sys
from pathlib import Path

import pytest
from bomb import write_bomb
from clips import Clip
from misbehave import hoard, plod

from unreel.engine.files import sha256_of
from unreel.engine.limits import GIB, Limits
from unreel.engine.worker_pool import Lost, WorkerPool
from unreel.errors import SettingsError
from unreel.video.collection.options import ScanOptions
from unreel.video.collection.scan import scan

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")


def test_what_goes_on_may_last() -> None:
    with WorkerPool(1, Limits(1.5)) as pool:
        assert pool.submit(plod, 12, 0.5, True).result(60) == 12
        assert pool.submit(plod, 12, 0.5, False).result(60) == Lost("stalled")
    with WorkerPool(1, Limits(1.5, longest=4.0)) as pool:
        assert pool.submit(plod, 60, 0.5, True).result(60) == Lost("too long")


def test_reading_a_file_is_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr("unreel.engine.files.progress", lambda: told.append(1))
    (tmp_path / "large").write_bytes(bytes(3 << 20))
    sha256_of(tmp_path / "large")
    assert len(told) == 3


def test_who_had_too_little_memory_leaves_a_fresh_process() -> None:
    with WorkerPool(1, Limits(30.0)) as pool:
        assert pool.submit(hoard, 3 * GIB).result(60) == Lost("out of memory")
        assert pool.submit(hoard, 1 << 20).result(60) == 1 << 20
    with WorkerPool(1, Limits(30.0, memory=0)) as pool:
        assert pool.submit(hoard, 3 * GIB).result(60) == 3 * GIB


def test_a_memory_bomb_is_refused_within_the_limit(tmp_path: Path) -> None:
    write_bomb(tmp_path / "in/bomb.mp4")
    Clip().write(tmp_path / "in/good.mp4")
    found = scan(tmp_path / "in", tmp_path / "scan.parquet", ScanOptions(limits=Limits(memory=GIB), workers=1))
    assert [(record.id, record.reason) for record in found] == [
        ("bomb.mp4", "needs more than 1 GiB of memory (see --memory-per-file of unreel prepare)"),
        ("good.mp4", ""),
    ]


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_seconds_without_sense_are_skipped(seconds: float) -> None:
    with pytest.raises(SettingsError, match=f"seconds per file is {seconds}, expected a number above 0"):
        Limits(seconds)


def test_memory_without_sense_is_skipped() -> None:
    with pytest.raises(SettingsError, match=r"memory per file is 0\.25 GiB, expected at least 0\.5"):
        Limits(memory=GIB // 4)
