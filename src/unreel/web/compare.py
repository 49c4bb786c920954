"""What several encoders find for one query, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from unreel.reporting.gallery import Verdict, verdict
from unreel.web.schemas import Answer, HitModel


@dataclass(frozen=True)
class RankedHit:
    """A hit at its rank (from 1); `elsewhere` says at which rank each other encoder has it, where it does."""

    rank: int
    hit: HitModel
    verdict: Verdict
    elsewhere: list[str]


@dataclass(frozen=True)
class Column:
    """What one encoder finds; `right` of its hits have the query's label, `shared` are also found by all the others."""

    answer: Answer
    places: list[RankedHit]
    right: int
    shared: int


def side_by_side(answers: Sequence[Answer], label: str) -> list[Column]:
    """A column for each encoder; `label` is the query's, by which hits are right, or "".

    Moments are the same where they overlap.
    """
    columns = []
    for answer in answers:
        others = [other for other in answers if other is not answer]
        places = []
        for rank, hit in enumerate(answer.hits, start=1):
            ranks = {other.name: _rank(hit, other) for other in others}
            elsewhere = [f"no. {found} in {name}" for name, found in ranks.items() if found is not None]
            places.append(RankedHit(rank, hit, verdict(label, hit.video.label), elsewhere))
        right = sum(place.verdict == "right" for place in places)
        shared = sum(len(place.elsewhere) == len(others) for place in places) if others else 0
        columns.append(Column(answer, places, right, shared))
    return columns


def _rank(hit: HitModel, answer: Answer) -> int | None:
    """At which rank an answer has a hit, from 1."""
    for rank, other in enumerate(answer.hits, start=1):
        if other.video.key == hit.video.key and other.start < hit.end and hit.start < other.end:
            return rank
    return None
