"""The figure of queries and hits: chosen by a stated rule, never for looking good."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from retrievals import EMPTY, changed

from unreel.errors import CollectionError
from unreel.evaluation.results import Neighbour, Retrieval
from unreel.reporting.side_by_side import Choosing, choose, side_by_side
from unreel.reporting.strips import PAPER

Make = Callable[..., Any]


def _retrieval(encoder: str, found: dict[str, str]) -> Retrieval:
    """One hit of each query."""
    return changed(EMPTY, encoder=encoder, neighbours={query: (Neighbour(hit, 0.5),) for query, hit in found.items()})


LABELS = {name: {"action": name[0]} for name in ("a1", "a2", "b1", "b2", "c1")}


def test_differing_queries_are_those_that_some_answer_rightly_and_others_not() -> None:
    one = _retrieval("sc", {"a1": "a2", "b1": "b2", "c1": "a1"})
    other = _retrieval("hdc", {"a1": "b1", "b1": "b2", "c1": "b1"})
    queries, rule = choose([one, other], LABELS, Choosing("action", pick="differing"))
    assert queries == ["a1"]
    assert rule == (
        "1 of the 1 (of 3) queries on which the encoders differ: the nearest video is right for some and not for "
        "others; drawn at random (seed 0) and spread over the labels."
    )
    with pytest.raises(CollectionError, match=r"sc, sc differ on none of 3 queries .*'action', 1 hits.*--pick random"):
        choose([one, one], LABELS, Choosing("action", pick="differing"))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("ab"), st.sampled_from("ab")), min_size=1))
def test_every_differing_query_can_be_drawn_and_no_other(table: list[tuple[str, str, str]]) -> None:
    labels = {f"q{n}": {"action": own} for n, (own, _, _) in enumerate(table)} | {v: {"action": v} for v in "ab"}
    encoders = [_retrieval(str(place), {f"q{n}": row[place] for n, row in enumerate(table)}) for place in (1, 2)]
    differing = {f"q{n}" for n, (own, one, other) in enumerate(table) if (one == own) != (other == own)}
    choosing = Choosing("action", rows=99, pick="differing")
    if differing:
        assert set(choose(encoders, labels, choosing)[0]) == differing
    else:
        with pytest.raises(CollectionError):
            choose(encoders, labels, choosing)


def test_with_more_hits_one_right_one_is_enough() -> None:
    one = changed(EMPTY, neighbours={"a1": (Neighbour("b1", 0.9), Neighbour("a2", 0.8))})
    other = changed(EMPTY, encoder="tc", neighbours={"a1": (Neighbour("b1", 0.9), Neighbour("b2", 0.8))})
    queries, rule = choose([one, other], LABELS, Choosing("action", hits=2, pick="differing"))
    assert queries == ["a1"]
    assert "the 2 nearest videos hold one that is right for some and not for others" in rule
    with pytest.raises(CollectionError):
        choose([one, other], LABELS, Choosing("action", hits=1, pick="differing"))


def test_random_queries_are_drawn_without_the_results() -> None:
    found = {f"q{number}": "a1" for number in range(40)}
    worse = dict.fromkeys(found, "b1")
    queries, rule = choose([_retrieval("sc", found)], LABELS, Choosing("action", rows=5, seed=3))
    assert queries == choose([_retrieval("sc", worse)], LABELS, Choosing("action", rows=5, seed=3))[0]
    assert len(queries) == 5
    assert rule == ("5 of 40 queries; drawn at random (seed 3) and spread over the labels; the results played no part.")


def test_named_queries_are_said_to_be_chosen_by_hand() -> None:
    retrieval = _retrieval("sc", {"a1": "a2", "b1": "b2"})
    assert choose([retrieval], LABELS, Choosing("", named=("b1",))) == (["b1"], "1 of 2 queries, chosen by hand.")
    with pytest.raises(CollectionError, match=r"'b11' is no query that all encoders have answered; did you mean 'b1'"):
        choose([retrieval], LABELS, Choosing("", named=("b11",)))
    with pytest.raises(CollectionError, match=r"'x' is no query .*; there are 2, as 'a1'"):
        choose([retrieval], LABELS, Choosing("", named=("x",)))


def test_results_that_share_no_query_do_not_compare() -> None:
    with pytest.raises(CollectionError, match="results of sc, hdc share no query: expected those of one collection"):
        choose([_retrieval("sc", {"a1": "a2"}), _retrieval("hdc", {"b1": "b2"})], {}, Choosing(""))


def test_the_figure_holds_what_every_encoder_found(make_manifest: Make, make_inputs: Make) -> None:
    manifest = make_manifest()
    retrievals = make_inputs(manifest).retrievals
    figure = side_by_side(manifest, retrievals, Choosing("person", hits=2, rows=3), PAPER)
    assert figure.encoders == ["untrained", "hdc"]
    assert len(figure.rows) == 3
    for query in figure.rows:
        assert [encoder for encoder, _ in query.found] == figure.encoders
        for _, tiles in query.found:
            assert len(tiles) == 2
            assert all((tile.verdict == "right") == (tile.value == query.value) for tile in tiles)
    assert not figure.lost
    assert not figure.shortfalls
    assert figure.remarks == [
        "Right and wrong by person. 3 of 12 queries; drawn at random (seed 0) and spread over the labels; "
        "the results played no part.",
        "tiny, protocol gap, leave one person out, level 5, seed 0",
    ]


def test_what_is_missing_is_counted_and_named(make_manifest: Make, make_inputs: Make) -> None:
    manifest = make_manifest()
    retrievals = make_inputs(manifest).retrievals
    fewer = changed(retrievals[1], seen=11, missing={"lost.mp4": ""}, level=4)
    manifest.file(manifest.usable[0]).unlink()
    query = manifest.usable[0].id
    figure = side_by_side(manifest, [retrievals[0], fewer], Choosing("action", named=(query,)))
    assert [each.id for each in figure.lost] == [query]
    assert "cannot be read any more" in figure.lost[0].reason
    assert figure.shortfalls[0].sentence == "hdc: 11 of 12 videos seen; not seen: lost.mp4"
    assert figure.remarks[-1] == "Measured in different settings: these results do not compare."
    assert figure.remarks[1].startswith("untrained: tiny, protocol gap")
