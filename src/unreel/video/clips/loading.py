"""Batches of clips from prepared videos: the same whatever the number of worker processes and of training processes.

    keys      (epoch, row) of the videos of a batch, drawn from (seed, epoch)
    ──▶ share      those of this training process, equally many for each
    ──▶ parts      of at most PART videos: what a worker reads at a time
    ──▶ batch      the parts joined in their order

Parts and not batches wait in shared memory, two for each worker. Two clips of 16 frames of 128² pixels are 0.79 MB:
a part 6.3 MB, what 8 workers hold 101 MB, as much as one batch of 128 videos.
"""

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from math import ceil
from typing import final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from unreel.engine.cpus import default_workers
from unreel.engine.read_ahead import read_ahead
from unreel.errors import CollectionError, SettingsError, VideoError
from unreel.rng import generator
from unreel.types import ClipBatch
from unreel.video.clips.datasets import ClipDataset, EvaluationDataset, Failure, Key, Sample

SMALL = 5000  # clips
PART = 8


@dataclass(frozen=True)
class ProcessShare:
    """What this process gets of everything: the part `rank`, from 0, of `processes` equal ones."""

    rank: int = 0
    processes: int = 1

    def __post_init__(self) -> None:
        assert 0 <= self.rank < self.processes


WHOLE = ProcessShare()


def collate(samples: Sequence[Sample]) -> ClipBatch:
    """One batch of samples of the same shape."""
    return ClipBatch(
        torch.from_numpy(np.stack([sample.luma for sample in samples])),
        torch.from_numpy(np.stack([sample.chroma for sample in samples])),
        torch.from_numpy(np.stack([sample.to_rgb for sample in samples])),
        tuple(sample.id for sample in samples),
        samples[0].epoch,
    )


def joined(parts: Sequence[ClipBatch], *, pinned: bool = False) -> ClipBatch:
    """The parts of a batch in one, in page-locked memory where asked."""
    if len(parts) == 1 and not pinned:
        return parts[0]

    def join(name: str) -> Tensor:
        tensors = [getattr(each, name) for each in parts]
        shape = (sum(map(len, tensors)), *tensors[0].shape[1:])
        return torch.cat(tensors, out=torch.empty(shape, dtype=tensors[0].dtype, pin_memory=pinned))

    ids = tuple(identity for each in parts for identity in each.ids)
    return ClipBatch(join("luma"), join("chroma"), join("to_rgb"), ids, parts[0].epoch)


def batch_keys(
    videos: int, batch_size: int, seed: int, first_step: int = 0, share: ProcessShare = WHOLE
) -> Iterator[list[Key]]:
    """The (epoch, row) keys of this process's share of every batch from `first_step` on, without end.

    Each epoch shows all videos in an order of its own; what is left at its end and fills no batch is left out. The
    shares of all processes in the order of their ranks are the batch of `batch_size` that one process would get.

    Raises:
        SettingsError: the batch cannot be shared equally.
        CollectionError: there are fewer videos than a batch has.
    """
    if batch_size % share.processes:
        nearest = max(1, round(batch_size / share.processes)) * share.processes
        raise SettingsError(
            f"batch size is {batch_size}, expected a multiple of {share.processes}, as every process gets an equal "
            f"share of it. Choose --batch-size {nearest}."
        )
    if videos < batch_size:
        raise CollectionError(
            f"got {videos} videos, expected at least {batch_size} to fill a batch. Choose a smaller --batch-size."
        )
    return _batch_keys(videos, batch_size, seed, first_step, share)


def _batch_keys(videos: int, batch_size: int, seed: int, first_step: int, share: ProcessShare) -> Iterator[list[Key]]:
    per_epoch, per_process = videos // batch_size, batch_size // share.processes
    for epoch in count(first_step // per_epoch):
        order = generator(seed, "order", epoch).permutation(videos)
        for batch in range(first_step % per_epoch if epoch == first_step // per_epoch else 0, per_epoch):
            first = batch * batch_size + share.rank * per_process
            yield [(epoch, int(row)) for row in order[first : first + per_process]]


def training_batches(
    dataset: ClipDataset,
    batch_size: int,
    seed: int,
    *,
    first_step: int = 0,
    workers: int | None = None,
    share: ProcessShare = WHOLE,
    device: str = "cpu",
) -> Generator[ClipBatch, None, None]:
    """This process's share of batches without end, read ahead by `workers` processes (0: by this one).

    `device` is the type of the device that computes: it decides the number of workers where none is given, and whether
    batches lie in page-locked memory. Close the generator to end the workers.

    Raises:
        SettingsError, CollectionError: as `batch_keys` does.
        VideoError: while iterating: a prepared video cannot be read any more.
        CollectionError: while iterating: a worker has died.
    """
    keys = batch_keys(len(dataset), batch_size, seed, first_step, share)
    size = batch_size // share.processes
    parts = (batch[first : first + PART] for batch in keys for first in range(0, size, PART))
    pinned = device == "cuda"
    workers = default_workers(device) if workers is None else workers
    read = read_ahead(_Parts(dataset), parts, workers, yielding=device == "cpu")
    batches = _whole_batches(read, ceil(size / PART), pinned=pinned)
    return _one_ahead(batches) if pinned else batches


def evaluation_samples(
    dataset: EvaluationDataset, workers: int | None = None, *, share: ProcessShare = WHOLE, device: str = "cpu"
) -> Generator[Sample | Failure, None, None]:
    """This process's share of the dataset, every `processes`-th video from the `rank`-th on, in order.

    A small collection is done before worker processes would have started.
    """
    rows = range(share.rank, len(dataset), share.processes)
    if workers is None:
        workers = 0 if len(rows) * dataset.clips < SMALL else default_workers(device)
    return read_ahead(dataset, rows, workers, yielding=device == "cpu")


@final
class _Parts(Dataset[ClipBatch | Failure]):
    """Parts of batches by their keys; one video that fails fails its part."""

    def __init__(self, dataset: ClipDataset) -> None:
        self._dataset = dataset

    def __getitem__(self, keys: Sequence[Key]) -> ClipBatch | Failure:
        samples = []
        for key in keys:
            try:
                samples.append(self._dataset[key])
            except VideoError as error:
                return Failure("", str(error))
        return collate(samples)


def _whole_batches(
    parts: Generator[ClipBatch | Failure, None, None], count: int, *, pinned: bool
) -> Generator[ClipBatch, None, None]:
    with closing(parts):
        while batch := list(islice(parts, count)):
            yield joined([_sound(each) for each in batch], pinned=pinned)


def _sound(part: ClipBatch | Failure) -> ClipBatch:
    if isinstance(part, Failure):
        raise VideoError(part.reason)
    return part


def _one_ahead(batches: Generator[ClipBatch, None, None]) -> Generator[ClipBatch, None, None]:
    """The batches again, each joined while the one before it is used."""
    with closing(batches), ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches)
        while True:
            batch = coming.result()
            coming = thread.submit(next, batches)
            yield batch
