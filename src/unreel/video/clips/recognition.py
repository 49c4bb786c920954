"""Clips to test recognition by (Sec. 4): all of every video."""

from collections.abc import Sequence
from typing import final

from torch.utils.data import Dataset

from unreel.errors import VideoError
from unreel.video.clips.datasets import Failure, Sample, Videos, stacked
from unreel.video.clips.sampling import EVERY_FRAME, TimeScale, consecutive_starts
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.decoding.decode import VideoReader

CLIPS_AT_ONCE = 4
"""Clips of a piece: what is decoded, and encoded, at a time, however long the video is."""

Piece = tuple[int, int]
"""(row, number of its first clip)"""


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
        scale: TimeScale = EVERY_FRAME,
    ) -> None:
        self._videos = Videos(manifest, records, reader, scale)
        self._clip_length = clip_length
        self._starts = [self._starts_of(row) for row in range(len(records))]

    def _starts_of(self, row: int) -> list[int]:
        """Where the clips of a video begin; one that cannot be shown has a clip, which says why."""
        try:
            return consecutive_starts(len(self._videos.numbers(row)), self._clip_length)
        except VideoError:
            return [0]

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
