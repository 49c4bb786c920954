"""Classifiers on a table's vectors: what they learn, and that nothing they are measured on was seen."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.prediction.label_classifier import CANDIDATES, Examples, LabelClassifier
from unreel.prediction.validation import Validation

WIDTH = 12


def examples(seed: int, classes: int = 3, each: int = 8, spread: float = 0.5, group: int = 0) -> Examples:
    """Videos around a point for each class; with `group`, so many that follow each other are of one group."""
    chance = np.random.default_rng(seed)
    centres = chance.normal(size=(classes, WIDTH)) * 3
    labels = [f"class {number % classes}" for number in range(classes * each)]
    vectors = np.stack([centres[number % classes] for number in range(len(labels))])
    vectors += spread * chance.normal(size=vectors.shape)
    ids = tuple(f"{number:03}.mp4" for number in range(len(labels)))
    groups = tuple(f"g{number // group}" if group else "" for number in range(len(labels)))
    return Examples(ids, vectors.astype(np.float32), tuple(labels), groups)


def test_what_is_far_apart_is_told_apart_and_said_to_be() -> None:
    known, more = examples(0), examples(0, each=20)
    classifier = LabelClassifier(known, more.vectors)
    found = classifier.shares(more.vectors)
    assert [classifier.classes[place] for place in found.argmax(axis=1)] == list(more.labels)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert classifier.model in CANDIDATES
    assert classifier.validation.accuracy == 1
    assert classifier.validation.by_class == dict.fromkeys(classifier.classes, (8, 8))
    assert classifier.validation.way == "cross-validated, 5 folds of 24 videos"


def test_copies_within_a_group_teach_nothing_about_each_other() -> None:
    chance = np.random.default_rng(1)
    vectors = np.repeat(chance.normal(size=(30, WIDTH)), 4, axis=0).astype(np.float32)
    labels = tuple(np.repeat(chance.permutation(["a", "b", "c"] * 10), 4).tolist())
    ids = tuple(f"{number:03}.mp4" for number in range(120))
    groups = tuple(f"g{number // 4}" for number in range(120))
    honest = LabelClassifier(Examples(ids, vectors, labels, groups), vectors).validation
    fooled = LabelClassifier(Examples(ids, vectors, labels, ("",) * 120), vectors).validation
    assert fooled.accuracy > 0.9
    assert honest.accuracy < 0.6
    assert honest.way == "cross-validated, 5 folds of 30 groups"
    low, high = honest.interval
    assert high - low > fooled.interval[1] - fooled.interval[0]


def test_no_video_takes_part_in_what_predicts_its_fold() -> None:
    known = examples(2, spread=4.0)
    found = LabelClassifier(known, known.vectors).validation
    for fold in np.unique(found.folds):
        own = found.folds == fold
        changed, first = known.vectors.copy(), int(np.flatnonzero(own)[0])
        changed[first] = -10
        after = LabelClassifier(replace(known, vectors=changed), known.vectors).validation
        others = own & (np.arange(len(own)) != first)
        np.testing.assert_array_equal(after.shares[others], found.shares[others])
        assert (after.shares[~own] != found.shares[~own]).any()


@given(st.integers(2, 4), st.integers(1, 6), st.integers(0, 3), st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_few_videos_are_enough(classes: int, each: int, group: int, seed: int) -> None:
    known = examples(seed, classes, each, group=group)
    if len(set(known.units)) < 2:
        return
    classifier = LabelClassifier(known, known.vectors)
    validation = classifier.validation
    for shares in (classifier.shares(known.vectors), classifier.held_out_shares(), validation.shares):
        assert shares.shape == (classes * each, classes)
        assert np.isfinite(shares).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert 0 <= validation.interval[0] <= validation.accuracy <= validation.interval[1] <= 1
    folds = dict(zip(validation.units, validation.folds.tolist(), strict=True))
    assert all(folds[unit] == fold for unit, fold in zip(validation.units, validation.folds, strict=True))


def test_what_cannot_be_learnt_is_said() -> None:
    known = examples(0)
    with pytest.raises(CollectionError, match=r"24 videos have 1 different labels \('a'\), expected two or more"):
        LabelClassifier(Examples(known.ids, known.vectors, ("a",) * 24, known.groups), known.vectors)
    with pytest.raises(CollectionError, match=r"all 24 labelled videos are of the group 'g'"):
        LabelClassifier(Examples(known.ids, known.vectors, known.labels, ("g",) * 24), known.vectors)


def test_an_interval_draws_groups_and_not_videos() -> None:
    def validation(units: tuple[str, ...]) -> Validation:
        shares = np.eye(2)[np.repeat([0, 1] * 5, 10)]
        ids = tuple(map(str, range(100)))
        return Validation("", ("a", "b"), ids, np.zeros(100, np.int64), shares, np.ones(100, np.int64), units)

    def width(found: Validation) -> float:
        low, high = found.interval
        return high - low

    alone, together = validation(tuple(map(str, range(100)))), validation(tuple(str(n // 10) for n in range(100)))
    assert alone.accuracy == together.accuracy == 0.5
    assert 0.15 < width(alone) < 0.25  # 1.96 · 2 · √(¼ / 100) = .196
    assert 0.5 < width(together) < 0.75  # 1.96 · 2 · √(¼ / 10) = .620
