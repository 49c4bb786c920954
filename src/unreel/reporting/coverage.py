"""Figures that are about fewer videos than expected: how many, which and why; a figure of such a result is marked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from unreel.evaluation.recognition import Recognition
from unreel.evaluation.results import Retrieval

NAMED = 3


@dataclass(frozen=True)
class MissingVideos:
    """Results, by the names they are shown under, that have seen `seen` of `expected` videos; `missing` says why."""

    names: tuple[str, ...]
    seen: int
    expected: int
    missing: dict[str, str]

    @property
    def count(self) -> str:
        """`3,780 of 3,783 videos seen`."""
        return f"{self.seen:,} of {self.expected:,} videos seen"

    @property
    def sentence(self) -> str:
        """All of it in one line, for paper: a few of the missing are named, without their reasons."""
        return f"{', '.join(self.names)}: {self.count}; not seen: {some_of(list(self.missing))}"


def some_of(videos: Sequence[str]) -> str:
    """The first few by name, and how many more there are."""
    more = [f"{len(videos) - NAMED:,} more"] if len(videos) > NAMED else []
    return ", ".join([*videos[:NAMED], *more])


def shortfalls(retrievals: Sequence[Retrieval]) -> list[MissingVideos]:
    """The retrievals that saw less than expected; those that lack the same videos together."""
    return _merge(
        MissingVideos((each.encoder,), each.seen, each.expected, each.missing)
        for each in (retrieval.origin for retrieval in retrievals)
    )


def recognition_shortfalls(tests: Iterable[tuple[str, Recognition]]) -> list[MissingVideos]:
    """The same of tests of recognition, by name."""
    return _merge(MissingVideos((name,), each.seen, each.expected, each.missing) for name, each in tests)


def _merge(found: Iterable[MissingVideos]) -> list[MissingVideos]:
    merged: list[MissingVideos] = []
    for each in found:
        if each.seen >= each.expected:
            continue
        for place, other in enumerate(merged):
            if (other.seen, other.expected, other.missing) == (each.seen, each.expected, each.missing):
                names = tuple(dict.fromkeys((*other.names, *each.names)))
                merged[place] = MissingVideos(names, each.seen, each.expected, each.missing)
                break
        else:
            merged.append(each)
    return merged
