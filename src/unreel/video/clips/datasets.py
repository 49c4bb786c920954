"""Clips of prepared videos by key, each draw from (seed, epoch, id): the same in whatever process and order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from unreel.errors import VideoError
from unreel.rng import Draw, draws_of
from unreel.video.clips.sampling import EVERY_FRAME, Sampling, TimeScale, equally_spaced_starts, runs
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.decoding.decode import PyAVReader, VideoReader
from unreel.video.decoding.yuv import Planes

Key = tuple[int, int]
"""(epoch, row)"""

Starts = Callable[[int, int, int], list[int]]
"""First frames of the clips of a video of so many frames, by their length and number."""


@dataclass(frozen=True)
class Sample:
    """The clips of one video: a square region of the prepared side, or whole frames."""

    id: str
    epoch: int
    luma: UInt8[np.ndarray, "v t h w"]
    chroma: UInt8[np.ndarray, "v t 2 h/2 w/2"]
    to_rgb: Float[np.ndarray, "3 4"]

    def tensors(
        self, device: torch.device | str
    ) -> tuple[UInt8[Tensor, "v t h w"], UInt8[Tensor, "v t 2 h/2 w/2"], Float[Tensor, "3 4"]]:
        """Luma, chroma and the colour matrix on a device."""
        luma, chroma, to_rgb = (torch.from_numpy(each).to(device) for each in (self.luma, self.chroma, self.to_rgb))
        return luma, chroma, to_rgb


@dataclass(frozen=True)
class Failure:
    """A video that could not be read, and why."""

    id: str
    reason: str


@runtime_checkable
class ClipDataset(Protocol):
    """What training learns from: a sample of each video in every epoch."""

    def __len__(self) -> int:
        """How many videos there are."""
        ...

    def __getitem__(self, key: Key) -> Sample:
        """The sample of (epoch, row).

        Raises:
            VideoError: the prepared file is gone, damaged or another.
        """
        ...


@final
class TrainingDataset(Dataset[Sample]):
    """The clips of each video that a sampling asks for, at the encoder's time scale, each cut to a square of its own.

    Where a time scale leaves frames out, an epoch begins at a random one of the first step.
    """

    def __init__(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        sampling: Sampling,
        seed: int,
        scale: TimeScale = EVERY_FRAME,
        *,
        reader: VideoReader | None = None,
    ) -> None:
        self._videos = Videos(manifest, records, reader, scale)
        self._side, self._sampling, self._seed, self._scale = manifest.side, sampling, seed, scale

    def __len__(self) -> int:
        return len(self._videos.records)

    def __getitem__(self, key: Key) -> Sample:
        """The sample of (epoch, row).

        Raises:
            VideoError: the prepared file is gone, damaged or another.
        """
        epoch, row = key
        identity = self._videos.records[row].id
        draw = draws_of(self._seed, epoch, identity)
        numbers = self._numbers(row, draw)
        clips = self._videos.read_numbers(row, numbers[self._sampling.frames(len(numbers), draw) % len(numbers)])
        places = self._sampling.regions(draw)
        return stacked(
            identity, epoch, [region(clip, self._side, place) for clip, place in zip(clips, places, strict=True)]
        )

    def _numbers(self, row: int, draw: Draw) -> Int[np.ndarray, " n"]:
        """The frames of a video at the time scale, from a random one of the first step where enough are left."""
        if self._scale == EVERY_FRAME:
            return self._videos.numbers(row)
        numbers = self._videos.numbers(row, draw("phase").random())
        return numbers if len(numbers) >= self._sampling.needed else self._videos.numbers(row)


@final
class EvaluationDataset(Dataset[Sample | Failure]):
    """`clips` clips of each video, the centre square of the frame or the whole of it; short videos are looped.

    `starts` says where the clips begin, from frames, clip length and number of clips.
    """

    def __init__(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        clip_length: int,
        clips: int,
        *,
        starts: Starts = equally_spaced_starts,
        whole: bool = False,
        scale: TimeScale = EVERY_FRAME,
    ) -> None:
        self._videos = Videos(manifest, records, None, scale)
        self._side, self._clip_length, self.clips = manifest.side, clip_length, clips
        self._starts, self._whole = starts, whole

    def __len__(self) -> int:
        return len(self._videos.records)

    def __getitem__(self, row: int) -> Sample | Failure:
        record = self._videos.records[row]
        try:
            starts = self._starts(len(self._videos.numbers(row)), self._clip_length, self.clips)
            clips = self._videos.read(row, starts, self._clip_length)
            shown = clips if self._whole else [region(clip, self._side, (0.5, 0.5)) for clip in clips]
            return stacked(record.id, 0, shown)
        except VideoError as error:
            return Failure(record.id, str(error))


@final
class Videos:
    """The prepared videos of some records, by row, at a time scale."""

    def __init__(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        reader: VideoReader | None,
        scale: TimeScale = EVERY_FRAME,
    ) -> None:
        self.records = list(records)
        self._files = [manifest.file(record) for record in records]
        self._reader, self._scale = reader or PyAVReader(prepared=True), scale

    def numbers(self, row: int, phase: float = 0.0) -> Int[np.ndarray, " n"]:
        """The numbers in its file of a video's frames at the time scale (see `TimeScale.numbers`).

        Raises:
            VideoError: it cannot be shown at that scale.
        """
        record = self.records[row]
        try:
            return self._scale.numbers(record, phase)
        except VideoError as error:
            raise VideoError(f"{record.id} {error}") from None

    def read(self, row: int, starts: Sequence[int], length: int) -> list[Planes]:
        """Clips of `length` frames at the time scale; a video shorter than that is looped.

        Raises:
            VideoError: the prepared file is gone, damaged or another.
        """
        numbers = self.numbers(row)
        return self.read_numbers(row, numbers[runs(starts, length) % len(numbers)])

    def read_numbers(self, row: int, table: Int[np.ndarray, "v t"]) -> list[Planes]:
        """Clips by the numbers of their frames in the video, or in the piece of one.

        Raises:
            VideoError: the prepared file is gone, damaged or another.
        """
        record = self.records[row]
        try:
            clips = self._reader.read_frames(self._files[row], table + record.first)
            height, width = clips[0].luma.shape[1:]
            if (width, height) != (record.width, record.height):
                raise VideoError(f"frames are {width}×{height}, expected {record.width}×{record.height}")
        except VideoError as error:
            raise VideoError(
                f"{record.id} cannot be read any more ({error}). Remove its prepared file, {self._files[row]}, and "
                "prepare the collection again."
            ) from error
        return clips


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
