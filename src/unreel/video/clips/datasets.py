"""Clips of prepared videos by key, each draw from (seed, epoch, id): the same in whatever process and order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.utils.data import Dataset

from unreel.errors import VideoError
from unreel.rng import generator
from unreel.video.clips.sampling import equally_spaced_starts, looped, two_starts
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
class PretrainDataset(Dataset[Sample]):
    """Two clips of each video, x and Γ(x), at random starts (`gap`: see `two_starts`).

    Each is cut to a square region at a random place of its own, or to the centre of the frame where `random_regions`
    says no: every view of a clip is made of that region.
    """

    def __init__(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        clip_length: int,
        seed: int,
        reader: VideoReader | None = None,
        gap: float = 0.0,
        random_regions: tuple[bool, bool] = (True, True),
    ) -> None:
        self._videos = Videos(manifest, records, reader)
        self._side, self._clip_length, self._seed, self._gap = manifest.side, clip_length, seed, gap
        self._random_regions = np.array(random_regions)

    def __len__(self) -> int:
        return len(self._videos.records)

    def __getitem__(self, key: Key) -> Sample:
        """The sample of (epoch, row).

        Raises:
            VideoError: the prepared file is gone, damaged or another.
        """
        epoch, row = key
        record = self._videos.records[row]
        chance = generator(self._seed, "clips", epoch, record.id)
        starts = two_starts(record.frames, self._clip_length, chance, self._gap)
        clips = self._videos.read(row, starts, self._clip_length)
        drawn = generator(self._seed, "regions", epoch, record.id).random((2, 2))
        places = np.where(self._random_regions[:, None], drawn, 0.5)
        regions = [region(clip, self._side, place) for clip, place in zip(clips, places, strict=True)]
        return stacked(record.id, epoch, regions)


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
        reader: VideoReader | None = None,
        *,
        starts: Starts = equally_spaced_starts,
        whole: bool = False,
    ) -> None:
        self._videos = Videos(manifest, records, reader)
        self._side, self._clip_length, self.clips = manifest.side, clip_length, clips
        self._starts, self._whole = starts, whole

    def __len__(self) -> int:
        return len(self._videos.records)

    def __getitem__(self, row: int) -> Sample | Failure:
        record = self._videos.records[row]
        try:
            starts = self._starts(record.frames, self._clip_length, self.clips)
            clips = self._videos.read(row, starts, self._clip_length)
            shown = clips if self._whole else [region(clip, self._side, (0.5, 0.5)) for clip in clips]
            return stacked(record.id, 0, shown)
        except VideoError as error:
            return Failure(record.id, str(error))


@final
class Videos:
    """The prepared videos of some records, by row."""

    def __init__(self, manifest: Manifest, records: Sequence[VideoRecord], reader: VideoReader | None) -> None:
        self.records = list(records)
        self._files = [manifest.file(record) for record in records]
        self._reader = reader or PyAVReader(prepared=True)

    def read(self, row: int, starts: Sequence[int], length: int) -> list[Planes]:
        """Clips of `length` frames; a video shorter than that is looped, and its starts are all 0.

        Raises:
            VideoError: the prepared file is gone, damaged or another.
        """
        record = self.records[row]
        try:
            clips = self._clips(row, starts, length)
            height, width = clips[0].luma.shape[1:]
            if (width, height) != (record.width, record.height):
                raise VideoError(f"frames are {width}×{height}, expected {record.width}×{record.height}")
        except VideoError as error:
            raise VideoError(
                f"{record.id} cannot be read any more ({error}). Remove its prepared file, {self._files[row]}, and "
                "prepare the collection again."
            ) from error
        return clips

    def _clips(self, row: int, starts: Sequence[int], length: int) -> list[Planes]:
        frames = self.records[row].frames
        if frames >= length:
            return self._reader.read_clips(self._files[row], starts, length)
        whole = self._reader.read_clips(self._files[row], [0], frames)[0]
        order = looped(frames, length)
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
