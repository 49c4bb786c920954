"""The map of a table: every video a point near those that its encoder finds alike; drawn once and kept.

CACHE/web/maps/3f….json     named by the vectors themselves
"""

import asyncio
import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, final

import numpy as np
from jaxtyping import Float32, Float64

from unreel.engine.files import write_whole
from unreel.engine.worker_pool import Lost, WorkerPool
from unreel.errors import CollectionError
from unreel.reporting.projection import project
from unreel.rng import generator
from unreel.web.catalogue import CatalogueEncoder

MOST: Final = 3000
"""Points of a map; of more videos that many are drawn at random, as t-SNE takes minutes for them."""

_VERSION = "1"  # of how maps are drawn
_SEED = 0


@dataclass(frozen=True)
class Map:
    """Where videos lie: `places` in [0, 1]² from the top left, in the order of `ids`; `method` says how it was found.

    `videos` is how many the table holds.
    """

    method: str
    ids: list[str]
    places: list[tuple[float, float]]
    videos: int


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
        ids, vectors, videos = await asyncio.to_thread(_drawn, shown)
        told = sha256(f"{_VERSION} {_SEED} {vectors.shape}".encode() + vectors.tobytes()).hexdigest()[:32]
        path = self._folder / f"{told}.json"
        if not path.exists():
            found = await asyncio.wrap_future(self._pool.submit(places_of, vectors, _SEED))
            if isinstance(found, Lost):
                raise CollectionError(
                    f"the map of {shown.table.place} could not be drawn ({found.how}). Is memory left? Ask again."
                )
            write_whole(path, json.dumps({"method": found[1], "places": found[0].round(5).tolist()}))
        content = json.loads(path.read_text(encoding="utf-8"))
        return Map(content["method"], ids, [(x, y) for x, y in content["places"]], videos)


def places_of(vectors: Float32[np.ndarray, "n c"], seed: int) -> tuple[Float64[np.ndarray, "n 2"], str]:
    """Places in the unit square and how they were found."""
    return project(vectors.astype(np.float64), seed)


def _drawn(shown: CatalogueEncoder) -> tuple[list[str], Float32[np.ndarray, "n c"], int]:
    """The ids and vectors of the videos on the map, and how many videos there are."""
    found = shown.table.vectors("video")
    ids, vectors = found.table["id"].to_pylist(), found.vectors
    if len(ids) <= MOST:
        return ids, vectors, len(ids)
    kept = np.sort(generator(_SEED, "web", "map").choice(len(ids), MOST, replace=False))
    return [ids[place] for place in kept], vectors[kept], len(ids)
