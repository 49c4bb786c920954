"""Votes of neighbours against slow loops."""

from dataclasses import replace

import by_the_book
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trials import one_out, two_sides

from unreel.evaluation.knn import knn, vote

found = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([0.9, 0.5, 0.1, -0.3])), min_size=1, max_size=8)


@given(found=found, weighted=st.booleans())
def test_votes_equal_the_loops(found: list[tuple[str, float]], weighted: bool) -> None:
    nearest_first = sorted(found, key=lambda each: -each[1])
    labels, similarities = zip(*nearest_first, strict=True)
    expected = by_the_book.vote(labels, similarities, 0.07 if weighted else None)
    assert vote(nearest_first, weighted=weighted) == expected


def test_a_tie_goes_to_the_nearest_and_weights_can_outvote_it() -> None:
    assert vote([("a", 0.9), ("b", 0.8), ("b", 0.7), ("a", 0.1)], weighted=False) == "a"
    assert vote([("b", 0.9), ("a", 0.5), ("a", 0.4)], weighted=False) == "a"
    assert vote([("b", 0.9), ("a", 0.5), ("a", 0.4)], weighted=True) == "b"
    assert vote([], weighted=True) == ""


@pytest.mark.parametrize("centred", [False, True])
def test_every_query_is_told_by_its_nearest(centred: bool) -> None:
    chance = np.random.default_rng(0)
    trial = two_sides(chance.normal(size=(31, 3)), [f"{number}" for number in chance.integers(3, size=31)], known=22)
    said = knn(trial, "class", centred=centred)
    assert list(said) == ["k=1", "k=5", "k=20", "k=5 weighted", "k=20 weighted"]
    gallery, queries = trial.vectors[:22], trial.vectors[22:]
    if centred:
        gallery, queries = gallery - gallery.mean(axis=0), queries - queries.mean(axis=0)
    for video, vector in zip(trial.queries, queries, strict=True):
        order = by_the_book.order(vector.tolist(), gallery.tolist(), range(22))
        labels = [trial.gallery[row].labels["class"] for row in order]
        similarities = [by_the_book.cosine(vector.tolist(), gallery[row].tolist()) for row in order]
        for column, k, temperature in (("k=1", 1, None), ("k=20", 20, None), ("k=5 weighted", 5, 0.07)):
            assert said[column][video.id] == by_the_book.vote(labels[:k], similarities[:k], temperature)


def test_one_out_asks_other_groups_and_a_k_beyond_the_gallery_is_left_out() -> None:
    trial = one_out(np.eye(4) + 0.1, ["a", "a", "b", "b"], ["p", "p", "q", "q"])
    said = knn(trial, "class", centred=False)
    assert list(said) == ["k=1"]
    assert said["k=1"] == {"0": "b", "1": "b", "2": "a", "3": "a"}


def test_videos_of_one_group_have_nobody_to_ask() -> None:
    trial = one_out(np.eye(2), ["a", "a"], ["p", "p"])
    assert knn(replace(trial), "class", centred=False) == {"k=1": {"0": "", "1": ""}}
