"""From a video to the vector that it is searched by, made as those of the table were."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

import numpy as np
from jaxtyping import Float32, Int

from unreel.checkpoint import LoadedEncoder, load_encoder, place_of, untrained_encoder
from unreel.engine.device import device
from unreel.engine.executor import Executor
from unreel.engine.limits import DEFAULT_LIMITS, Limits
from unreel.engine.worker_pool import Lost, WorkerPool
from unreel.errors import CheckpointError, VideoError
from unreel.reading import brief
from unreel.search.embedding import ClipEncoder, embedded_here
from unreel.search.metadata import TableFacts
from unreel.search.query_clip import ClipRequest, read_piece
from unreel.search.windows import AT_ONCE, WindowDataset
from unreel.video.clips.datasets import region, stacked
from unreel.video.clips.sampling import TimeScale, consecutive_starts, runs
from unreel.video.collection.journal import reason_of
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.transcode import transcode
from unreel.video.decoding.timestamps import measure
from unreel.video.decoding.yuv import Planes


@dataclass(frozen=True)
class QueryVector:
    """What is searched for: the vector of a video from `start` to `end` seconds."""

    vector: Float32[np.ndarray, " c"]
    start: float
    end: float


@final
class QueryEncoder:
    """The encoder of a table, ready to embed what is searched for.

    Files are decoded within `limits`, or by the processes of `pool` where one is given.
    """

    def __init__(
        self,
        encoder: ClipEncoder,
        facts: TableFacts,
        limits: Limits = DEFAULT_LIMITS,
        pool: WorkerPool | None = None,
    ) -> None:
        self._encoder, self._facts = encoder, facts
        self._scale = TimeScale.of(facts.settings)
        self._engine = pool or Executor(workers=1, limits=limits)

    @classmethod
    def of(
        cls,
        facts: TableFacts,
        *,
        weights: Path | None = None,
        accelerator: str = "auto",
        limits: Limits = DEFAULT_LIMITS,
        pool: WorkerPool | None = None,
    ) -> "QueryEncoder":
        """The encoder that made a table, from where it was then, or from `weights`.

        Raises:
            CheckpointError: there are no weights, or they are those of another encoder.
        """
        encoder = encoder_of(facts, weights)
        return cls(ClipEncoder(encoder, facts.level, str(device(accelerator))), facts, limits, pool)

    def query(self, path: Path, at: float | None = None, seconds: float | None = None) -> QueryVector:
        """What a video is searched by: the whole of it, as the table has it; or a piece from `at` on.

        A piece is one clip, or where `seconds` are given the mean of the clips that fit in there.

        Raises:
            VideoError: it cannot be decoded, or ends before the piece begins.
        """
        try:
            if at is None and seconds is None:
                return self._whole(path)
            return self._piece(path, at or 0.0, seconds or 0.0)
        except VideoError as error:
            raise VideoError(f"{path} cannot be searched for: {error}.") from error

    def _whole(self, path: Path) -> QueryVector:
        """By the very way of the table's videos, so that a video of the collection finds itself."""
        with TemporaryDirectory() as name:
            made = self._decoded(transcode, path, Path(name, "query.mp4"), self._facts.side).source
            record = VideoRecord(
                path.name,
                "ok",
                path="query.mp4",
                frames=made.frames,
                fps=made.fps,
                width=made.width,
                height=made.height,
                start=made.start,
                duration=made.duration,
                times=made.times,
            )
            manifest = Manifest(Path(name), (record,), side=self._facts.side)
            dataset = WindowDataset(
                manifest, [record], self._facts.settings.clip_length, self._facts.clips, scale=self._scale
            )
            (found,) = embedded_here(self._encoder, dataset, 0)
        if found.reason:
            raise VideoError(found.reason)
        return QueryVector(dataset.mean(found.row, found.vectors), 0.0, made.duration)

    def _piece(self, path: Path, at: float, seconds: float) -> QueryVector:
        length = self._facts.settings.clip_length
        fps = float(self._decoded(measure, path).rate) if self._scale.rate else 0.0
        stride = fps / self._scale.rate if self._scale.rate else self._scale.step
        fewest = ceil((length - 1) * max(1.0, stride)) + 1
        piece = self._decoded(read_piece, path, ClipRequest(at, seconds, fewest, self._facts.side))
        numbers = self._scale.numbers(piece.record(path.name, fps))
        tables = numbers[runs(consecutive_starts(len(numbers), length), length) % len(numbers)]
        clips = [_cut(piece.planes, table, self._facts.side) for table in tables]
        vectors = [
            self._encoder.vectors(stacked(path.name, 0, clips[first : first + AT_ONCE]))
            for first in range(0, len(clips), AT_ONCE)
        ]
        return QueryVector(np.concatenate(vectors).mean(axis=0), piece.start, piece.end)

    def _decoded(self, work: Any, *arguments: Any) -> Any:
        """What a process that may be ended makes of a file."""
        ((_, found),) = self._engine.run(work, [arguments])
        if isinstance(found, Lost):
            raise VideoError(reason_of(found, self._engine.limits))
        return found


def encoder_of(facts: TableFacts, weights: Path | None = None) -> LoadedEncoder:
    """The encoder that made a table, from where it was then, or from `weights`.

    Raises:
        CheckpointError: there are no weights, or they are those of another encoder.
    """
    place = place_of(weights or Path(facts.weights))
    if not place.exists():
        raise CheckpointError(
            f"the encoder of this table was at {place}, where nothing is now. Say where it is: --weights RUN"
        )
    encoder = load_encoder(place)
    encoder = untrained_encoder(encoder) if facts.untrained else encoder
    if encoder.checkpoint != facts.checkpoint:
        raise CheckpointError(
            f"{place} holds another encoder ({encoder.name}, {encoder.checkpoint}) than the one that made this "
            f"table ({facts.encoder}, {facts.checkpoint}). Name that one: --weights RUN"
        )
    for name, value in encoder.settings:
        if value != getattr(facts.settings, name):
            raise CheckpointError(
                f"this table says that {name} of its encoder is {brief(getattr(facts.settings, name))}, but of "
                f"{place} it is {brief(value)}: the table is damaged. Embed the videos again, into a new table."
            )
    return encoder


def _cut(planes: Planes, frames: Int[np.ndarray, " t"], side: int) -> Planes:
    return region(Planes(planes.luma[frames], planes.chroma[frames], planes.colour), side, (0.5, 0.5))
