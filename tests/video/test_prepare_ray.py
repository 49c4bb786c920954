"""Preparing on a Ray cluster of two nodes, one of which dies."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clips import Clip
from folders import checksums
from ray_cluster import head_without_work

from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions, ScanOptions
from unreel.video.collection.prepare import prepare
from unreel.video.collection.scan import scan

ray = pytest.importorskip("ray")
CLIPS = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    for number in range(CLIPS):
        Clip(frames=20 + number, width=96, height=64).write(folder / f"{number}.mp4")
    (folder / "text.mp4").write_text("hello")
    return folder


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head that does no work itself; the test adds nodes."""
    with head_without_work() as cluster:
        yield cluster


@pytest.mark.slow
def test_a_node_that_dies_changes_nothing(folder: Path, tmp_path: Path, cluster: Any) -> None:
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    out = tmp_path / "ray"
    found: list[int] = []

    def kill_one_at_work() -> None:
        while len(list(out.glob("videos/*/*.mp4"))) < 3:
            time.sleep(0.02)
        cluster.remove_node(nodes[0], allow_graceful=False)
        found.append(len(list(out.glob("videos/*/*.mp4"))))

    killer = threading.Thread(target=kill_one_at_work)
    killer.start()
    by_ray = prepare(folder, out, PrepareOptions(48, engine="ray"))
    killer.join()
    assert 3 <= found[0] < CLIPS  # there was work left
    while [node["Alive"] for node in ray.nodes()].count(True) > 2:  # the head and one; Ray takes its time to say so
        time.sleep(0.1)
    local = prepare(folder, tmp_path / "local", PrepareOptions(48, workers=1))
    for one, other in zip(by_ray, local, strict=True):
        assert one == other
    assert by_ray.records == Manifest.read(out).records
    assert checksums(out) == checksums(tmp_path / "local")


@pytest.mark.slow
def test_a_scan_is_the_same_as_on_one_machine(folder: Path, tmp_path: Path, cluster: Any) -> None:
    cluster.add_node(num_cpus=2)
    by_ray = scan(folder, tmp_path / "ray.parquet", ScanOptions(engine="ray"))
    assert by_ray == scan(folder, tmp_path / "local.parquet", ScanOptions(workers=1))
    assert (tmp_path / "ray.parquet").read_bytes() == (tmp_path / "local.parquet").read_bytes()
