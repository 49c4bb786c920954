"""What several encoders find for one query, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from unreel.web.schemas import Answer, Hit

Verdict = Literal["right", "wrong", "unjudged"]


@dataclass(frozen=True)
class Place:
    """A hit at its rank (from 1); `elsewhere` says at which rank each other encoder has it, where it does."""

    rank: int
    hit: Hit
    verdict: Verdict
    elsewhere: list[str]


@dataclass(frozen=True)
class Column:
    """What one encoder finds; `right` of its hits have the query's label, `shared` are also found by all the others."""

    answer: Answer
    places: list[Place]
    right: int
    shared: int


def side_by_side(answers: Sequence[Answer], label: str) -> list[Column]:
    """A column for each encoder; `label` is the query's, which judges the hits, or ""."""
    ranks = [{_name(hit): rank for rank, hit in enumerate(answer.hits, start=1)} for answer in answers]
    columns = []
    for number, answer in enumerate(answers):
        others = [(other.name, ranks[place]) for place, other in enumerate(answers) if place != number]
        places = [
            Place(
                rank,
                hit,
                _verdict(hit.video.label, label),
                [f"{name}: {found[_name(hit)]}" for name, found in others if _name(hit) in found],
            )
            for rank, hit in enumerate(answer.hits, start=1)
        ]
        right = sum(place.verdict == "right" for place in places)
        shared = sum(len(place.elsewhere) == len(others) for place in places) if others else 0
        columns.append(Column(answer, places, right, shared))
    return columns


def _name(hit: Hit) -> str:
    return hit.item.partition("~")[0]


def _verdict(found: str, label: str) -> Verdict:
    if not (label and found):
        return "unjudged"
    return "right" if found == label else "wrong"
