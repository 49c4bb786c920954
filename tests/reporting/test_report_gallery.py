"""The gallery: queries drawn by rule, neighbours evaluated by a label."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from retrievals import EMPTY, changed

from unreel.evaluation.results import Neighbour, Retrieval
from unreel.reporting.gallery import NEIGHBOURS, QUERIES, common_queries, draw_queries, gallery, shown_videos, verdict
from unreel.reporting.previews import Preview


def _retrieval(encoder: str, neighbours: dict[str, list[str]]) -> Retrieval:
    hits = {query: tuple(Neighbour(video, 0.5) for video in found) for query, found in neighbours.items()}
    return changed(EMPTY, encoder=encoder, neighbours=hits)


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.integers(0, 50))
def test_queries_are_drawn_once_and_evenly_over_the_classes(classes: list[str], seed: int) -> None:
    labels = {f"video {index}": {"action": value} for index, value in enumerate(classes)}
    queries = draw_queries(list(labels), labels, seed)
    assert len(queries) == len(set(queries)) == min(QUERIES, len(classes))
    assert queries == draw_queries(list(labels), labels, seed)
    drawn, there = Counter(labels[query]["action"] for query in queries), Counter(classes)
    for value, other in ((value, other) for value in there for other in there):
        assert drawn[value] >= drawn[other] - 1 or drawn[value] == there[value]


def test_queries_are_spread_over_all_labels_at_once() -> None:
    labels = {f"{a}{b}": {"action": a, "person": b} for a in "abcd" for b in "wxyz"}
    queries = draw_queries(sorted(labels), labels, seed=3)
    assert set(Counter(query[0] for query in queries).values()) == {2}
    assert set(Counter(query[1] for query in queries).values()) == {2}


def test_videos_without_a_label_are_drawn_like_one_class() -> None:
    labels = {f"{value}{index}": {"action": value} for value in "abc" for index in range(9)}
    queries = draw_queries([*labels, *(f"plain {index}" for index in range(50))], labels, seed=0)
    assert sum(query.startswith("plain") for query in queries) == 2


def test_another_seed_draws_other_queries() -> None:
    videos = [f"video {index}" for index in range(100)]
    assert draw_queries(videos, {}, 0) != draw_queries(videos, {}, 1)


def test_only_queries_that_every_encoder_answered_are_candidates() -> None:
    one, other = _retrieval("one", {"b": [], "a": []}), _retrieval("other", {"b": [], "c": []})
    assert common_queries([one, other]) == ["b"]
    assert common_queries([one]) == ["a", "b"]
    assert common_queries([]) == []


def test_neighbours_are_cut_evaluated_and_shown_once() -> None:
    retrieval = _retrieval("hdc", {"q": ["same", "other", "plain", "d", "e", "f"]})
    shown = shown_videos(["q"], [retrieval, retrieval])
    assert shown == ["q", "same", "other", "plain", "d", "e"]
    labels = {"q": {"action": "run"}, "same": {"action": "run"}, "other": {"action": "walk"}}
    previews = {video: Preview(number, video, labels.get(video, {})) for number, video in enumerate(shown)}
    (query,) = gallery(["q"], [retrieval], previews, "action")
    ((encoder, tiles),) = query.found
    assert (encoder, query.value, len(tiles)) == ("hdc", "run", NEIGHBOURS)
    assert [(tile.value, tile.verdict) for tile in tiles[:3]] == [("run", "right"), ("walk", "wrong"), ("", "unscored")]


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        ("run", "run", "right"),
        ("run", "walk", "wrong"),
        ("", "run", "unscored"),
        ("run", "", "unscored"),
        ("", "", "unscored"),
    ],
)
def test_a_missing_label_says_nothing(wanted: str, value: str, expected: str) -> None:
    assert verdict(wanted, value) == expected
