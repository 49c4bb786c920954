"""Batches: the same for any number of workers, every video once an epoch, nothing replaced in silence."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from clips import Clip

from unreel.errors import VideoError
from unreel.types import ClipBatch
from unreel.video.decode import PyAVReader
from unreel.video.loading import (
    EvaluationDataset,
    Failure,
    PretrainDataset,
    Sample,
    batch_keys,
    evaluation_samples,
    pretrain_batches,
    region,
)
from unreel.video.manifest import Manifest
from unreel.video.prepare import PrepareOptions, prepare

SIDE = 32


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("loading")
    for number in range(5):
        Clip(width=64, height=48, frames=20 + 3 * number).write(folder / "videos" / f"{number}.mp4")
    Clip(width=48, height=64, frames=7).write(folder / "videos" / "short.mp4")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(SIDE))


def _batches(manifest: Manifest, workers: int, first_step: int = 0) -> list[ClipBatch]:
    videos = [record for record in manifest.usable if record.frames >= 16]
    dataset = PretrainDataset(manifest, videos, 16, seed=3)
    return list(islice(pretrain_batches(dataset, 2, 3, first_step=first_step, workers=workers), 5))


def test_batches_do_not_depend_on_the_workers_nor_on_where_one_begins(manifest: Manifest) -> None:
    alone, helped, later = _batches(manifest, 0), _batches(manifest, 2), _batches(manifest, 0, first_step=3)
    for one, other in [*zip(alone, helped, strict=True), *zip(alone[3:], later, strict=False)]:
        assert (one.ids, one.epoch) == (other.ids, other.epoch)
        assert torch.equal(one.luma, other.luma)
        assert torch.equal(one.chroma, other.chroma)
    assert alone[0].luma.shape == (2, 2, 16, SIDE, SIDE)
    assert alone[0].chroma.shape == (2, 2, 16, 2, SIDE // 2, SIDE // 2)


def test_an_epoch_shows_every_video_at_most_once_in_a_new_order() -> None:
    keys = list(islice(batch_keys(7, 3, seed=0), 6))
    assert [{epoch for epoch, _ in batch} for batch in keys] == [{0}, {0}, {1}, {1}, {2}, {2}]
    rows = [row for batch in keys[:2] for _, row in batch]
    assert len(set(rows)) == 6
    assert rows != [row for batch in keys[2:4] for _, row in batch]


def test_clips_are_true_frames_of_the_video(manifest: Manifest) -> None:
    record = manifest.usable[0]
    sample = PretrainDataset(manifest, [record], 16, seed=0)[(0, 0)]
    whole = PyAVReader().read_clips(manifest.file(record), [0], record.frames)[0]
    for clip in sample.luma:
        found = [
            (start, left)
            for start in range(record.frames - 15)
            for left in range(0, record.width - SIDE + 1, 2)
            if np.array_equal(whole.luma[start : start + 16, :, left : left + SIDE], clip)
        ]
        assert found


def test_evaluation_loops_short_videos_and_names_those_that_are_gone(manifest: Manifest, tmp_path: Path) -> None:
    records = {record.id: record for record in manifest.usable}
    short = records["short.mp4"]
    samples = list(evaluation_samples(EvaluationDataset(manifest, [short], 16, clips=3)))
    assert isinstance(samples[0], Sample)
    assert samples[0].luma.shape == (3, 16, SIDE, SIDE)
    assert np.array_equal(samples[0].luma[0, 7], samples[0].luma[0, 0])
    gone = Manifest(tmp_path, (short,), side=SIDE)
    failures = list(evaluation_samples(EvaluationDataset(gone, [short], 16, clips=3), workers=1))
    assert isinstance(failures[0], Failure)
    assert failures[0].id == "short.mp4"


def test_a_region_larger_than_the_frame(manifest: Manifest) -> None:
    clip = PyAVReader().read_clips(manifest.file(manifest.usable[0]), [0], 1)[0]
    with pytest.raises(VideoError, match="expected at least 40 pixels: prepare the collection again"):
        region(clip, 40, (0.5, 0.5))
