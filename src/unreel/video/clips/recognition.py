"""Clips for recognition (Sec. 4): one at random of each video to learn from, all of them to test."""

from collections.abc import Sequence
from typing import final

from torch.utils.data import Dataset

from unreel.errors import VideoError
from unreel.rng import generator
from unreel.video.clips.datasets import Failure, Key, Sample, Videos, region, stacked
from unreel.video.clips.sampling import consecutive_starts, one_start
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.decoding.decode import VideoReader

CLIPS_AT_ONCE = 4
"""Clips of a piece: what is decoded, and encoded, at a time, however long the video is."""

Piece = tuple[int, int]
"""(row, number of its first clip)"""


@final
class FinetuneDataset(Dataset[Sample]):
    """One clip of each video, at a random start; short videos are looped.

    It is cut to a square region at a random place, or to the centre of the frame without `random_region`.
    """

    def __init__(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        clip_length: int,
        seed: int,
        reader: VideoReader | None = None,
        *,
        random_region: bool = True,
    ) -> None:
        self._videos = Videos(manifest, records, reader)
        self._side, self._clip_length, self._seed = manifest.side, clip_length, seed
        self._random_region = random_region

    def __len__(self) -> int:
        return len(self._videos.records)

    def __getitem__(self, key: Key) -> Sample:
        """The sample of (epoch, row).

        Raises:
            VideoError: the prepared file is gone, damaged or another.
        """
        epoch, row = key
        record = self._videos.records[row]
        start = one_start(record.frames, self._clip_length, generator(self._seed, "clips", epoch, record.id))
        (clip,) = self._videos.read(row, [start], self._clip_length)
        drawn = generator(self._seed, "regions", epoch, record.id).random(2)
        place = drawn if self._random_region else (0.5, 0.5)
        return stacked(record.id, epoch, [region(clip, self._side, place)])


@final
class RecognitionDataset(Dataset[Sample | Failure]):
    """Every video cut into non-overlapping clips, a tail dropped, whole frames, by pieces of `CLIPS_AT_ONCE` clips.

    A video shorter than a clip is looped. A test reads all `pieces`, in their order.
    """

    def __init__(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        clip_length: int,
        reader: VideoReader | None = None,
    ) -> None:
        self._videos = Videos(manifest, records, reader)
        self._clip_length = clip_length
        self._starts = [consecutive_starts(record.frames, clip_length) for record in records]

    @property
    def clips(self) -> int:
        """How many clips all videos have together."""
        return sum(map(len, self._starts))

    @property
    def pieces(self) -> list[Piece]:
        """What to read to see all clips of all videos once, video by video."""
        return [
            (row, first) for row, starts in enumerate(self._starts) for first in range(0, len(starts), CLIPS_AT_ONCE)
        ]

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, piece: Piece) -> Sample | Failure:
        row, first = piece
        identity, starts = self._videos.records[row].id, self._starts[row][first : first + CLIPS_AT_ONCE]
        try:
            return stacked(identity, 0, self._videos.read(row, starts, self._clip_length))
        except VideoError as error:
            return Failure(identity, str(error))
