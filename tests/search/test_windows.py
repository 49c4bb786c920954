"""Which clips and windows stand for a video, and in which pieces they are read."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from clips import Clip
from hypothesis import given, reject
from hypothesis import strategies as st

from unreel.errors import SettingsError, VideoError
from unreel.search.metadata import DenseWindows
from unreel.search.windows import AT_ONCE, WindowDataset, check_dense, lay_out, starts_of
from unreel.video.clips.datasets import EvaluationDataset, Failure, Sample
from unreel.video.clips.sampling import EVERY_FRAME, TimeScale
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.timestamps import Times

NOWHERE = Manifest(Path("nowhere"), (), side=38)
LENGTH = 16
DENSE = st.builds(DenseWindows, st.floats(0.05, 3), st.none() | st.floats(0.2, 6))


def record_of(frames: int, fps: float = 25.0) -> VideoRecord:
    return VideoRecord("a.mp4", "ok", path="a.mp4", frames=frames, fps=fps, width=50, height=38, duration=frames / fps)


@st.composite
def uneven_records(draw: st.DrawFn) -> VideoRecord:
    """A video whose frames are shown for different times."""
    shown = draw(st.lists(st.floats(0.005, 0.5), min_size=2, max_size=80))
    edges = np.cumsum([draw(st.floats(0, 1)), *shown]).round(6)
    record = record_of(len(shown), len(shown) / sum(shown))
    return replace(
        record, start=float(edges[0]), duration=float(edges[-1]), times=Times(edges[:-1], float(edges[-1])).packed()
    )


def dataset_of(frames: int, clips: int | str) -> WindowDataset:
    return WindowDataset(NOWHERE, [record_of(frames)], LENGTH, clips)  # type: ignore[arg-type]


@given(frames=st.integers(1, 2000), clips=st.integers(1, 60) | st.just("all"))
def test_pieces_hold_every_clip_once_and_are_not_too_large(frames: int, clips: int | str) -> None:
    dataset = dataset_of(frames, clips)
    starts = starts_of(frames, 16, clips)
    count = len(dataset.layout(0).frames)
    assert dataset.layout(0).frames[:, 0].tolist() == sorted(set(starts))
    pieces = list(dataset.pieces(0))
    assert [number for _, first, count in pieces for number in range(first, first + count)] == list(range(count))
    counts = [count for _, _, count in pieces]
    assert max(counts) <= AT_ONCE
    assert max(counts) - min(counts) <= 1


@given(frames=st.integers(1, 60), clips=st.integers(1, 20))
def test_the_mean_counts_a_clip_as_often_as_it_was_asked_for(frames: int, clips: int) -> None:
    dataset = dataset_of(frames, clips)
    vectors = {start: np.array([start, 1.0], np.float32) for start in dataset.layout(0).frames[:, 0].tolist()}
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


@given(
    video=st.builds(record_of, st.integers(2, 400), st.sampled_from([12.5, 24.0, 25.0, 30.0])) | uneven_records(),
    dense=DENSE,
)
def test_windows_begin_evenly_and_none_reaches_beyond_the_end(video: VideoRecord, dense: DenseWindows) -> None:
    assume_two_frames(video, dense)
    layout = lay_out(video, LENGTH, dense)
    window = min(dense.window or LENGTH / video.fps, video.duration)
    expected = [(k * dense.every, k * dense.every + window) for k in range(len(layout.spans))]
    assert np.allclose(layout.spans, expected, atol=1e-6)
    assert layout.spans[-1][1] <= video.duration + 2e-4
    assert len(layout.spans) * dense.every + window > video.duration  # another one would
    assert layout.counts.tolist() == [1] * len(layout.spans)
    assert sorted(set(layout.parts.flatten().tolist())) == list(range(len(layout.frames)))


@given(video=st.builds(record_of, st.integers(2, 400)) | uneven_records(), dense=DENSE)
def test_a_window_shows_what_a_player_shows_then_and_all_of_it(video: VideoRecord, dense: DenseWindows) -> None:
    assume_two_frames(video, dense)
    layout, starts = lay_out(video, LENGTH, dense), video.shown.starts
    for (begin, end), part in zip(layout.spans, layout.parts, strict=True):
        frames = set(layout.frames[part].flatten().tolist())
        first, last = (max(int(np.sum(starts <= time + 2e-4)) - 1, 0) for time in (begin, end))
        assert first - 1 <= min(frames) <= first
        assert max(frames) <= last
        if not video.times:  # between two frames, to the last bit, it may be either: at most one is passed over
            assert all(other - one <= 2 for one, other in pairwise(sorted(frames)))
            assert max(frames) >= last - 2


def assume_two_frames(video: VideoRecord, dense: DenseWindows) -> None:
    if dense.window is not None and round(dense.window * video.fps) < 2:
        with pytest.raises(VideoError, match="has fewer than two frames in a window"):
            lay_out(video, LENGTH, dense)
        reject()


@given(frames=st.integers(1, 500))
def test_windows_a_clip_apart_are_all_clips(frames: int) -> None:
    every, by_hand = lay_out(record_of(frames), LENGTH, "all"), DenseWindows(LENGTH / 25)
    for dense in (by_hand, DenseWindows(LENGTH / 25, LENGTH / 25)):
        layout = lay_out(record_of(frames), LENGTH, dense)
        assert np.array_equal(layout.frames, every.frames)
        assert np.array_equal(layout.parts, every.parts)
        assert np.allclose(layout.spans, every.spans)


def test_longer_windows_share_their_clips() -> None:
    layout = lay_out(record_of(100), LENGTH, DenseWindows(0.64, 1.6))
    assert layout.frames[:, 0].tolist() == [0, 16, 24, 32, 40, 48, 56, 64, 72]  # 24, 40, … end with a window
    assert layout.frames[layout.parts[0], 0].tolist() == [0, 16, 24]
    assert layout.frames[layout.parts[-1], 0].tolist() == [48, 64, 72]
    apart = lay_out(record_of(100), LENGTH, DenseWindows(3.0, 0.64))
    assert apart.frames[:, 0].tolist() == [0, 75]


def test_short_windows_and_short_videos_are_looped() -> None:
    (clip,) = lay_out(record_of(100), LENGTH, DenseWindows(4, 0.2)).frames
    assert clip.tolist() == [0, 1, 2, 3, 4] * 3 + [0]
    short = lay_out(record_of(6), LENGTH, DenseWindows(0.1, 2.0))
    assert short.frames.tolist() == [[0, 1, 2, 3, 4, 5] * 2 + [0, 1, 2, 3]]
    assert short.spans == [(0.0, 0.24)]


def test_windows_follow_the_time_scale() -> None:
    layout = lay_out(record_of(100), LENGTH, DenseWindows(1.0), TimeScale(step=2))
    assert layout.frames[1].tolist() == list(range(25, 57, 2))
    assert layout.spans[:2] == [(0.0, 1.28), (1.0, 2.28)]
    with pytest.raises(VideoError, match="fewer than the frame rate of 50"):
        lay_out(record_of(100), LENGTH, DenseWindows(1.0), TimeScale(rate=50.0))
    with pytest.raises(VideoError, match="has no frame rate"):
        lay_out(replace(record_of(1), fps=0.0, times=Times(np.zeros(1), 1.0).packed()), LENGTH, DenseWindows(1.0))


def test_windows_that_no_video_has_are_told_at_once() -> None:
    videos = [record_of(50), record_of(75)]
    check_dense(videos, DenseWindows(1.0, 3.0), EVERY_FRAME)
    with pytest.raises(SettingsError, match=r"window is 4 s, but the longest of the 2 videos lasts 3\.00 s: ask for a"):
        check_dense(videos, DenseWindows(1.0, 4.0), EVERY_FRAME)
    with pytest.raises(SettingsError, match=r"window is 0\.03 s, in which none of the 2 videos shows the encoder two"):
        check_dense(videos, DenseWindows(1.0, 0.03), EVERY_FRAME)
    with pytest.raises(SettingsError, match=r"\(5 a second at the most\): ask for a longer window"):
        check_dense(videos, DenseWindows(1.0, 0.2), TimeScale(step=5))
