"""From a query to what each encoder finds alike."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, final

import numpy as np
from jaxtyping import Float32

from unreel.errors import CollectionError, UnreelError
from unreel.search.store import Hit
from unreel.web.originals import Originals
from unreel.web.shelf import Shelf, Shown, Video, Wanted
from unreel.web.uploads import Upload

Kind = Literal["video", "clip"]
Vector = Float32[np.ndarray, " c"]


@dataclass(frozen=True)
class Query:
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
class Search:
    """How: whole videos or moments of them ("clip"), how many, which; `own`: also in the video that is searched for."""

    kind: Kind = "video"
    top: int = 24
    wanted: Wanted = field(default_factory=Wanted)
    own: bool = False


@dataclass(frozen=True)
class Found:
    """What one encoder finds; `note` says why it finds nothing, or what it went by instead."""

    shown: Shown
    hits: list[Hit]
    note: str = ""


@final
class Finder:
    """Finds; the encoders, for what the tables do not hold, are loaded when they are first needed."""

    def __init__(self, shelf: Shelf, originals: Originals, weights: Sequence[Path] = ()) -> None:
        self._shelf, self._originals, self._weights = shelf, originals, weights

    def find(self, query: Query, search: Search, numbers: Sequence[int]) -> list[Found]:
        """What the encoders of these numbers find.

        Raises:
            SettingsError: the condition of the search is none.
        """
        but = query.video.row.id if query.video is not None and not search.own else ""
        condition = search.wanted.condition(but=but)
        found = []
        for shown in (self._shelf.shown[number] for number in numbers):
            try:
                vector, note = self._vector(shown, query)
            except UnreelError as error:
                found.append(Found(shown, [], str(error)))
                continue
            found.append(Found(shown, shown.table.search(vector, search.top, search.kind, condition), note))
        return found

    def why_not(self, shown: Shown) -> str:
        """Why an encoder cannot be asked about what its table does not hold; empty where it can."""
        return ""

    def _vector(self, shown: Shown, query: Query) -> tuple[Vector, str]:
        assert query.video is not None
        return shown.table.vector(query.video.row.id), ""
