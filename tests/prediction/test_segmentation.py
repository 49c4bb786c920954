"""Segments from windows: against a loop over moments, and what their scores mean."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.annotations.segments import Segment, Segments
from unreel.prediction.segment_scores import f1_score, joined
from unreel.prediction.segmentation import SegmentOptions, segments_of
from unreel.search.metadata import DenseWindows

CLASSES = ("run", "sit", "walk")


def windows(count: int, every: float, window: float) -> np.ndarray:
    return np.array([(number * every, number * every + window) for number in range(count)], np.float64)


def options(every: float = 0.5, window: float = 1.5, **more: float) -> SegmentOptions:
    return SegmentOptions(DenseWindows(every, window), **more)


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=30),
    st.sampled_from([0.2, 0.5, 1.0]),
    st.sampled_from([0.3, 1.0, 2.5]),
    st.sampled_from([0.0, 0.7, 1.5]),
)
def test_every_moment_has_the_label_that_its_windows_are_likeliest_to_be(
    likely: list[int], every: float, window: float, shortest: float
) -> None:
    chance = np.random.default_rng(sum(likely))
    shares = 0.2 + np.eye(3)[likely] + 0.1 * chance.random((len(likely), 3))
    shares /= shares.sum(axis=1, keepdims=True)
    spans = windows(len(likely), every, window)
    end = float(spans[-1, 1])
    found = list(segments_of("a.mp4", spans, shares, end, CLASSES, options(every, window, shortest=shortest)))
    assert found[0].start == 0.0
    assert found[-1].end == pytest.approx(end, abs=1e-3)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert all(one.label != other.label for one, other in pairwise(found))
    if len(found) > 1:
        assert min(each.end - each.start for each in found) >= shortest - 2e-3
    if shortest == 0:
        for number in range(len(likely) - 1):
            middle = (number + 0.5) * every
            over = [share for (start, stop), share in zip(spans, shares, strict=True) if start <= middle < stop]
            best = CLASSES[int(np.mean(over or [shares[number]], axis=0).argmax())]
            (here,) = (each for each in found if each.start <= middle < each.end)
            assert here.label == best


def test_what_is_not_sure_is_a_gap() -> None:
    shares = np.array([[0.9, 0.1, 0.0]] * 4 + [[0.4, 0.35, 0.25]] * 4 + [[0.0, 0.1, 0.9]] * 4)
    found = list(
        segments_of("a.mp4", windows(12, 1.0, 1.0), shares, 12.0, CLASSES, options(1.0, 1.0, unknown_below=0.8))
    )
    assert [(each.start, each.end, each.label) for each in found] == [(8.0, 12.0, "walk")]
    found = list(segments_of("a.mp4", windows(12, 1.0, 1.0), shares, 12.0, CLASSES, options(1.0, 1.0)))
    assert [(each.start, each.end, each.label, each.confidence) for each in found] == [
        (0.0, 8.0, "run", 0.65),
        (8.0, 12.0, "walk", 0.9),
    ]


def test_a_short_one_goes_to_the_likelier_side() -> None:
    shares = np.array([[0.9, 0.1, 0.0]] * 4 + [[0.1, 0.5, 0.4]] + [[0.0, 0.1, 0.9]] * 4)
    found = list(segments_of("a.mp4", windows(9, 1.0, 1.0), shares, 9.0, CLASSES, options(1.0, 1.0, shortest=2.0)))
    assert [(each.start, each.end, each.label) for each in found] == [(0.0, 4.0, "run"), (4.0, 9.0, "walk")]


def segment(start: float, end: float, label: str = "run") -> Segment:
    return Segment("a.mp4", float(start), float(end), label)


def test_scores_are_those_of_segments_that_overlap_enough() -> None:
    truth = Segments([segment(0, 10), segment(10, 20, "walk"), segment(30, 40)])
    assert f1_score(truth, truth) == 1
    assert f1_score(Segments(), truth) == 0
    assert f1_score(Segments(), Segments()) == 1
    guesses = Segments([segment(0, 4), segment(12, 20, "walk"), segment(29, 36), segment(50, 51)])
    assert f1_score(guesses, truth) == pytest.approx(2 * 2 / (4 + 3))  # .4 is too little, .8 and 6/11 are enough
    assert f1_score(Segments([segment(0, 5), segment(5, 10)]), Segments([segment(0, 10)])) == 1  # one, without a gap
    twice = Segments([segment(0, 10), segment(0, 9, "walk")])
    assert len(joined(twice)) == 2
