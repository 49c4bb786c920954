"""Clips for fine-tuning and for its test: which frames they show, the same whoever reads them."""

from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from clips import Clip, number_of

from unreel.errors import VideoError
from unreel.types import ClipBatch
from unreel.video.clips.datasets import EvaluationDataset, Failure, Sample, TrainingDataset
from unreel.video.clips.loading import training_batches
from unreel.video.clips.recognition import CLIPS_AT_ONCE, RecognitionDataset
from unreel.video.clips.sampling import OneClip
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

SIDE = 32
LENGTHS = {"long.mp4": 107, "short.mp4": 7, "tall.mp4": 37}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("recognition")
    for name, frames in LENGTHS.items():
        width, height = (48, 64) if name == "tall.mp4" else (64, 48)
        Clip(width=width, height=height, frames=frames).write(folder / "videos" / name)
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(SIDE))


@pytest.fixture(scope="module")
def square(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """A video whose region is all of its frame: the numbers that it shows can be read."""
    folder = tmp_path_factory.mktemp("square")
    Clip(width=SIDE, height=SIDE, frames=20).write(folder / "videos" / "square.mp4")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(SIDE))


def _record(manifest: Manifest, name: str) -> VideoRecord:
    return next(record for record in manifest.usable if record.id == name)


def _shown(sample: Sample) -> list[list[int]]:
    """The numbers that the frames of each clip show."""
    return [[number_of(luma) for luma in clip] for clip in sample.luma]


def test_a_clip_of_every_epoch_is_drawn_anew_and_its_frames_are_consecutive(square: Manifest) -> None:
    dataset = TrainingDataset(square, square.usable, OneClip(16), seed=3)
    starts = set()
    for epoch in range(40):
        sample = dataset[epoch, 0]
        (numbers,) = _shown(sample)
        assert numbers == list(range(numbers[0], numbers[0] + 16))
        assert (sample.id, sample.epoch, sample.luma.shape) == ("square.mp4", epoch, (1, 16, SIDE, SIDE))
        assert sample.chroma.shape == (1, 16, 2, SIDE // 2, SIDE // 2)
        starts.add(numbers[0])
    assert starts == set(range(5))  # 20 frames have five places for a clip


def test_a_video_shorter_than_a_clip_is_looped(manifest: Manifest) -> None:
    rows = [_record(manifest, "short.mp4")]
    clip = TrainingDataset(manifest, rows, OneClip(16), seed=3)[0, 0].luma[0]
    assert all(np.array_equal(clip[frame], clip[frame % 7]) for frame in range(16))
    assert not np.array_equal(clip[0], clip[6])
    dataset = RecognitionDataset(manifest, rows, 16)
    assert dataset.pieces == [(0, 0)]
    sample = dataset[0, 0]
    assert isinstance(sample, Sample)
    assert _shown(sample) == [[0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1]]


def test_regions_are_drawn_anew_in_every_epoch(manifest: Manifest) -> None:
    dataset = TrainingDataset(manifest, [_record(manifest, "long.mp4")], OneClip(107), seed=3)  # one place for a clip
    clips = [dataset[epoch, 0].luma.tobytes() for epoch in range(20)]
    assert len(set(clips)) > 3
    assert dataset[4, 0].luma.tobytes() == clips[4]
    still = TrainingDataset(manifest, [_record(manifest, "long.mp4")], OneClip(107, False), seed=3)
    centre = EvaluationDataset(manifest, [_record(manifest, "long.mp4")], 107, clips=1)[0]
    assert isinstance(centre, Sample)
    assert {still[epoch, 0].luma.tobytes() for epoch in range(5)} == {centre.luma.tobytes()}


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_hold_one_clip_of_each_video(manifest: Manifest, workers: int) -> None:
    dataset = TrainingDataset(manifest, manifest.usable, OneClip(16), seed=3)
    with closing(training_batches(dataset, 3, 3, workers=workers)) as batches:
        found: list[ClipBatch] = list(islice(batches, 2))
    for epoch, batch in enumerate(found):
        assert batch.luma.shape == (3, 1, 16, SIDE, SIDE)
        assert (batch.epoch, sorted(batch.ids)) == (epoch, sorted(LENGTHS))
        for row, identity in enumerate(batch.ids):
            own = dataset[epoch, [record.id for record in manifest.usable].index(identity)]
            assert torch.equal(batch.luma[row], torch.from_numpy(own.luma))


def test_a_test_reads_all_clips_by_small_pieces_of_whole_frames(manifest: Manifest) -> None:
    dataset = RecognitionDataset(manifest, manifest.usable, 16)
    assert len(dataset) == len(dataset.pieces)
    assert dataset.clips == 6 + 1 + 2
    seen: dict[str, list[int]] = {}
    for piece in dataset.pieces:
        sample = dataset[piece]
        assert isinstance(sample, Sample)
        record = _record(manifest, sample.id)
        assert sample.luma.shape[2:] == (record.height, record.width)
        assert len(sample.luma) <= CLIPS_AT_ONCE
        seen.setdefault(sample.id, []).extend(frame for clip in _shown(sample) for frame in clip)
    assert list(seen) == sorted(LENGTHS)
    assert seen["long.mp4"] == list(range(96))  # six clips; a tail of eleven frames is dropped
    assert seen["tall.mp4"] == list(range(32))


def test_a_video_that_is_gone_is_named(manifest: Manifest, tmp_path: Path) -> None:
    elsewhere = Manifest(tmp_path, manifest.records, "", SIDE)
    failure = RecognitionDataset(elsewhere, elsewhere.usable, 16)[0, 0]
    assert isinstance(failure, Failure)
    assert failure.id == "long.mp4"
    assert failure.reason.startswith("long.mp4 cannot be read any more (")
    with pytest.raises(VideoError, match=r"long\.mp4 cannot be read any more"):
        TrainingDataset(elsewhere, elsewhere.usable, OneClip(16), seed=0)[0, 0]
