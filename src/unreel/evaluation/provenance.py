"""Where a figure comes from: all that must be the same for two figures to compare, and how many videos were seen."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Provenance:
    """What was judged on what; the fields are those of `unreel.evaluation.results.Retrieval`."""

    encoder: str
    checkpoint: str
    collection: str
    protocol: str
    split: str
    level: int
    seed: int
    seen: int
    expected: int
    missing: tuple[str, ...]
    gallery_seen: int
    gallery_expected: int
    queries_seen: int
    queries_expected: int
    reasons: dict[str, str] = field(default_factory=dict, repr=False)
