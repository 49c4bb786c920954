"""From videos to vectors: on this machine, or on a Ray cluster."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import final

import numpy as np
import torch
from jaxtyping import Float32, Float64

from unreel.checkpoint import LoadedEncoder
from unreel.engine.cpus import default_workers
from unreel.engine.ray_actors import ActorResources, on_actors
from unreel.engine.read_ahead import AHEAD, read_ahead
from unreel.evaluation.features import centre_of
from unreel.search.checks import usable
from unreel.search.metadata import DenseWindows
from unreel.search.windows import Piece, WindowDataset
from unreel.types import Level
from unreel.video.clips.datasets import Failure, Sample
from unreel.video.clips.loading import SMALL
from unreel.video.clips.sampling import TimeScale
from unreel.video.collection.manifest import Manifest, VideoRecord

CHUNK = 8  # videos that an actor takes at a time


@dataclass(frozen=True)
class Embedded:
    """The vectors of a video's windows; `reason` says why there are none."""

    row: int
    vectors: Float32[np.ndarray, "w c"]
    reason: str = ""


@final
class ClipEncoder:
    """An encoder that gives the global average of one level for each clip."""

    def __init__(self, encoder: LoadedEncoder, level: Level, device: str = "cpu") -> None:
        self.settings, self.device = encoder.settings, device
        self._encoder, self._level = encoder.encoder.to(device), encoder.encoder.find_level(level)

    @torch.inference_mode()
    def vectors(self, sample: Sample) -> Float32[np.ndarray, "v c"]:
        """The vectors of the clips of a sample, computed in one batch."""
        views = centre_of(sample, self.settings.size, self.device)
        vectors: np.ndarray = self._encoder(views)[self._level].mean(dim=(2, 3, 4)).float().cpu().numpy()
        return vectors

    def embedded(
        self, dataset: WindowDataset, pieces: Iterable[Piece], samples: Iterable[Sample | Failure]
    ) -> Iterator[Embedded]:
        """The vectors of every video, of samples that are those of `pieces` of the dataset, video by video."""
        for row, group in groupby(zip(pieces, samples, strict=True), key=lambda pair: pair[0][0]):
            yield self._video(dataset, row, (sample for _, sample in group))

    def _video(self, dataset: WindowDataset, row: int, samples: Iterable[Sample | Failure]) -> Embedded:
        vectors: list[Float32[np.ndarray, "_ c"]] = []
        nothing = np.zeros((0, self._encoder.channels[self._level]), np.float32)
        for sample in samples:
            if isinstance(sample, Failure):
                return Embedded(row, nothing, sample.reason)
            vectors.append(self.vectors(sample))
        found = np.concatenate(vectors)
        if not usable(found).all():
            return Embedded(row, nothing, "a vector is not finite")
        return Embedded(row, dataset.windows(row, found))


def embedded_here(encoder: ClipEncoder, dataset: WindowDataset, workers: int | None = None) -> Iterator[Embedded]:
    """The vectors of the videos of the dataset, in their order; `workers` processes read ahead.

    A small collection is done before worker processes would have started.
    """
    pieces = [piece for row in range(len(dataset)) for piece in dataset.pieces(row)]
    if workers is None:
        workers = 0 if sum(count for _, _, count in pieces) < SMALL else default_workers(encoder.device)
    with closing(read_ahead(dataset, pieces, workers, yielding=encoder.device == "cpu")) as samples:
        yield from encoder.embedded(dataset, pieces, samples)


@dataclass(frozen=True)
class WindowVectors:
    """The windows of a video: from when to when a player shows each, in seconds, and its vector.

    There are none where the video could not be read; `reason` says why.
    """

    video: VideoRecord
    spans: Float64[np.ndarray, "w 2"]
    vectors: Float32[np.ndarray, "w c"]
    reason: str = ""


def dense_windows(
    encoder: ClipEncoder,
    manifest: Manifest,
    videos: Sequence[VideoRecord],
    dense: DenseWindows,
    workers: int | None = None,
) -> Iterator[WindowVectors]:
    """The windows of some videos of a prepared collection, video by video, as a table or a folder of features has them.

    `workers` processes read ahead; default: chosen by the size of the collection.
    """
    settings = encoder.settings
    dataset = WindowDataset(manifest, videos, settings.clip_length, dense, scale=TimeScale.of(settings))
    for found in embedded_here(encoder, dataset, workers):
        spans = [] if found.reason else dataset.layout(found.row).spans
        yield WindowVectors(videos[found.row], np.array(spans).reshape(-1, 2), found.vectors, found.reason)


def embedded_on_cluster(encoder: LoadedEncoder, level: Level, dataset: WindowDataset) -> Iterator[Embedded]:
    """The vectors of the videos of the dataset, in any order, by actors on a Ray cluster.

    Raises:
        UnreelError: the cluster loses its processes again and again.
        MissingExtraError: Ray is not installed.
    """
    rows = range(len(dataset))
    chunks = [rows[first : first + CHUNK] for first in rows[::CHUNK]]
    for _, found in on_actors(partial(_InActor, encoder, level, dataset), chunks):
        yield from found


@final
class _InActor:
    """Embeds in an actor; where it has several CPUs, the others read ahead."""

    def __init__(self, encoder: LoadedEncoder, level: Level, dataset: WindowDataset, place: ActorResources) -> None:
        self._encoder = ClipEncoder(encoder, level, place.device)
        self._dataset, self._readers = dataset, place.cpus - 1

    def __call__(self, rows: Sequence[int]) -> list[Embedded]:
        pieces = [piece for row in rows for piece in self._dataset.pieces(row)]
        if not self._readers:
            return list(self._encoder.embedded(self._dataset, pieces, map(self._dataset.__getitem__, pieces)))
        with ThreadPoolExecutor(self._readers) as pool:
            return list(self._encoder.embedded(self._dataset, pieces, self._read_ahead(pool, pieces)))

    def _read_ahead(self, pool: ThreadPoolExecutor, pieces: Sequence[Piece]) -> Iterator[Sample | Failure]:
        reading: deque[Future[Sample | Failure]] = deque()
        for piece in pieces:
            reading.append(pool.submit(self._dataset.__getitem__, piece))
            if len(reading) > AHEAD * self._readers:
                yield reading.popleft().result()
        while reading:
            yield reading.popleft().result()
