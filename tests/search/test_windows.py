"""Which clips stand for a video, and in which pieces they are read."""

from pathlib import Path

import numpy as np
import pytest
from clips import Clip
from hypothesis import given
from hypothesis import strategies as st

from unreel.search.windows import AT_ONCE, WindowDataset, starts_of
from unreel.video.clips.datasets import EvaluationDataset, Failure, Sample
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

NOWHERE = Manifest(Path("nowhere"), (), side=38)


def dataset_of(frames: int, clips: int | str) -> WindowDataset:
    record = VideoRecord("a.mp4", "ok", path="a.mp4", frames=frames, fps=25.0, width=50, height=38)
    return WindowDataset(NOWHERE, [record], 16, clips)  # type: ignore[arg-type]


@given(frames=st.integers(1, 2000), clips=st.integers(1, 60) | st.just("all"))
def test_pieces_hold_every_clip_once_and_are_not_too_large(frames: int, clips: int | str) -> None:
    dataset = dataset_of(frames, clips)
    starts = starts_of(frames, 16, clips)  # type: ignore[arg-type]
    assert dataset.starts(0) == sorted(set(starts))
    pieces = list(dataset.pieces(0))
    assert [number for _, first, count in pieces for number in range(first, first + count)] == list(
        range(len(dataset.starts(0)))
    )
    counts = [count for _, _, count in pieces]
    assert max(counts) <= AT_ONCE
    assert max(counts) - min(counts) <= 1


@given(frames=st.integers(1, 60), clips=st.integers(1, 20))
def test_the_mean_counts_a_clip_as_often_as_it_was_asked_for(frames: int, clips: int) -> None:
    dataset = dataset_of(frames, clips)
    vectors = {start: np.array([start, 1.0], np.float32) for start in dataset.starts(0)}
    expected = np.mean([vectors[start] for start in starts_of(frames, 16, clips)], axis=0)
    assert np.allclose(dataset.mean(0, np.stack(list(vectors.values()))), expected)


def test_all_clips_do_not_overlap() -> None:
    assert starts_of(50, 16, "all") == [0, 16, 32]
    assert starts_of(10, 16, "all") == [0]


def test_the_clips_are_those_that_evaluation_reads(tmp_path: Path) -> None:
    Clip(frames=90, width=120, height=60).write(tmp_path / "videos/a.mp4")
    manifest = prepare(tmp_path / "videos", tmp_path / "prepared", PrepareOptions(38))
    dataset = WindowDataset(manifest, manifest.usable, 16, 20)
    expected = EvaluationDataset(manifest, manifest.usable, 16, 20)[0]
    assert isinstance(expected, Sample)
    read = [dataset[piece] for piece in dataset.pieces(0)]
    assert np.array_equal(np.concatenate([each.luma for each in read if isinstance(each, Sample)]), expected.luma)
    manifest.file(manifest.usable[0]).unlink()
    failed = dataset[next(dataset.pieces(0))]
    assert isinstance(failed, Failure)
    assert "cannot be read any more" in failed.reason


@pytest.mark.parametrize("frames", [16, 33])
def test_a_piece_of_a_short_video(frames: int) -> None:
    assert list(dataset_of(frames, "all").pieces(0)) == [(0, 0, frames // 16)]
