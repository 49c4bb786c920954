"""The retrieval gallery: a few queries drawn by a stated rule, and what every encoder found for them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from unreel.evaluation.results import Neighbour, Retrieval
from unreel.reporting.previews import Preview
from unreel.rng import generator

QUERIES = 8
NEIGHBOURS = 5

Verdict = Literal["right", "wrong", "unscored"]


@dataclass(frozen=True)
class Tile:
    """One found video: `value` is its label, `verdict` whether that is the query's."""

    preview: Preview
    value: str
    verdict: Verdict
    similarity: float


@dataclass(frozen=True)
class GalleryQuery:
    """One query and its nearest neighbours by encoder, scored by one label."""

    preview: Preview
    value: str
    found: list[tuple[str, list[Tile]]]


def common_queries(retrievals: Sequence[Retrieval]) -> list[str]:
    """The queries that every encoder answered, sorted."""
    return sorted(set.intersection(*(set(each.neighbours) for each in retrievals))) if retrievals else []


def draw_queries(
    candidates: Sequence[str], labels: Mapping[str, Mapping[str, str]], seed: int, most: int = QUERIES
) -> list[str]:
    """Up to `most` candidates in random order, each the next one whose label values were drawn least so far.

    `labels` maps a video to its labels; having none is a value like the others. The results play no part: nothing is
    chosen for looking good.
    """
    names = {name for video in candidates for name in labels.get(video, {})}
    values = {video: [(name, labels.get(video, {}).get(name, "")) for name in names] for video in candidates}
    waiting = [candidates[index] for index in generator(seed, "gallery").permutation(len(candidates))]
    drawn: Counter[tuple[str, str]] = Counter()
    queries: list[str] = []
    while waiting and len(queries) < most:
        query = min(waiting, key=lambda video: sum(drawn[value] for value in values[video]))
        waiting.remove(query)
        drawn.update(values[query])
        queries.append(query)
    return queries


def shown_videos(queries: Sequence[str], retrievals: Sequence[Retrieval], hits: int = NEIGHBOURS) -> list[str]:
    """Every video the gallery shows, once."""
    found = [hit.id for query in queries for each in retrievals for hit in each.neighbours[query][:hits]]
    return list(dict.fromkeys([*queries, *found]))


def gallery(
    queries: Sequence[str],
    retrievals: Sequence[Retrieval],
    previews: Mapping[str, Preview],
    label: str,
    hits: int = NEIGHBOURS,
) -> list[GalleryQuery]:
    """The queries with their `hits` nearest neighbours, scored by `label`."""
    return [
        GalleryQuery(
            preview=previews[query],
            value=previews[query].labels.get(label, ""),
            found=[
                (each.origin.encoder, _tiles(query, each.neighbours[query][:hits], previews, label))
                for each in retrievals
            ],
        )
        for query in queries
    ]


def _tiles(query: str, hits: Sequence[Neighbour], previews: Mapping[str, Preview], label: str) -> list[Tile]:
    wanted = previews[query].labels.get(label, "")
    tiles = []
    for hit in hits:
        value = previews[hit.id].labels.get(label, "")
        tiles.append(Tile(previews[hit.id], value, verdict(wanted, value), hit.similarity))
    return tiles


def verdict(wanted: str, value: str) -> Verdict:
    """Whether a neighbour's label is the query's; a video without a label scores nothing."""
    if not wanted or not value:
        return "unscored"
    return "right" if wanted == value else "wrong"
