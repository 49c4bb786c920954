"""Segments against the truth: F1 at an overlap, as action segmentation reports it.

A predicted segment is right where its intersection with a true one of its label, none of which counts twice, is at
least that share of their union (Lea et al., "Temporal Convolutional Networks for Action Segmentation and Detection",
CVPR 2017). Of equal label and without a gap, segments of a video are one.
"""

from collections.abc import Iterable

from unreel.annotations.segments import Segment, Segments

_NEARLY = 1e-3  # seconds that are no gap


def f1_score(predicted: Segments, truth: Segments, overlap: float = 0.5) -> float:
    """2 · right / (predicted + true), 0 to 1; 1 where both are empty."""
    guesses, known = joined(predicted), joined(truth)
    free = list(known)
    right = 0
    for guess in guesses:
        best = max(free, key=lambda each: _shared(guess, each), default=None)
        if best is not None and _shared(guess, best) >= overlap:
            free.remove(best)
            right += 1
    return 2 * right / (len(guesses) + len(known)) if guesses or known else 1.0


def joined(segments: Iterable[Segment]) -> list[Segment]:
    """The segments, those that follow each other under one label as one."""
    found: list[Segment] = []
    for each in sorted(segments, key=lambda each: (each.path, each.label, each.start, each.end)):
        last = found[-1] if found else None
        if last and (last.path, last.label) == (each.path, each.label) and each.start <= last.end + _NEARLY:
            found[-1] = Segment(last.path, last.start, max(last.end, each.end), last.label)
        else:
            found.append(each)
    return found


def _shared(one: Segment, other: Segment) -> float:
    """Intersection over union of their times; 0 of other videos or labels."""
    if (one.path, one.label) != (other.path, other.label):
        return 0.0
    both = min(one.end, other.end) - max(one.start, other.start)
    union = max(one.end, other.end) - min(one.start, other.start)
    return max(both, 0.0) / union if union else 1.0
