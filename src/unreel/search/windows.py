"""Which clips of a video are embedded, and reading them in pieces.

A piece holds clips of one video only, and is one batch of the encoder: an encoder's rounding depends on the size of a
batch, and so the vectors of a video must not depend on which videos are embedded before or after it, or elsewhere.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import ceil
from typing import final

import numpy as np
from jaxtyping import Float32
from torch.utils.data import Dataset

from unreel.errors import VideoError
from unreel.search.metadata import Clips
from unreel.video.clips.datasets import Failure, Sample, Videos, region, stacked
from unreel.video.clips.sampling import EVERY_FRAME, TimeScale, consecutive_starts, equally_spaced_starts
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.decoding.decode import VideoReader
from unreel.video.decoding.timestamps import Span, Times

AT_ONCE = 16
"""Clips of a piece, at the most: the memory that decoding and encoding take, however long the video is."""

Piece = tuple[int, int, int]
"""(row, number of its first clip, number of clips)"""


def starts_of(frames: int, clip_length: int, clips: Clips) -> list[int]:
    """First frames of the clips that stand for a video: so many equally spaced, or all that do not overlap.

    A video with few frames gives the same start several times.
    """
    if clips == "all":
        return consecutive_starts(frames, clip_length)
    return equally_spaced_starts(frames, clip_length, clips)


@final
class WindowDataset(Dataset[Sample | Failure]):
    """The clips of each video, each once, the centre square of the frame; short videos are looped."""

    def __init__(
        self,
        manifest: Manifest,
        records: Sequence[VideoRecord],
        clip_length: int,
        clips: Clips,
        reader: VideoReader | None = None,
        scale: TimeScale = EVERY_FRAME,
    ) -> None:
        self.records = list(records)
        self._videos = Videos(manifest, records, reader, scale)
        self._side, self._clip_length, self._clips = manifest.side, clip_length, clips

    def __len__(self) -> int:
        return len(self.records)

    def starts(self, row: int) -> list[int]:
        """First frames, at the time scale, of the clips of a video, each once."""
        return sorted(set(self._starts(row)))

    def spans(self, row: int) -> list[Span]:
        """From when to when a player shows each clip, in seconds; a longer one than the video ends with it."""
        shown, numbers = self.records[row].shown, self._videos.numbers(row)
        return Times(shown.starts[numbers], shown.end).spans(self.starts(row), self._clip_length)

    def _starts(self, row: int) -> list[int]:
        """As often as they are asked for; of a video that cannot be shown at that scale one, which says why."""
        try:
            return starts_of(len(self._videos.numbers(row)), self._clip_length, self._clips)
        except VideoError:
            return [0]

    def mean(self, row: int, vectors: Float32[np.ndarray, "v c"]) -> Float32[np.ndarray, " c"]:
        """The vector of a video, from those of its clips: a clip that was asked for several times counts as often."""
        _, counts = np.unique(self._starts(row), return_counts=True)
        mean: np.ndarray = np.repeat(vectors, counts, axis=0).mean(axis=0)
        return mean

    def pieces(self, row: int) -> Iterator[Piece]:
        """What to read to see all clips of a video once, in their order."""
        count = len(self.starts(row))
        edges = np.linspace(0, count, ceil(count / AT_ONCE) + 1).round().astype(int).tolist()
        return ((row, first, last - first) for first, last in pairwise(edges))

    def __getitem__(self, piece: Piece) -> Sample | Failure:
        row, first, count = piece
        identity, starts = self.records[row].id, self.starts(row)[first : first + count]
        try:
            clips = self._videos.read(row, starts, self._clip_length)
            return stacked(identity, 0, [region(clip, self._side, (0.5, 0.5)) for clip in clips])
        except VideoError as error:
            return Failure(identity, str(error))
