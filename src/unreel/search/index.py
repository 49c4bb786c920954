"""An index over the vectors of a large table, and how well it finds.

An index (IVF) divides the vectors into partitions of alike ones, and a search looks at the nearest partitions only. How
many, is found by trying: more and more, until `WANTED` of what exact search finds is found. What was measured is noted
with the table and said with every search.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from unreel.rng import generator
from unreel.search.brute_force import cosines, unit
from unreel.search.filters import compared
from unreel.search.lance import LanceStore, claimed
from unreel.search.metadata import IndexFacts
from unreel.search.rows import vectors_of

IndexChoice = Literal["auto", "none", "always"]

FROM_ROWS = 200_000
"""Smaller tables have an index only where one is asked for: exact search takes them a few hundredths of a second."""
WANTED = 0.98
QUERIES = 200
NEAREST = 10

_CLIPS = compared("kind", "=", "clip")
_ROUNDING = 1e-6  # of similarities: rows as similar as the last of the nearest are as good


def bring_up_to_date(place: Path | str, choice: IndexChoice, *, changed: bool) -> IndexFacts | None:
    """Give a table the index it should have, or none, and measure it where the rows have `changed`.

    Raises:
        CollectionError: the table cannot be written.
    """
    with claimed(place) as store:
        facts = store.facts()
        wanted = choice == "always" or (choice == "auto" and store.count() >= FROM_ROWS)
        if not wanted and facts.index is not None:
            store.drop_index()
            store.begin(facts.with_index(None))
        elif wanted and (changed or facts.index is None):
            if facts.index is None:
                store.create_index()
            facts = facts.with_index(measured(store, facts.width))
            store.begin(facts)
        return facts.index if wanted else None


def measured(store: LanceStore, width: int) -> IndexFacts:
    """How many partitions have to be searched, and the recall@10 of that: the ten nearest clips beside the query's own.

    The queries are clips of the table, drawn at random.
    """
    rows = store.count(_CLIPS)
    chosen = generator(0, "index").choice(rows, min(QUERIES, rows), replace=False)
    queries = _at(store, np.sort(chosen), width)
    least = _similarity_of_last(store, queries)
    others = min(NEAREST, rows - 1)
    probes, recall = 1, _recall(store, queries, least, 1, others)
    while recall < WANTED and probes < rows:
        probes *= 2
        recall = _recall(store, queries, least, probes, others)
    return IndexFacts("IVF_FLAT", store.count(), probes, recall, len(queries))


def _at(store: LanceStore, places: np.ndarray, width: int) -> Float32[np.ndarray, "q c"]:
    """The directions of the clips at these places of the table."""
    found, first = [np.zeros((0, width), np.float32)], 0
    for batch in store.batches(["vector"], _CLIPS):
        here = places[(places >= first) & (places < first + len(batch))] - first
        found += [unit(vector)[None] for vector in vectors_of(batch.take(pa.array(here)))]
        first += len(batch)
    return np.concatenate(found)


def _similarity_of_last(store: LanceStore, queries: Float32[np.ndarray, "q c"]) -> Float32[np.ndarray, " q"]:
    """The similarity of the last of each query's nearest clips; the query itself is one of those found."""
    nearest = np.zeros((0, len(queries)), np.float32)
    for batch in store.batches(["vector"], _CLIPS):
        vectors = vectors_of(batch)
        directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        nearest = np.concatenate([nearest, directions @ queries.T])
        if len(nearest) > NEAREST + 1:
            nearest = np.partition(nearest, -NEAREST - 1, axis=0)[-NEAREST - 1 :]
    least: np.ndarray = nearest.min(axis=0)
    return least


def _recall(
    store: LanceStore, queries: Float32[np.ndarray, "q c"], least: Float32[np.ndarray, " q"], probes: int, others: int
) -> float:
    """Which share of the `others` nearest to each query is found; the query itself any search finds."""
    if not others:
        return 1.0
    shares = []
    for query, similarity in zip(queries, least, strict=True):
        found = store.nearest_by_index(query, others + 1, _CLIPS, probes)
        right = int((cosines(vectors_of(found), query) >= similarity - _ROUNDING).sum())
        shares.append(max(0, right - 1) / others)
    return float(np.mean(shares))
