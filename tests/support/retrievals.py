"""Results of retrieval that saw all and found nothing yet: tests change in them what they are about."""

from dataclasses import fields, replace
from typing import Any

from unreel.evaluation.results import Provenance, Retrieval

EMPTY = Retrieval(
    Provenance(
        encoder="hdc",
        checkpoint="",
        collection="tiny",
        protocol="gap",
        split="1",
        level=5,
        seed=0,
        seen=9,
        expected=9,
        gallery_seen=9,
        gallery_expected=9,
        queries_seen=9,
        queries_expected=9,
        missing={},
    ),
    scores=(),
    neighbours={},
)
_OF_ORIGIN = {field.name for field in fields(Provenance)}


def changed(result: Retrieval, **changes: Any) -> Retrieval:
    """The result with other values of its own or of its origin."""
    origin = {name: changes.pop(name) for name in _OF_ORIGIN & changes.keys()}
    return replace(result, origin=replace(result.origin, **origin), **changes)
