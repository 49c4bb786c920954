"""What runs and results are called where several are shown."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unreel.evaluation.results import Retrieval


def names_apart(paths: Sequence[Path]) -> list[str]:
    """The folders' own names, or the whole path where two share one."""
    names = [path.resolve().name for path in paths]
    return [name if names.count(name) == 1 else str(path) for name, path in zip(names, paths, strict=True)]


def encoders_apart(results: Iterable[tuple[str, "Retrieval"]]) -> "list[Retrieval]":
    """The results with encoders that no other is called by: where two share a name, that of their place follows it.

    Those that learnt nothing come first. Results found twice (of one untrained encoder that several runs began with)
    count once.
    """
    from unreel.reporting.scores import learnt_nothing

    distinct: dict[tuple[str, ...], tuple[str, Retrieval]] = {}
    for place, each in results:
        origin = each.origin
        key = (origin.encoder, origin.checkpoint, origin.collection, origin.protocol, str(origin.level), origin.split)
        distinct.setdefault(key, (place, each))
    weights: dict[str, set[tuple[str, str]]] = {}
    for place, each in distinct.values():
        weights.setdefault(each.origin.encoder, set()).add((place, each.origin.checkpoint))
    named = [
        replace(each, origin=replace(each.origin, encoder=f"{name} ({place})")) if len(weights[name]) > 1 else each
        for place, each in distinct.values()
        for name in (each.origin.encoder,)
    ]
    return sorted(named, key=lambda each: not learnt_nothing(each.origin.encoder))
