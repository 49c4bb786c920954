"""The map: every vector a place, whatever the vectors are; every class a mark of its own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unreel.reporting.projection import COLOURS, embedding_map, marks, project, project_many


@pytest.mark.parametrize(
    ("count", "method"), [(1, "nothing to spread out"), (2, "PCA"), (9, "PCA"), (10, "t-SNE, perplexity 3, seed 0")]
)
def test_the_method_suits_the_number_of_videos(count: int, method: str) -> None:
    places, name = project(np.random.default_rng(0).normal(size=(count, 16)), 0)
    assert places.shape == (count, 2)
    assert method in name


def test_groups_stay_together() -> None:
    chance = np.random.default_rng(0)
    groups = np.repeat(np.eye(3, 32) * 8, 20, axis=0)
    places, _ = project(groups + chance.normal(size=groups.shape), 0)
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.eye(60) * 9
    assert (distances.argmin(axis=1) // 20 == np.arange(60) // 20).all()


def test_of_many_vectors_some_are_spread_out_and_the_others_lie_among_those_like_them() -> None:
    chance = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 50)
    vectors = np.eye(3)[groups] * 8 + chance.normal(size=(150, 3)) * 0.2
    places, method = project_many(vectors, 0, most=45)
    assert method.endswith("of 45, the others beside those that they are most like")
    assert places.shape == (150, 2)
    assert np.all((places >= 0) & (places <= 1))
    centres = np.array([np.median(places[groups == group], axis=0) for group in range(3)])
    nearest = np.argmin(np.linalg.norm(places[:, None] - centres, axis=2), axis=1)
    assert (nearest == groups).all()
    again, _ = project_many(vectors, 0, most=45)
    assert np.array_equal(places, again)
    few, alone = project_many(vectors, 0, most=150)
    assert np.array_equal(few, project(vectors, 0)[0])
    assert alone == project(vectors, 0)[1]


def test_the_same_seed_draws_the_same_map() -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 8))
    np.testing.assert_array_equal(project(vectors, 4)[0], project(vectors, 4)[0])


@given(
    count=st.integers(1, 9),
    width=st.integers(1, 5),
    copies=st.booleans(),
    scale=st.sampled_from([0.0, 1e-30, 1.0, 1e30]),
)
def test_places_lie_in_the_unit_square(count: int, width: int, copies: bool, scale: float) -> None:
    vectors = np.random.default_rng(count).normal(size=(1 if copies else count, width)) * scale
    places, _ = project(np.broadcast_to(vectors, (count, width)), 0)
    assert np.isfinite(places).all()
    assert (places >= 0).all()
    assert (places <= 1).all()


@settings(max_examples=8)
@given(count=st.integers(10, 25), width=st.integers(1, 3), distinct=st.integers(2, 25))
def test_tsne_takes_repeated_and_narrow_vectors(count: int, width: int, distinct: int) -> None:
    few = np.random.default_rng(width).normal(size=(distinct, width))
    places, _ = project(few[np.arange(count) % distinct], 0)
    assert np.isfinite(places).all()


def test_a_collapsed_encoder_is_a_single_place() -> None:
    places, name = project(np.ones((20, 8)), 0)
    assert (places == 0.5).all()
    assert name == "all vectors point the same way: nothing to spread out"


def test_vectors_that_are_missing_or_not_finite_are_left_out() -> None:
    vectors = {"a": np.array([1.0, 2.0]), "b": np.array([np.nan, 0.0]), "c": np.array([3.0, -1.0])}
    found = embedding_map("hdc", vectors, ["a", "b", "c", "d"], 0)
    assert found.videos == ["a", "c"]
    assert found.method == "PCA; 1 with a vector that is not finite are left out"
    assert embedding_map("hdc", {}, ["a"], 0).places == []


def test_forty_classes_can_be_told_apart() -> None:
    found = marks([f"class {index:02}" for index in range(40)])
    assert len({(mark.colour, mark.shape) for mark in found}) == 40


@given(st.lists(st.sampled_from(["", *map(str, range(60))])))
def test_every_video_is_counted_under_one_mark(values: list[str]) -> None:
    found = marks(values)
    assert sum(mark.count for mark in found) == len(values)
    assert {mark.value for mark in found} == set(values)
    assert all((mark.colour == COLOURS) == (mark.value == "") for mark in found)
