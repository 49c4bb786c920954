"""Which videos of a collection a report shows where, drawn by chance where there are too many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unreel.evaluation.results import Retrieval
from unreel.reporting.gallery import common_queries, draw_queries, shown_videos
from unreel.rng import generator
from unreel.video.collection.manifest import Manifest

MOST_ON_MAP = 2000
MOST_MOVING = 400
REEL = 12


@dataclass(frozen=True)
class ReportSelection:
    """Which videos the page shows where: `queries` of those `answered`, `mapped` of those `embedded`."""

    queries: list[str]
    answered: int
    in_gallery: list[str]
    mapped: list[str]
    embedded: int
    moving: list[str]
    reel: list[str]

    @property
    def shown(self) -> list[str]:
        """All of them, once."""
        return list(dict.fromkeys([*self.reel, *self.in_gallery, *self.mapped]))

    @property
    def with_strip(self) -> set[str]:
        """Those that move."""
        return {*self.reel, *self.in_gallery, *self.moving}


def select(
    manifest: Manifest,
    retrievals: Sequence[Retrieval],
    vectors: Mapping[str, Mapping[str, np.ndarray]],
    seed: int,
    *,
    all_move: bool,
) -> ReportSelection:
    """The choice for a page on which `all_move` that are on a map, or only a sample of them."""
    candidates = common_queries(retrievals)
    queries = draw_queries(candidates, {record.id: record.labels for record in manifest.usable}, seed)
    embedded = sorted({video for each in vectors.values() for video in each})
    mapped = _sample(embedded, MOST_ON_MAP, seed, "map")
    return ReportSelection(
        queries=queries,
        answered=len(candidates),
        in_gallery=shown_videos(queries, retrievals),
        mapped=mapped,
        embedded=len(embedded),
        moving=mapped if all_move else _sample(mapped, MOST_MOVING, seed, "moving"),
        reel=_sample([record.id for record in manifest.usable], REEL, seed, "reel"),
    )


def _sample(videos: Sequence[str], most: int, seed: int, purpose: str) -> list[str]:
    """At most that many of the videos, in their order."""
    if len(videos) <= most:
        return list(videos)
    kept = generator(seed, "report", purpose).choice(len(videos), most, replace=False)
    return [videos[index] for index in sorted(kept)]
