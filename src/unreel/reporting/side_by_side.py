"""Figures 1 and 4 of the paper: queries, and beside each the nearest videos that every encoder finds for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from unreel.errors import CollectionError
from unreel.evaluation.results import Retrieval
from unreel.reporting.coverage import MissingVideos, shortfalls
from unreel.reporting.gallery import GalleryQuery, common_queries, draw_queries, gallery, shown_videos, verdict
from unreel.reporting.previews import Preview, cut_previews
from unreel.reporting.scores import Setting, settings
from unreel.reporting.strips import SCREEN, Fineness
from unreel.video.collection.manifest import Manifest

Pick = Literal["random", "differing"]


@dataclass(frozen=True)
class Choosing:
    """How queries are chosen: `rows` of them, scored by the `hits` nearest videos and `label`, or those `named`."""

    label: str
    hits: int = 1
    rows: int = 4
    pick: Pick = "random"
    named: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class SideBySide:
    """The figure: a row per query, what each of the `encoders` found, and all that has to be said of it.

    `rule` says how the queries were chosen; `lost` are videos that the figure should show and cannot.
    """

    label: str
    encoders: list[str]
    rows: list[GalleryQuery]
    rule: str
    settings: list[Setting]
    shortfalls: list[MissingVideos]
    lost: list[Preview]
    previews: dict[str, Preview]

    @property
    def remarks(self) -> list[str]:
        """What is said under the figure, line by line."""
        compared = [
            f"{', '.join(each.encoders)}: {each.sentence}" if len(self.settings) > 1 else each.sentence
            for each in self.settings
        ]
        warned = ["Measured in different settings: these results do not compare."] * (len(self.settings) > 1)
        evaluated = f"Right and wrong by {self.label}. " if self.label else ""
        return [f"{evaluated}{self.rule}", *compared, *warned]


def side_by_side(
    manifest: Manifest, retrievals: Sequence[Retrieval], choosing: Choosing, fineness: Fineness = SCREEN
) -> SideBySide:
    """The figure of results on one collection, one per encoder, in their order.

    Raises:
        CollectionError: no query was answered by all encoders, a named one was not, or they differ on none.
    """
    labels = {record.id: record.labels for record in manifest.usable}
    queries, rule = choose(retrievals, labels, choosing)
    shown = shown_videos(queries, retrievals, choosing.hits)
    previews = cut_previews(manifest, shown, shown, fineness)
    return SideBySide(
        label=choosing.label,
        encoders=[each.origin.encoder for each in retrievals],
        rows=gallery(queries, retrievals, previews, choosing.label, choosing.hits),
        rule=rule,
        settings=settings(retrievals),
        shortfalls=shortfalls(retrievals),
        lost=[each for each in previews.values() if each.strip is None],
        previews=previews,
    )


def choose(
    retrievals: Sequence[Retrieval], labels: Mapping[str, Mapping[str, str]], choosing: Choosing
) -> tuple[list[str], str]:
    """The queries of a figure and the rule by which they were chosen, in words; `labels` maps a video to its labels.

    Raises:
        CollectionError: as `side_by_side` does.
    """
    candidates = common_queries(retrievals)
    if not candidates:
        raise CollectionError(
            f"the results of {', '.join(each.origin.encoder for each in retrievals)} share no query: expected those of "
            "one collection and one split. Evaluate the encoders on the same videos."
        )
    if choosing.named:
        return list(choosing.named), _named(choosing.named, candidates)
    among, total = f"{len(candidates):,} queries", len(candidates)
    if choosing.pick == "differing":
        candidates = _differing(candidates, retrievals, labels, choosing)
        nearest = "nearest video is" if choosing.hits == 1 else f"{choosing.hits} nearest videos hold one that is"
        differ = f"the encoders differ: the {nearest} right for some and not for others"
        among = f"the {len(candidates):,} (of {total:,}) queries on which {differ}"
    queries = draw_queries(candidates, labels, choosing.seed, choosing.rows)
    unseen = "; the results played no part" if choosing.pick == "random" else ""
    drawn = f"drawn at random (seed {choosing.seed}) and spread over the labels{unseen}"
    return queries, f"{len(queries)} of {among}; {drawn}."


def _named(queries: Sequence[str], candidates: Sequence[str]) -> str:
    for query in queries:
        if query not in candidates:
            near = get_close_matches(query, candidates, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {len(candidates)}, as {candidates[0]!r}"
            raise CollectionError(f"{query!r} is no query that all encoders have answered; {hint}")
    return f"{len(queries)} of {len(candidates):,} queries, chosen by hand."


def _differing(
    candidates: Sequence[str],
    retrievals: Sequence[Retrieval],
    labels: Mapping[str, Mapping[str, str]],
    choosing: Choosing,
) -> list[str]:
    """The queries for which some encoders have a right video among their hits and others not."""

    def value(video: str) -> str:
        return labels.get(video, {}).get(choosing.label, "")

    def finds(retrieval: Retrieval, query: str) -> bool:
        hits = retrieval.neighbours[query][: choosing.hits]
        return any(verdict(value(query), value(hit.id)) == "right" for hit in hits)

    found = [query for query in candidates if value(query) and len({finds(each, query) for each in retrievals}) == 2]
    if not found:
        encoders = ", ".join(each.origin.encoder for each in retrievals)
        raise CollectionError(
            f"the encoders {encoders} differ on none of {len(candidates)} queries (by the label {choosing.label!r}, "
            f"{choosing.hits} hits): choose --pick random, or other encoders."
        )
    return found
