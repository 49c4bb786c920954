"""Retrieval against slow loops written from the definition."""

import by_the_book
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.evaluation.nearest import UnitVectors, numbered
from unreel.evaluation.results import Score
from unreel.evaluation.retrieval import RetrievalResult, name_neighbours, retrieve, score_queries, usable_labels
from unreel.video.collection.manifest import VideoRecord


def _one_out(vectors: np.ndarray, labels: list[str], groups: list[str], memory: int = 2**28) -> RetrievalResult:
    known, apart = UnitVectors(vectors), numbered(groups)
    return retrieve(known, known, {"class": (labels, labels)}, groups=(apart, apart), memory=memory)


def _score(found: RetrievalResult, videos: int, hits_at: tuple[int, ...] = (1, 2)) -> Score:
    return score_queries(found.scores["class"], [f"{row}" for row in range(videos)], name="class", hits_at=hits_at)


@given(
    seed=st.integers(0, 999),
    videos=st.integers(6, 14),
    classes=st.integers(1, 4),
    groups=st.sampled_from([0, 2, 3]),
    memory=st.sampled_from([0, 2**12, 2**28]),
)
def test_one_out_equals_the_loops(seed: int, videos: int, classes: int, groups: int, memory: int) -> None:
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(videos, 4)).astype(np.float32)
    labels = ["", *(f"class {chance.integers(classes)}" for _ in range(videos - 1))]
    sources = [f"group {row % groups}" if groups else "" for row in range(videos)]
    found = _one_out(vectors, labels, sources, memory)
    try:
        score = _score(found, videos)
    except CollectionError:
        with pytest.raises(ZeroDivisionError):
            by_the_book.hit_at(1, vectors.tolist(), labels, sources)
        return
    for k, share in score.hits.items():
        assert share == pytest.approx(by_the_book.hit_at(k, vectors.tolist(), labels, sources))
        low, high = score.intervals[k]
        assert low <= share <= high


@given(
    seed=st.integers(0, 999), queries=st.integers(1, 7), gallery=st.integers(1, 12), memory=st.sampled_from([0, 2**28])
)
def test_gallery_and_queries_apart_equal_the_loops(seed: int, queries: int, gallery: int, memory: int) -> None:
    chance = np.random.default_rng(seed)
    asked, known = chance.normal(size=(queries, 3)).tolist(), chance.normal(size=(gallery, 3)).tolist()
    labels = [[f"{number}" for number in chance.integers(3, size=count)] for count in (queries, gallery)]
    labels[0][0] = ""
    found = retrieve(
        UnitVectors(np.array(asked)),
        UnitVectors(np.array(known)),
        {"class": (labels[0], labels[1])},
        keep=4,
        memory=memory,
    )
    expected: dict[str, tuple[int, float, list[float]]] = {}
    classes: dict[str, list[float]] = {}
    for query in range(queries):
        order = by_the_book.order(asked[query], known, range(gallery))
        assert [row for row, _ in found.hits[query]] == order[:4]
        assert found.hits[query][0][1] == pytest.approx(by_the_book.cosine(asked[query], known[order[0]]), abs=1e-8)
        right = [labels[1][row] == labels[0][query] for row in order]
        if labels[0][query] and any(right):
            precision = by_the_book.average_precision(right)
            shares = [sum(right[:k]) / k for k in (1, 5, 10, 20) if k <= gallery]
            expected[f"{query}"] = (right.index(True) + 1, precision, shares)
            classes.setdefault(labels[0][query], []).append(precision)
    if not expected:
        assert found.scores["class"].labels == ()
        return
    score = _score(found, queries, hits_at=(1, 5, 10))
    assert {name: each.first_right for name, each in score.outcomes.items()} == {
        name: each[0] for name, each in expected.items()
    }
    precisions = [score.outcomes[name].average_precision for name in expected]
    assert precisions == pytest.approx([each[1] for each in expected.values()])
    assert score.average_precision == pytest.approx(np.mean([each[1] for each in expected.values()]))
    assert list(score.purity.values()) == pytest.approx(np.mean([each[2] for each in expected.values()], axis=0))
    assert list(score.hits) == list(score.purity) == [k for k in (1, 5, 10) if k <= gallery]
    assert score.hits[1] == pytest.approx(np.mean([each[0] == 1 for each in expected.values()]))
    assert {name: each.queries for name, each in score.classes.items()} == {
        name: len(each) for name, each in sorted(classes.items())
    }
    assert [each.average_precision for each in score.classes.values()] == pytest.approx(
        [np.mean(classes[name]) for name in sorted(classes)]
    )
    low, high = score.average_precision_interval
    assert low - 1e-9 <= score.average_precision <= high + 1e-9


def test_chance_is_what_random_orders_give() -> None:
    labels, groups = ["a", "a", "b", "b", "b", "c"], ["1", "2", "1", "2", "2", "1"]
    generator = np.random.default_rng(0)
    scores = [
        _score(_one_out(generator.normal(size=(6, 8)).astype(np.float32), labels, groups), 6, (1,)) for _ in range(400)
    ]
    assert scores[0].queries == 5  # nothing like c is in another group
    assert scores[0].chance == pytest.approx(np.mean([score.hits[1] for score in scores]), abs=0.03)


def test_own_group_is_never_found_and_ties_go_to_the_first() -> None:
    hits = _one_out(np.ones((5, 3), dtype=np.float32), ["x"] * 5, ["a", "a", "b", "b", ""]).hits
    assert [hit for hit, _ in hits[0]] == [2, 3, 4]
    assert [hit for hit, _ in hits[4]] == [0, 1, 2, 3]


def test_neighbours_by_name() -> None:
    (hits,) = name_neighbours(["q"], ["a", "b"], [[(1, 0.12345678949), (0, -1.0)]]).values()
    assert [(hit.id, hit.similarity) for hit in hits] == [("b", 0.123456789), ("a", -1.0)]


def test_nothing_to_evaluate() -> None:
    found = _one_out(np.eye(3, dtype=np.float32), ["a", "b", "c"], [""] * 3)
    with pytest.raises(CollectionError, match=r"no video has another one with the same 'class' label.*--group-pattern"):
        _score(found, 3)


def test_labels_that_can_be_evaluated() -> None:
    def video(number: int, group: str, **labels: str) -> VideoRecord:
        return VideoRecord(id=f"{number}.mp4", status="ok", labels=labels, group=group)

    videos = [video(1, "p", action="run", place="a"), video(2, "q", action="run", place="b")]
    assert usable_labels(videos) == ["action"]
    assert usable_labels([videos[0], video(2, "p", action="run")]) == []
    assert usable_labels([video(1, "", action="run"), video(2, "", action="run")]) == ["action"]
