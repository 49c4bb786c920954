"""Embedding on a Ray cluster of two nodes, one of which dies: the same table."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clips import Clip
from ray_cluster import head_without_work
from tables import TINY, contents, facts_of, tiny_weights

from unreel.checkpoint import load_encoder
from unreel.search.update import EmbeddingEngine, update
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

ray = pytest.importorskip("ray")
VIDEOS = 80


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that does no work itself; the test adds nodes."""
    with head_without_work() as cluster:
        yield cluster


@pytest.mark.slow
@pytest.mark.alone
def test_a_node_that_dies_changes_nothing(tmp_path: Path, cluster: Any) -> None:
    for number in range(VIDEOS):
        Clip(frames=60 + number % 7, width=72, height=56).write(tmp_path / f"videos/{number}.mp4")
    manifest = prepare(tmp_path / "videos", tmp_path / "prepared", PrepareOptions(TINY.prepared_side))
    weights = tiny_weights(tmp_path / "weights.safetensors")
    facts, encoder = facts_of(weights, manifest, clips="all"), load_encoder(weights)
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    place = tmp_path / "table"
    found: list[int] = []

    def kill_one_at_work() -> None:
        data = tmp_path / "table/embeddings.lance/data"
        while not list(data.glob("*.lance")):
            time.sleep(0.01)
        found.append(len(list(data.glob("*.lance"))))
        cluster.remove_node(nodes[0], allow_graceful=False)

    killer = threading.Thread(target=kill_one_at_work)
    killer.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unreel.search.update.ROWS_AT_ONCE", 1)
        changes = update(place, encoder, manifest, facts, EmbeddingEngine("ray"))
    killer.join()
    assert changes.embedded == VIDEOS
    assert found
    assert 0 < found[0] < VIDEOS  # there was work left
    update(tmp_path / "alone", encoder, manifest, facts)
    assert contents(place) == contents(tmp_path / "alone")
