"""Where a figure comes from: all that must be the same for two figures to compare, and how many videos were seen."""

from dataclasses import dataclass, field

from unreel.evaluation.results import Natural


@dataclass(frozen=True)
class Provenance:
    """What was evaluated on what; the fields are those of `unreel.evaluation.results.Retrieval`."""

    encoder: str
    checkpoint: str
    collection: str
    protocol: str
    split: str
    level: Natural | str
    seed: Natural
    seen: Natural
    expected: Natural
    missing: tuple[str, ...]
    gallery_seen: Natural
    gallery_expected: Natural
    queries_seen: Natural
    queries_expected: Natural
    reasons: dict[str, str] = field(default_factory=dict, repr=False)
