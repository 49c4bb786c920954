"""The map of a table: every video a point near those that its encoder finds alike; drawn once and kept.

CACHE/web/maps/3f….json     named by the vectors themselves
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import final

import numpy as np
from jaxtyping import Float32, Float64

from unreel.engine.files import write_whole
from unreel.engine.worker_pool import Lost, WorkerPool
from unreel.errors import CollectionError
from unreel.reporting.projection import project_many
from unreel.web.catalogue import CatalogueEncoder

_VERSION = "2"  # of how maps are drawn
_SEED = 0


@dataclass(frozen=True)
class Map:
    """Where videos lie: `places` in [0, 1]² from the top left, in the order of `ids`; `method` says how."""

    method: str
    ids: list[str]
    places: list[tuple[float, float]]

    def within(self, polygon: Sequence[tuple[float, float]]) -> set[str]:
        """The ids of the videos inside: a ray from their places crosses the edge an odd number of times."""
        x, y = np.array(self.places, np.float64).reshape(-1, 2).T
        inside = np.zeros(len(x), bool)
        for (from_x, from_y), (to_x, to_y) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
            if from_y != to_y:
                beside = x < from_x + (y - from_y) * (to_x - from_x) / (to_y - from_y)
                inside ^= ((from_y > y) != (to_y > y)) & beside
        return {identity for identity, each in zip(self.ids, inside, strict=True) if each}


@final
class Maps:
    """Draws maps by the processes of `pool` and keeps them in `folder`."""

    def __init__(self, folder: Path, pool: WorkerPool) -> None:
        self._folder, self._pool = folder, pool
        self._running: dict[int, asyncio.Task[Map]] = {}

    async def of(self, shown: CatalogueEncoder) -> Map:
        """The map of a table; whoever asks first waits for it to be drawn, and the others with him.

        Raises:
            CollectionError: it cannot be drawn.
        """
        if shown.number not in self._running:
            self._running[shown.number] = asyncio.create_task(self._of(shown))
        task = self._running[shown.number]
        try:
            return await asyncio.shield(task)
        finally:
            if task.done() and (task.cancelled() or task.exception()) and self._running.get(shown.number) is task:
                del self._running[shown.number]  # the next one tries again

    async def _of(self, shown: CatalogueEncoder) -> Map:
        found = await asyncio.to_thread(shown.table.vectors, "video")
        ids, vectors = found.table["id"].to_pylist(), found.vectors
        told = sha256(f"{_VERSION} {_SEED} {vectors.shape}".encode() + vectors.tobytes()).hexdigest()[:32]
        path = self._folder / f"{told}.json"
        if not path.exists():
            drawn = await asyncio.wrap_future(self._pool.submit(places_of, vectors, _SEED))
            if isinstance(drawn, Lost):
                raise CollectionError(
                    f"the map of {shown.table.place} could not be drawn ({drawn.how}). Is memory left? Ask again."
                )
            write_whole(path, json.dumps({"method": drawn[1], "places": drawn[0].round(5).tolist()}))
        content = json.loads(path.read_text(encoding="utf-8"))
        return Map(content["method"], ids, [(x, y) for x, y in content["places"]])


def places_of(vectors: Float32[np.ndarray, "n c"], seed: int) -> tuple[Float64[np.ndarray, "n 2"], str]:
    """Places in the unit square and how they were found."""
    return project_many(vectors.astype(np.float64), seed)
