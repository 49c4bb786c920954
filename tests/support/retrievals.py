"""A result of retrieval that saw all and found nothing yet: tests replace in it what they are about."""

from unreel.evaluation.results import Retrieval

EMPTY = Retrieval(
    encoder="hdc",
    checkpoint="",
    collection="tiny",
    protocol="gap",
    split="1",
    level=5,
    seed=0,
    seen=9,
    expected=9,
    missing=(),
    scores=(),
    neighbours={},
)
