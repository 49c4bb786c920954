"""Pieces of videos as rows of a collection: the frames that a player shows in their time, and nothing besides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import Clip
from hypothesis import given
from hypothesis import strategies as st
from tables import tiny_weights

from unreel.annotations.segments import Segment
from unreel.cli import embed
from unreel.errors import CollectionError
from unreel.prediction.table_predictor import TablePredictor
from unreel.search.table import EmbeddingTable
from unreel.video.clips.datasets import EvaluationDataset, Sample
from unreel.video.clips.sampling import TimeScale
from unreel.video.collection.labelling import relabelled
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.pieces import cut
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import PyAVReader
from unreel.video.decoding.timestamps import Times

FPS = 25.0


def record(frames: int = 100, times: Times | None = None, start: float = 0.0) -> VideoRecord:
    shown = times or Times.even(frames, FPS, start, start + frames / FPS)
    uneven = b"" if times is None else times.packed()
    return VideoRecord(
        "a.mp4", "ok", frames=len(shown.starts), fps=FPS, start=float(shown.starts[0]), duration=shown.end, times=uneven
    )


def piece(video: VideoRecord, start: float, end: float, **facts: str) -> VideoRecord:
    return cut(video, Segment("a.mp4", start, end, "run", **facts), Path("mine.csv"))  # type: ignore[arg-type]


def test_a_piece_is_named_by_its_time_and_kept_with_its_video() -> None:
    found = piece(record(), 1.0, 2.5)
    assert (found.id, found.first, found.frames) == ("a.mp4#t=1,2.5", 25, 38)
    assert (found.labels, found.group) == ({"label": "run"}, "a.mp4")
    np.testing.assert_allclose(found.shown.starts, record().shown.starts[25:63])
    assert found.duration == 2.5
    assert piece(replace(record(), group="ann"), 1.0, 2.0).group == "ann"
    assert piece(record(), 1.0, 2.0, group="ben", split="test").splits == {"own": "test"}
    assert piece(record(), 1.0, 2.0, group="ben").group == "ben"


def test_a_label_of_the_whole_is_the_video_itself() -> None:
    video = record()
    assert piece(video, 0.0, float("inf")) == replace(video, labels={"label": "run"})
    late = piece(video, 3.0, float("inf"))
    assert (late.id, late.first, late.frames) == ("a.mp4#t=3,", 75, 25)


def test_a_moment_is_the_frame_on_the_screen() -> None:
    for time, frame in ((2.0, 50), (2.03, 50), (2.039999, 51), (0.0, 0), (3.99, 99)):
        found = piece(record(), time, time)
        assert (found.first, found.frames) == (frame, 1)


def test_pieces_outside_their_video_are_said() -> None:
    with pytest.raises(CollectionError, match=r"mine\.csv has 'run' in 'a\.mp4' from 4 to 5 s, but the"):
        piece(record(), 4.0, 5.0)
    with pytest.raises(CollectionError, match=r"from 1 to 99 s, but the video ends at 4\.000 s\. Correct its times"):
        piece(record(), 1.0, 99.0)
    assert piece(record(), 3.0, 4.5).frames == 25  # where another clock was a little off


@given(st.lists(st.floats(0.001, 0.5), min_size=2, max_size=40), st.floats(0, 1), st.floats(0, 1), st.floats(0, 3))
def test_the_frames_are_those_that_begin_in_its_time(
    steps: list[float], one: float, other: float, start: float
) -> None:
    starts = np.round(start + np.concatenate([[0.0], np.cumsum(steps)[:-1]]), 6)
    shown = Times(starts, float(starts[-1] + steps[-1]))
    video = record(times=shown)
    low, high = (round(start + each * (shown.end - start), 6) for each in sorted((one, other)))
    low = min(low, shown.end - 1e-3)
    found = piece(video, low, max(low, high))
    own = [number for number, at in enumerate(starts) if low - 1e-4 <= at < high - 1e-4]
    if own:
        assert list(range(found.first, found.first + found.frames)) == own
    else:
        assert found.frames == 1
    np.testing.assert_allclose(found.shown.starts, starts[found.first : found.first + found.frames], atol=0.25 / FPS)


@pytest.fixture(scope="module")
def prepared_videos(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("pieces")
    for name in ("a.mp4", "sub/b.mp4"):
        Clip(width=48, height=40, frames=50).write(folder / "videos" / name)
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(32, workers=1))


def test_what_is_read_of_a_piece_is_what_the_video_shows_there(prepared_videos: Manifest, tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(
        "path,start,end,label\na.mp4,0.4,1.2,run\nb.mp4,1.0,1.0,jump\nnot here.mp4,0,1,run\na.mp4,1,1.6,sit\n"
    )
    cut_up = relabelled(prepared_videos, str(table))
    assert [each.id for each in cut_up] == ["a.mp4#t=0.4,1.2", "a.mp4#t=1,1.6", "sub/b.mp4#t=1,1"]
    assert cut_up.labelled == f"{table} (1 pairs overlap; 1 of its videos are not here: 'not here.mp4')"
    whole = PyAVReader(prepared=True).read_clips(prepared_videos.file(prepared_videos.records[0]), [0], 50)[0].luma
    dataset = EvaluationDataset(cut_up, cut_up.records, 8, 3, whole=True)
    sample = dataset[0]
    assert isinstance(sample, Sample)
    for clip, start in zip(sample.luma, (10, 16, 22), strict=True):
        np.testing.assert_array_equal(clip, whole[start : start + 8])
    slow = EvaluationDataset(cut_up, cut_up.records, 4, 1, whole=True, scale=TimeScale(rate=12.5))[1]
    assert isinstance(slow, Sample)
    np.testing.assert_array_equal(slow.luma[0], whole[[25, 27, 29, 31]])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("gone.mp4,0,1,run", r"has 1 segments, of which none is of a video of"),
        ("a.mp4,0,1,run\na.mp4,0,1,sit", r"gives 'a\.mp4#t=0,1' the labels 'run', 'sit', expected one"),
        ("a.mp4,1,0,run", r"row 2: ends at 0 s, before its start"),
    ],
)
def test_what_makes_no_sense_is_said(prepared_videos: Manifest, tmp_path: Path, rows: str, message: str) -> None:
    table = tmp_path / "mine.csv"
    table.write_text(f"path,start,end,label\n{rows}\n")
    with pytest.raises(CollectionError, match=message):
        relabelled(prepared_videos, str(table))


def test_frames_are_counted_as_the_video_shows_them(prepared_videos: Manifest, tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text("path,start_frame,end_frame,label\na.mp4,10,30,run\n")
    (found,) = relabelled(prepared_videos, str(table))
    assert (found.first, found.frames) == (10, 20)


def test_a_table_beside_the_videos_that_has_times_is_not_of_whole_videos(tmp_path: Path) -> None:
    Clip(width=48, height=40, frames=50).write(tmp_path / "in/a.mp4")
    (tmp_path / "in/labels.csv").write_text("path,start,end,label\na.mp4,0,1,run\n")
    found = prepare(tmp_path / "in", tmp_path / "out", PrepareOptions(32, workers=1))
    assert [(each.id, each.labels) for each in found] == [("a.mp4", {})]
    assert found.labelled == "segments in labels.csv"


def test_a_piece_is_embedded_with_its_own_time_and_its_video_s_path(
    prepared_videos: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    table = tmp_path / "mine.csv"
    table.write_text(
        "path,start,end,label\na.mp4,0.4,1.2,run\na.mp4,1.2,2,sit\nsub/b.mp4,0.4,1.2,run\nsub/b.mp4,1.2,2,sit\n"
    )
    weights = tiny_weights(tmp_path / "weights.safetensors")
    videos = prepared_videos.folder
    words = [str(weights), str(videos), "--labels", str(table), "--every", "0.2", "--window", "0.4"]
    embed.main([*words, "--out", str(tmp_path / "t.lance")])
    found = EmbeddingTable.open(tmp_path / "t.lance")
    rows = found.rows(kind="video")
    assert [(row.id, row.start, row.end, row.label) for row in rows] == [
        ("a.mp4#t=0.4,1.2", 0.4, 1.2, "run"),
        ("a.mp4#t=1.2,2", 1.2, 2.0, "sit"),
        ("sub/b.mp4#t=0.4,1.2", 0.4, 1.2, "run"),
        ("sub/b.mp4#t=1.2,2", 1.2, 2.0, "sit"),
    ]
    assert rows[2].path == str(videos / "sub/b.mp4")
    assert len(found.vector("a.mp4#t=1.2,2")) == found.facts.width
    clips = [(row.start, row.end) for row in found.rows("id = 'a.mp4#t=1.2,2'", kind="clip")]
    np.testing.assert_allclose(clips, [(1.2, 1.6), (1.4, 1.8), (1.6, 2.0)])
    predictor = TablePredictor(tmp_path / "t.lance")
    assert predictor.validation.units == ("a.mp4", "a.mp4", "sub/b.mp4", "sub/b.mp4")  # never one piece by another
