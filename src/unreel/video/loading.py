"""Batches of clips from prepared videos, the same whatever the number of worker processes."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch.utils.data import DataLoader, Dataset

from unreel.chance import generator
from unreel.errors import VideoError
from unreel.types import ClipBatch
from unreel.video.decode import PyAVReader
from unreel.video.manifest import Manifest, VideoRecord
from unreel.video.planes import Planes
from unreel.video.sampling import equally_spaced_starts, looped, two_starts

SMALL = 5000  # clips


@dataclass(frozen=True)
class Sample:
    """The clips of one video, cut to a square region of the prepared side; a video that failed has no clips."""

    id: str
    epoch: int
    luma: UInt8[np.ndarray, "v t h w"]
    chroma: UInt8[np.ndarray, "v t 2 h/2 w/2"]
    to_rgb: Float[np.ndarray, "3 4"]


@dataclass(frozen=True)
class Failure:
    """A video that could not be read, and why."""

    id: str
    reason: str


@final
class PretrainDataset(Dataset[Sample]):
    """Two clips of each video, at independent random starts and in independent random square regions."""

    def __init__(self, manifest: Manifest, records: Sequence[VideoRecord], clip_length: int, seed: int) -> None:
        self._files = [manifest.file(record) for record in records]
        self._records, self._side, self._clip_length, self._seed = list(records), manifest.side, clip_length, seed

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        """The sample of (epoch, row)."""
        epoch, row = key
        record = self._records[row]
        starts = two_starts(record.frames, self._clip_length, generator(self._seed, "clips", epoch, record.id))
        clips = PyAVReader(prepared=True).read_clips(self._files[row], starts, self._clip_length)
        places = generator(self._seed, "regions", epoch, record.id).random((2, 2))
        regions = [region(clip, self._side, place) for clip, place in zip(clips, places, strict=True)]
        return stacked(record.id, epoch, regions)


@final
class EvaluationDataset(Dataset[Sample | Failure]):
    """`clips` equally spaced clips of each video, the centre square of the frame; short videos are looped."""

    def __init__(self, manifest: Manifest, records: Sequence[VideoRecord], clip_length: int, clips: int) -> None:
        self._files = [manifest.file(record) for record in records]
        self._records, self._side, self._clip_length, self.clips = list(records), manifest.side, clip_length, clips

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, row: int) -> Sample | Failure:
        record = self._records[row]
        try:
            clips = self._read(self._files[row], record.frames)
        except VideoError as error:
            return Failure(record.id, str(error))
        return stacked(record.id, 0, [region(clip, self._side, (0.5, 0.5)) for clip in clips])

    def _read(self, file: Path, frames: int) -> list[Planes]:
        starts = equally_spaced_starts(frames, self._clip_length, self.clips)
        if frames >= self._clip_length:
            return PyAVReader(prepared=True).read_clips(file, starts, self._clip_length)
        whole = PyAVReader(prepared=True).read_clips(file, [0], frames)[0]
        order = looped(frames, self._clip_length)
        return [Planes(whole.luma[order], whole.chroma[order], whole.colour)] * len(starts)


def region(clip: Planes, side: int, place: Sequence[float] | np.ndarray) -> Planes:
    """The square of `side` pixels at `place` (0 to 1 from left and from top) of a clip, on whole chroma samples."""
    height, width = clip.luma.shape[1:]
    if side > min(height, width):
        raise VideoError(f"frames are {width}×{height}, expected at least {side} pixels: prepare the collection again")
    left, top = (
        2 * round(float(share) * (room - side) / 2) for share, room in zip(place, (width, height), strict=True)
    )
    luma = clip.luma[:, top : top + side, left : left + side]
    half = slice(top // 2, (top + side) // 2), slice(left // 2, (left + side) // 2)
    return Planes(luma, clip.chroma[:, :, half[0], half[1]], clip.colour)


def stacked(identity: str, epoch: int, clips: Sequence[Planes]) -> Sample:
    """One sample of several clips of the same shape and colour."""
    luma = np.stack([clip.luma for clip in clips])
    return Sample(identity, epoch, luma, np.stack([clip.chroma for clip in clips]), clips[0].colour.to_rgb())


def collate(samples: Sequence[Sample]) -> ClipBatch:
    """One batch of samples of the same shape."""
    return ClipBatch(
        torch.from_numpy(np.stack([sample.luma for sample in samples])),
        torch.from_numpy(np.stack([sample.chroma for sample in samples])),
        torch.from_numpy(np.stack([sample.to_rgb for sample in samples])),
        tuple(sample.id for sample in samples),
        samples[0].epoch,
    )


def batch_keys(videos: int, batch_size: int, seed: int, first_step: int = 0) -> Iterator[list[tuple[int, int]]]:
    """The (epoch, row) keys of every batch from `first_step` on, without end.

    Each epoch shows all videos in an order of its own; what is left at its end and fills no batch is left out.
    """
    per_epoch = videos // batch_size
    for epoch in count(first_step // per_epoch):
        order = generator(seed, "order", epoch).permutation(videos)
        for batch in range(first_step % per_epoch if epoch == first_step // per_epoch else 0, per_epoch):
            yield [(epoch, int(row)) for row in order[batch * batch_size : (batch + 1) * batch_size]]


def pretrain_batches(
    dataset: PretrainDataset, batch_size: int, seed: int, *, first_step: int = 0, workers: int | None = None
) -> Iterator[ClipBatch]:
    """Batches without end, decoded ahead by `workers` processes (0: by this one)."""
    keys = batch_keys(len(dataset), batch_size, seed, first_step)
    yield from DataLoader(dataset, batch_sampler=_Endless(keys), collate_fn=collate, **_worker_options(workers))


def evaluation_samples(dataset: EvaluationDataset, workers: int | None = None) -> Iterator[Sample | Failure]:
    """Every video of the dataset in order; a small collection is done before worker processes would have started."""
    processes = 0 if workers is None and len(dataset) * dataset.clips < SMALL else workers
    yield from DataLoader(dataset, batch_size=None, collate_fn=_unchanged, **_worker_options(processes))


@final
class _Endless:
    """What DataLoader needs of a batch sampler: something to iterate."""

    def __init__(self, keys: Iterator[list[tuple[int, int]]]) -> None:
        self._keys = keys

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return self._keys


def _unchanged(sample: Any) -> Any:
    return sample


def _one_thread(_: int) -> None:
    torch.set_num_threads(1)


def _worker_options(workers: int | None) -> dict[str, Any]:
    processes = min(8, (os.cpu_count() or 1) // 2) if workers is None else workers
    if processes == 0:
        return {"num_workers": 0}
    # Forking a process whose threads already compute can hang: a fresh process cannot.
    return {
        "num_workers": processes,
        "multiprocessing_context": "forkserver" if os.name == "posix" else "spawn",
        "worker_init_fn": _one_thread,
        "prefetch_factor": 4,
        "pin_memory": torch.cuda.is_available(),
    }
