"""Which clips of a video are embedded, what stands for it made of them, and reading them in pieces.

clips       |c0 |c1 |c2 |c3 |c4 |       each is read once
windows     |w0     |                   one clip each; a dense one that is longer: the mean of the clips in it
                |w1     |

A piece holds clips of one video only, and is one batch of the encoder: an encoder's rounding depends on the size of a
batch, and so the vectors of a video must not depend on which videos are embedded before or after it, or elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import final

import numpy as np
from jaxtyping import Float, Float32, Int
from torch.utils.data import Dataset

from unreel.errors import SettingsError, VideoError
from unreel.search.metadata import Clips, DenseWindows
from unreel.video.clips.datasets import Failure, Sample, Videos, region, stacked
from unreel.video.clips.sampling import (
    EVERY_FRAME,
    TimeScale,
    consecutive_starts,
    equally_spaced_starts,
    on_screen,
    runs,
)
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.decoding.decode import VideoReader
from unreel.video.decoding.timestamps import Span, Times

AT_ONCE = 16
"""Clips of a piece, at the most: the memory that decoding and encoding take, however long the video is."""

_NEARLY = 1e-4  # seconds by which a window may reach beyond the end of a video, or a clip beyond that of a window
_MICROSECONDS = 1e6

Piece = tuple[int, int, int]
"""(row, number of its first clip, number of clips)"""


@dataclass(frozen=True)
class Layout:
    """What stands for a video.

    `frames` are the numbers in its file of the frames of `n` clips, each of them once. Window k of `w` is shown in
    `spans[k]`, seconds of a player, is the mean of the clips `parts[k]`, and counts `counts[k]` times in the video.
    """

    frames: Int[np.ndarray, "n t"]
    spans: list[Span]
    parts: Int[np.ndarray, "w m"]
    counts: Int[np.ndarray, " w"]


def starts_of(frames: int, clip_length: int, clips: int | str) -> list[int]:
    """First frames of the clips that stand for a video: so many equally spaced, or all that do not overlap.

    A video with few frames gives the same start several times.
    """
    if isinstance(clips, str):
        return consecutive_starts(frames, clip_length)
    return equally_spaced_starts(frames, clip_length, clips)


def lay_out(video: VideoRecord, clip_length: int, clips: Clips, scale: TimeScale = EVERY_FRAME) -> Layout:
    """The clips of a video at a time scale, and the windows that they make up; a short video is looped.

    Raises:
        VideoError: it cannot be shown at that scale, or a window holds fewer than two of its frames.
    """
    numbers, shown = scale.numbers(video), video.shown
    if isinstance(clips, DenseWindows):
        if not video.fps:
            raise VideoError("has no frame rate")
        begin = shown.starts[0] if video.piece_of else 0.0
        return _lay_out_densely(shown, begin, clip_length / scale.per_second(video), clip_length, clips)
    starts, counts = np.unique(starts_of(len(numbers), clip_length, clips), return_counts=True)
    spans = Times(shown.starts[numbers], shown.end).spans(starts.tolist(), clip_length)
    frames = numbers[runs(starts.tolist(), clip_length) % len(numbers)]
    return Layout(frames, spans, np.arange(len(starts))[:, None], counts)


def _lay_out_densely(shown: Times, first: float, clip: float, clip_length: int, dense: DenseWindows) -> Layout:
    """Windows over the time of a video of which a clip shows `clip` seconds; none reaches beyond its end.

    A window shows the frames that are on the screen at even times, so that it is as long in a file of uneven rate. One
    shorter than a clip is looped; a longer one is filled with clips that others share, and one that ends with it.
    """
    if dense.window is not None and round(dense.window / clip * clip_length) < 2:
        raise VideoError(f"has fewer than two frames in a window of {dense.window:g} s")
    window = min(dense.window or clip, shown.end - first)
    begins = first + np.arange(int((shown.end - first - window + _NEARLY) / dense.every) + 1) * dense.every
    starts, parts = np.unique(
        np.rint((begins[:, None] + _offsets(window - clip, clip, dense.every)) * _MICROSECONDS).astype(np.int64),
        return_inverse=True,
    )
    held = min(max(round(window / clip * clip_length), 1), clip_length)
    times = starts[:, None] / _MICROSECONDS + np.arange(clip_length) % held * (clip / clip_length)
    spans = [(round(begin, 6), round(begin + window, 6)) for begin in begins.tolist()]
    return Layout(on_screen(shown.starts, times), spans, parts.reshape(len(begins), -1), np.ones(len(begins), np.int64))


def _offsets(room: float, clip: float, every: float) -> Float[np.ndarray, " m"]:
    """When clips begin in a window `room` seconds longer than one: without a gap, at times that other windows share."""
    if room <= _NEARLY:
        return np.zeros(1)
    step = every / max(ceil(every / clip - _NEARLY), 1)
    return np.append(np.arange(int((room - _NEARLY) / step) + 1) * step, room)


def check_dense(videos: Sequence[VideoRecord], dense: DenseWindows, scale: TimeScale) -> None:
    """Say at once where no video has such a window.

    Raises:
        SettingsError: it is longer than each of the videos, or too short for two frames of any of them.
    """
    if dense.window is None or not videos:
        return
    longest, fastest = max(each.duration for each in videos), max(map(scale.per_second, videos))
    if dense.window > longest + _NEARLY:
        raise SettingsError(
            f"window is {dense.window:g} s, but the longest of the {len(videos)} videos lasts {longest:.2f} s: ask for "
            "a shorter window."
        )
    if round(dense.window * fastest) < 2:
        raise SettingsError(
            f"window is {dense.window:g} s, in which none of the {len(videos)} videos shows the encoder two frames "
            f"({fastest:g} a second at the most): ask for a longer window."
        )


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
        self._side, self._clip_length, self._clips, self._scale = manifest.side, clip_length, clips, scale
        self._laid_out: tuple[int, Layout] | None = None

    def __len__(self) -> int:
        return len(self.records)

    def layout(self, row: int) -> Layout:
        """The clips and windows of a video.

        Raises:
            VideoError: it has none.
        """
        held = self._laid_out
        if held is None or held[0] != row:
            try:
                held = row, lay_out(self.records[row], self._clip_length, self._clips, self._scale)
            except VideoError as error:
                raise VideoError(f"{self.records[row].id} {error}") from None
            self._laid_out = held
        return held[1]

    def windows(self, row: int, vectors: Float32[np.ndarray, "n c"]) -> Float32[np.ndarray, "w c"]:
        """The vectors of the windows of a video, from those of its clips."""
        parts = self.layout(row).parts
        return np.stack([vectors[each].mean(axis=0) if len(each) > 1 else vectors[each[0]] for each in parts])

    def mean(self, row: int, vectors: Float32[np.ndarray, "w c"]) -> Float32[np.ndarray, " c"]:
        """The vector of a video, from those of its windows: one that was asked for several times counts as often."""
        mean: np.ndarray = np.repeat(vectors, self.layout(row).counts, axis=0).mean(axis=0)
        return mean

    def pieces(self, row: int) -> Iterator[Piece]:
        """What to read to see all clips of a video once, in their order; where there are none one piece that fails."""
        try:
            count = len(self.layout(row).frames)
        except VideoError:
            count = 1
        edges = np.linspace(0, count, ceil(count / AT_ONCE) + 1).round().astype(int).tolist()
        return ((row, first, last - first) for first, last in pairwise(edges))

    def __getitem__(self, piece: Piece) -> Sample | Failure:
        row, first, count = piece
        identity = self.records[row].id
        try:
            clips = self._videos.read_numbers(row, self.layout(row).frames[first : first + count])
            return stacked(identity, 0, [region(clip, self._side, (0.5, 0.5)) for clip in clips])
        except VideoError as error:
            return Failure(identity, str(error))
