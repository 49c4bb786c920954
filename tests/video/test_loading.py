"""Batches: the same for any number of workers and processes, every video once an epoch, nothing replaced in silence."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from batches import noise_batch
from clips import Clip, cut
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Int
from running import loader_workers
from torch import distributed
from torch.multiprocessing.spawn import spawn

from unreel.engine import process_group
from unreel.errors import CollectionError, SettingsError, VideoError
from unreel.types import ClipBatch
from unreel.video.clips.datasets import EvaluationDataset, Failure, Sample, TrainingDataset, region
from unreel.video.clips.loading import (
    ProcessShare,
    _one_ahead,
    batch_keys,
    collate,
    evaluation_samples,
    joined,
    training_batches,
)
from unreel.video.clips.sampling import TwoClips
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import PyAVReader, VideoReader
from unreel.video.decoding.yuv import Colour, Planes

SIDE = 32


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("loading")
    for number in range(5):
        Clip(width=64, height=48, frames=20 + 3 * number).write(folder / "videos" / f"{number}.mp4")
    Clip(width=48, height=64, frames=7).write(folder / "videos" / "short.mp4")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(SIDE))


def _dataset(manifest: Manifest) -> TrainingDataset:
    return TrainingDataset(
        manifest, [record for record in manifest.usable if record.frames >= 16], TwoClips(16), seed=3
    )


def _batches(manifest: Manifest, workers: int, first_step: int = 0) -> list[ClipBatch]:
    with closing(training_batches(_dataset(manifest), 2, 3, first_step=first_step, workers=workers)) as batches:
        return list(islice(batches, 5))


def _check_equal(one: ClipBatch, other: ClipBatch) -> None:
    assert (one.ids, one.epoch) == (other.ids, other.epoch)
    assert torch.equal(one.luma, other.luma)
    assert torch.equal(one.chroma, other.chroma)
    assert torch.equal(one.to_rgb, other.to_rgb)


def test_batches_do_not_depend_on_the_workers_nor_on_where_one_begins(manifest: Manifest) -> None:
    alone, helped, later = _batches(manifest, 0), _batches(manifest, 2), _batches(manifest, 0, first_step=3)
    for one, other in [*zip(alone, helped, strict=True), *zip(alone[3:], later, strict=False)]:
        _check_equal(one, other)
    assert alone[0].luma.shape == (2, 2, 16, SIDE, SIDE)
    assert alone[0].chroma.shape == (2, 2, 16, 2, SIDE // 2, SIDE // 2)
    assert not loader_workers()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_of_several_parts_is_the_batch_of_its_keys(manifest: Manifest, workers: int) -> None:
    record = manifest.usable[0]
    dataset = TrainingDataset(manifest, [record] * 21, TwoClips(16), seed=3)
    with closing(training_batches(dataset, 20, 3, workers=workers)) as batches:
        found = list(islice(batches, 2))
    for batch, keys in zip(found, batch_keys(21, 20, 3), strict=False):
        _check_equal(batch, collate([dataset[key] for key in keys]))


@given(
    processes=st.integers(1, 6), per_process=st.integers(1, 4), more=st.integers(0, 9), seed=st.integers(0, 9),
    first=st.integers(0, 7),
)  # fmt: skip
def test_the_shares_of_all_processes_are_the_batch_of_one(
    processes: int, per_process: int, more: int, seed: int, first: int
) -> None:
    batch_size = processes * per_process
    whole = islice(batch_keys(batch_size + more, batch_size, seed), first, first + 3)
    shares = [
        islice(batch_keys(batch_size + more, batch_size, seed, first, ProcessShare(rank, processes)), 3)
        for rank in range(processes)
    ]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert [len(part) for part in parts] == [per_process] * processes
        assert [key for part in parts for key in part] == batch


@given(videos=st.integers(1, 60), batch_size=st.integers(1, 20), seed=st.integers(0, 9))
def test_no_video_is_shown_twice_in_an_epoch(videos: int, batch_size: int, seed: int) -> None:
    if videos < batch_size:
        with pytest.raises(CollectionError, match=f"got {videos} videos, expected at least {batch_size}"):
            batch_keys(videos, batch_size, seed)
        return
    per_epoch = videos // batch_size
    batches = list(islice(batch_keys(videos, batch_size, seed), 2 * per_epoch))
    for epoch in (0, 1):
        keys = [key for batch in batches[epoch * per_epoch : (epoch + 1) * per_epoch] for key in batch]
        assert {key[0] for key in keys} == {epoch}
        assert len({row for _, row in keys}) == per_epoch * batch_size
        assert {row for _, row in keys} <= set(range(videos))


@pytest.mark.parametrize(("batch_size", "processes", "nearest"), [(128, 3, 129), (10, 4, 8), (2, 8, 8)])
def test_a_batch_that_cannot_be_shared(batch_size: int, processes: int, nearest: int) -> None:
    expected = f"batch size is {batch_size}, expected a multiple of {processes}, .* Choose --batch-size {nearest}"
    with pytest.raises(SettingsError, match=expected):
        batch_keys(200, batch_size, 0, share=ProcessShare(0, processes))


def _process(rank: int, world: int, folder: str) -> None:
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=world)
    share = ProcessShare(process_group.rank(), process_group.count())
    manifest = Manifest.read(Path(folder))
    with closing(training_batches(_dataset(manifest), 4, 3, workers=rank, share=share)) as batches:
        shares = list(islice(batches, 3))
    evaluation = EvaluationDataset(manifest, manifest.usable, 16, clips=2)
    torch.save((shares, [sample.id for sample in evaluation_samples(evaluation, share=share)]), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_get_the_batches_of_one(manifest: Manifest, tmp_path: Path) -> None:
    copytree(manifest.root, tmp_path, dirs_exist_ok=True)
    spawn(_process, (2, str(tmp_path)), nprocs=2)  # type: ignore[no-untyped-call]
    (first, some), (second, others) = (torch.load(tmp_path / f"{rank}.pt", weights_only=False) for rank in range(2))
    whole = training_batches(_dataset(manifest), 4, 3, workers=0)
    for batch, *parts in zip(islice(whole, 3), first, second, strict=True):
        assert [len(part) for part in parts] == [2, 2]
        _check_equal(joined(parts), batch)
    assert sorted([*some, *others]) == [record.id for record in manifest.usable]
    assert abs(len(some) - len(others)) <= 1


def test_an_epoch_shows_every_video_at_most_once_in_a_new_order() -> None:
    keys = list(islice(batch_keys(7, 3, seed=0), 6))
    assert [{epoch for epoch, _ in batch} for batch in keys] == [{0}, {0}, {1}, {1}, {2}, {2}]
    rows = [row for batch in keys[:2] for _, row in batch]
    assert len(set(rows)) == 6
    assert rows != [row for batch in keys[2:4] for _, row in batch]


def test_clips_are_true_frames_of_the_video(manifest: Manifest) -> None:
    record = manifest.usable[0]
    sample = TrainingDataset(manifest, [record], TwoClips(16), seed=0)[(0, 0)]
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


class Numbered:
    """A reader that opens nothing: every frame shows its number."""

    def read_frames(self, path: Path, table: Int[np.ndarray, "v t"]) -> list[Planes]:
        assert path.suffix == ".mp4"
        ramps = table.astype(np.uint8)[:, :, None, None]
        chroma = np.zeros((table.shape[1], 2, SIDE // 2, SIDE // 2), np.uint8)
        return [Planes(np.tile(ramp, (1, SIDE, SIDE)), chroma, Colour()) for ramp in ramps]


def _seen_by(dataset: EvaluationDataset, reader: VideoReader) -> EvaluationDataset:
    dataset._videos._reader = reader
    return dataset


def test_any_reader_serves(manifest: Manifest) -> None:
    record = manifest.usable[0]
    square = Manifest(manifest.root, (type(record)(**(vars(record) | {"width": SIDE, "height": SIDE})),), side=SIDE)
    pair = TrainingDataset(square, square.usable, TwoClips(16), 0, reader=Numbered())[0, 0]
    spaced = _seen_by(EvaluationDataset(square, square.usable, 16, 2), Numbered())[0]
    assert isinstance(spaced, Sample)
    assert spaced.luma[:, 0, 0, 0].tolist() == [0, record.frames - 16]
    for sample in (pair, spaced):
        assert (np.diff(sample.luma[:, :, 5, 5].astype(int)) == 1).all()


def _deleted(path: Path) -> None:
    path.unlink()


def _truncated(path: Path) -> None:
    cut(path, 0.5)


def _replaced(path: Path) -> None:
    Clip(width=40, height=40, frames=90).write(path)


HARMS = {
    _deleted: "no such file or directory",
    _truncated: "",
    _replaced: rf"frames are 40×40, expected \d+×{SIDE}",
}


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("harm", HARMS)
def test_a_prepared_file_that_is_no_longer_what_it_was(
    harm: object, workers: int, manifest: Manifest, tmp_path: Path
) -> None:
    assert callable(harm)
    copytree(manifest.root, tmp_path, dirs_exist_ok=True)
    own = Manifest.read(tmp_path)
    record = own.usable[1]
    harm(own.file(record))
    message = (
        rf"^{record.id} cannot be read any more \(.*{HARMS[harm]}.*Remove its prepared file, .*{record.path}, and "
    )
    batches = training_batches(_dataset(own), 5, 3, workers=workers)
    with pytest.raises(VideoError, match=message) as caught:
        next(batches)
    assert "Traceback" not in str(caught.value)
    assert not loader_workers()
    samples = list(evaluation_samples(EvaluationDataset(own, own.usable, 16, clips=3), workers))
    assert [sample.id for sample in samples] == [each.id for each in own.usable]
    failed = [sample for sample in samples if isinstance(sample, Failure)]
    assert [failure.id for failure in failed] == [record.id]
    assert "cannot be read any more" in failed[0].reason


def test_flipped_bits_give_an_error_or_frames_of_the_same_video(manifest: Manifest, tmp_path: Path) -> None:
    copytree(manifest.root, tmp_path, dirs_exist_ok=True)
    own = Manifest.read(tmp_path)
    record = own.usable[0]
    path = own.file(record)
    whole, chance = path.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        content = bytearray(whole)
        for place in chance.integers(len(content), size=3):
            content[place] ^= 1 << int(chance.integers(8))
        path.write_bytes(content)
        sample = EvaluationDataset(own, [record], 16, clips=2)[0]
        assert sample.id == record.id
        if isinstance(sample, Sample):
            assert sample.luma.shape == (2, 16, SIDE, SIDE)
        else:
            assert "prepare the collection again" in sample.reason


def test_the_batch_ahead_is_made_meanwhile_and_all_ends_with_the_last() -> None:
    made: list[int] = []

    def source() -> Generator[ClipBatch, None, None]:
        try:
            for number in count():
                made.append(number)
                yield replace(noise_batch(1, frames=4), epoch=number)
        finally:
            made.append(-1)

    with closing(_one_ahead(source())) as batches:
        assert [batch.epoch for batch in islice(batches, 3)] == [0, 1, 2]
    assert made == [0, 1, 2, 3, -1]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_batches_for_a_gpu_lie_in_page_locked_memory(manifest: Manifest) -> None:
    with closing(training_batches(_dataset(manifest), 4, 3, workers=1, device="cuda")) as batches:
        found = list(islice(batches, 3))
    assert all(batch.luma.is_pinned() and batch.chroma.is_pinned() for batch in found)
    for batch, expected in zip(found, training_batches(_dataset(manifest), 4, 3, workers=0), strict=False):
        _check_equal(batch, expected)
    assert not loader_workers()
