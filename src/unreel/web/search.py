"""From a query to what each encoder finds alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Final, Literal, final

import numpy as np
from jaxtyping import Float32

from unreel.checkpoint import place_of
from unreel.engine.worker_pool import WorkerPool
from unreel.errors import CheckpointError, UnreelError, VideoError
from unreel.search.moments import Moment, search_moments
from unreel.search.query import QueryEncoder
from unreel.web.catalogue import Catalogue, CatalogueEncoder, Video, VideoFilter
from unreel.web.source_files import Originals
from unreel.web.uploads import Upload

NEAR_DUPLICATE: Final = 0.999
"""Hits at least so similar to each other are shown once, where that is asked for."""

_VECTORS_KEPT = 500  # of pieces and uploads: a filter or another page of the same query costs nothing


@dataclass(frozen=True)
class SearchInput:
    """What is searched for: a video of the collection or one that was sent, or a `piece` of it (seconds)."""

    video: Video | None = None
    upload: Upload | None = None
    piece: tuple[float, float] | None = None

    @property
    def duration(self) -> float:
        """Seconds of the whole video."""
        if self.upload is not None:
            return self.upload.seconds
        assert self.video is not None
        return self.video.row.end

    @property
    def span(self) -> tuple[float, float]:
        """What is searched for, in seconds."""
        return self.piece or (0.0, self.duration)


@dataclass(frozen=True)
class SearchOptions:
    """How: whole videos or moments of them ("clip"), how many, which.

    `own`: also in the video that is searched for; `once`: near duplicates of each other once.
    """

    kind: Literal["video", "clip"] = "video"
    top: int = 24
    wanted: VideoFilter = field(default_factory=VideoFilter)
    own: bool = False
    once: bool = False


@dataclass(frozen=True)
class EncoderResults:
    """What one encoder finds; `note` says why it finds nothing."""

    shown: CatalogueEncoder
    moments: list[Moment]
    note: str = ""


@dataclass(frozen=True)
class _File:
    """A file, what to call it, and a text that tells it from what was at its path before."""

    path: Path
    name: str
    version: str


@final
class Finder:
    """Finds. Encoders, for what tables do not hold, are loaded when first needed; `pool` decodes for them.

    `weights` say where encoders are that have moved since they embedded; each is known by its checksum.

    Raises:
        CheckpointError: there is nothing where weights should be.
    """

    def __init__(
        self, catalogue: Catalogue, originals: Originals, pool: WorkerPool, weights: Sequence[Path] = ()
    ) -> None:
        for place in weights:
            if not place_of(place).exists():
                raise CheckpointError(f"{place} is not there: name a run folder or a weights file with --weights.")
        self._catalogue, self._originals, self._pool, self._weights = catalogue, originals, pool, weights
        self._encoders: dict[int, QueryEncoder] = {}
        self._locks = [Lock() for _ in catalogue.shown]
        self._computed = lru_cache(_VECTORS_KEPT)(self._compute)

    def find(self, query: SearchInput, search: SearchOptions, numbers: Sequence[int]) -> list[EncoderResults]:
        """What the encoders of these numbers find.

        Raises:
            SettingsError: the condition of the search is none.
        """
        but = query.video.row.id if query.video is not None and not search.own else ""
        condition = search.wanted.condition(but=but)
        same = NEAR_DUPLICATE if search.once else None
        found = []
        for shown in (self._catalogue.shown[number] for number in numbers):
            try:
                vector = self._vector(shown, query)
            except UnreelError as error:
                found.append(EncoderResults(shown, [], str(error)))
                continue
            moments = search_moments(shown.table, vector, search.top, search.kind, condition, same=same)
            found.append(EncoderResults(shown, moments))
        return found

    def why_not(self, shown: CatalogueEncoder) -> str:
        """Why an encoder cannot be asked about pieces and uploads; empty where it can, as far as is known."""
        if shown.number in self._encoders or self._weights or Path(shown.table.facts.weights).exists():
            return ""
        return (
            f"{shown.name} was at {shown.table.facts.weights}, where nothing is now: only whole videos of the "
            "collection can be searched for. Start the server with --weights RUN."
        )

    def _vector(self, shown: CatalogueEncoder, query: SearchInput) -> Float32[np.ndarray, " c"]:
        """What a query is searched by: taken from the table where it holds that, otherwise computed.

        Raises:
            UnreelError: neither can be; the message says why.
        """
        if query.upload is not None:
            return self._computed(shown, _File(query.upload.original, query.upload.name, query.upload.key), query.piece)
        assert query.video is not None
        if query.piece is None and query.video.row.id in shown.ids:
            return shown.table.vector(query.video.row.id)
        original = self._originals.find(query.video.row)
        if original.path is None:
            raise VideoError(f"{query.video.row.id}: {original.reason}.")
        return self._computed(shown, _File(original.path, query.video.row.id, original.version), query.piece)

    def _compute(
        self, shown: CatalogueEncoder, file: _File, piece: tuple[float, float] | None
    ) -> Float32[np.ndarray, " c"]:
        at, seconds = (None, None) if piece is None else (piece[0], piece[1] - piece[0])
        with self._locks[shown.number]:
            encoder = self._encoders.get(shown.number) or self._load(shown)
            try:
                return encoder.query(file.path, at, seconds).vector
            except VideoError as error:  # which names a path of this machine
                raise VideoError(f"{file.name} cannot be searched for: {error.__cause__ or error}.") from error

    def _load(self, shown: CatalogueEncoder) -> QueryEncoder:
        """The encoder of a table: the first of the weights that are its own, or those where it was.

        Raises:
            CheckpointError: none of them are.
        """
        for place in (*self._weights, None):
            try:
                encoder = QueryEncoder.of(shown.table.facts, weights=place, pool=self._pool)
            except CheckpointError:
                if place is None:
                    raise
            else:
                self._encoders[shown.number] = encoder
                break
        return self._encoders[shown.number]
