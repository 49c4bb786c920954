"""Queries are made as the table's rows were: a video of the collection finds itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import Clip
from misbehave import dawdle
from tables import TINY, facts_of, tiny_weights

from unreel.checkpoint import load_encoder, untrained_encoder
from unreel.engine.limits import Limits
from unreel.errors import CheckpointError, VideoError
from unreel.search.metadata import DenseWindows, TableFacts
from unreel.search.query import QueryEncoder
from unreel.search.table import EmbeddingTable
from unreel.search.update import update
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of moving numbers, their tables (3 clips, and all), and the weights."""
    folder = tmp_path_factory.mktemp("collection")
    chance = np.random.default_rng(0)
    for number in range(4):
        noise = chance.integers(0, 256, (12, 24, 32, 3), dtype=np.uint8)
        pictures = lambda index, width, height, noise=noise: np.kron(  # noqa: E731
            noise[index // 4 % 12], np.ones((height // 24, width // 32, 1), np.uint8)
        )
        Clip(frames=70, width=96, height=72, pictures=pictures).write(folder / f"videos/{number}.mp4")
    manifest = prepare(folder / "videos", folder / "prepared", PrepareOptions(TINY.prepared_side, workers=1))
    weights = tiny_weights(folder / "weights.safetensors")
    for place, clips in (("some", 3), ("all", "all"), ("windows", DenseWindows(0.3, 1.0))):
        facts = facts_of(weights, manifest, clips=clips)  # type: ignore[arg-type]
        update(folder / place, load_encoder(weights), manifest, facts)
    return folder


@pytest.mark.parametrize("place", ["some", "all", "windows"])
def test_a_whole_video_is_embedded_bit_for_bit_as_the_table_has_it(folder: Path, place: str) -> None:
    table = EmbeddingTable.open(folder / place)
    query = QueryEncoder.of(table.facts).query(folder / "videos/2.mp4")
    assert np.array_equal(query.vector, table.vector("2.mp4"))
    assert (query.start, query.end) == (0.0, 2.8)
    hits = table.search(query.vector, 4, "video")
    assert hits[0].row.id == "2.mp4"
    assert hits[0].similarity == pytest.approx(1, abs=1e-6)


def test_a_whole_video_is_seen_at_the_rate_of_the_encoder(folder: Path) -> None:
    manifest = Manifest.read(folder / "prepared")
    weights = tiny_weights(folder / "slower.safetensors", settings=TINY.model_copy(update={"frame_rate": 12.5}))
    update(folder / "slower", load_encoder(weights), manifest, facts_of(weights, manifest))
    table = EmbeddingTable.open(folder / "slower")
    query = QueryEncoder.of(table.facts).query(folder / "videos/2.mp4")
    assert np.array_equal(query.vector, table.vector("2.mp4"))


def test_a_piece_finds_itself_among_clips(folder: Path) -> None:
    table = EmbeddingTable.open(folder / "all")
    encoder = QueryEncoder.of(table.facts)
    query = encoder.query(folder / "videos/1.mp4", at=1.28)
    assert [query.start, query.end] == pytest.approx([1.28, 1.92])
    hit = table.search(query.vector, 1)[0]
    assert (hit.row.id, hit.row.start) == ("1.mp4", 1.28)
    assert hit.similarity > 0.95  # prepared files differ by what H.264 leaves out
    longer = encoder.query(folder / "videos/1.mp4", at=0.64, seconds=1.3)
    clips = [table.vector("1.mp4", "clip", start) for start in (0.64, 1.28)]
    similarity = longer.vector @ np.mean(clips, axis=0)
    assert similarity / np.linalg.norm(longer.vector) / np.linalg.norm(np.mean(clips, axis=0)) > 0.95
    assert np.array_equal(
        encoder.query(folder / "videos/1.mp4", seconds=0.5).vector,
        encoder.query(folder / "videos/1.mp4", at=0.0).vector,
    )


def test_videos_shorter_than_a_clip_are_looped(folder: Path, tmp_path: Path) -> None:
    table = EmbeddingTable.open(folder / "all")
    path = Clip(frames=12, width=96, height=72).write(tmp_path / "a.mp4")
    encoder = QueryEncoder.of(table.facts)
    assert encoder.query(path, at=0.0).vector.shape == (table.facts.width,)


def test_what_cannot_be_searched_for(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = EmbeddingTable.open(folder / "all")
    encoder = QueryEncoder.of(table.facts)
    (tmp_path / "text.mp4").write_text("hello")
    for piece in ({}, {"at": 1.0}):
        with pytest.raises(VideoError, match=r"text.mp4 cannot be searched for: not a video, or damaged"):
            encoder.query(tmp_path / "text.mp4", **piece)
    with pytest.raises(VideoError, match=r"cannot be searched for: ends after 2.80 s, before the 9 s"):
        encoder.query(folder / "videos/1.mp4", at=9.0)
    monkeypatch.setattr("unreel.search.query.transcode", dawdle)  # a video that never ends being read
    hasty = QueryEncoder.of(table.facts, limits=Limits(0.5))
    with pytest.raises(VideoError, match=r"cannot be searched for: no progress for 0\.5 s"):
        hasty.query(folder / "videos/1.mp4")


def test_only_the_table_s_own_encoder(folder: Path, tmp_path: Path) -> None:
    facts: TableFacts = EmbeddingTable.open(folder / "all").facts
    other = tiny_weights(tmp_path / "other.safetensors", seed=1)
    with pytest.raises(CheckpointError, match=r"says that clip_length of its encoder is 9999999, but of .* it is 16"):
        QueryEncoder.of(replace(facts, settings=TINY.model_copy(update={"clip_length": 9_999_999})))
    with pytest.raises(CheckpointError, match=r"holds another encoder .* Name that one: --weights RUN"):
        QueryEncoder.of(facts, weights=other)
    moved = replace(facts, weights=str(tmp_path / "gone"))
    with pytest.raises(CheckpointError, match=r"was at .*gone, where nothing is now. Say where it is: --weights RUN"):
        QueryEncoder.of(moved)
    QueryEncoder.of(moved, weights=Path(facts.weights))
    before = untrained_encoder(load_encoder(other))
    untrained = replace(facts, untrained=True, checkpoint=before.checkpoint, weights=str(other))
    QueryEncoder.of(untrained)
