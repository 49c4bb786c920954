"""Retrieval against slow loops written from the definition."""

import by_the_book
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.evaluation.retrieval import judge, judgeable_labels, rank
from unreel.video.manifest import VideoRecord


@given(
    seed=st.integers(0, 999), videos=st.integers(6, 14), classes=st.integers(1, 4), groups=st.sampled_from([0, 2, 3])
)
def test_hits_equal_the_loops(seed: int, videos: int, classes: int, groups: int) -> None:
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(videos, 4)).astype(np.float32)
    labels = ["", *(f"class {chance.integers(classes)}" for _ in range(videos - 1))]
    sources = [f"group {row % groups}" if groups else "" for row in range(videos)]
    try:
        score = judge(rank(vectors, sources, "gap"), labels, sources, name="class", hits_at=(1, 2))
    except CollectionError:
        with pytest.raises(ZeroDivisionError):
            by_the_book.hit_at(1, vectors.tolist(), labels, sources)
        return
    for k, share in score.hits.items():
        assert share == pytest.approx(by_the_book.hit_at(k, vectors.tolist(), labels, sources))
        low, high = score.intervals[k]
        assert low <= share <= high


def test_chance_is_what_random_orders_give() -> None:
    labels, groups = ["a", "a", "b", "b", "b", "c"], ["1", "2", "1", "2", "2", "1"]
    generator = np.random.default_rng(0)
    scores = []
    for _ in range(400):
        vectors = generator.normal(size=(6, 8)).astype(np.float32)
        scores.append(judge(rank(vectors, groups, "gap"), labels, groups, name="x", hits_at=(1,)))
    assert scores[0].queries == 5  # nothing like c is in another group
    assert scores[0].chance == pytest.approx(np.mean([score.hits[1] for score in scores]), abs=0.03)


def test_centred_ranks_by_what_is_left_without_the_mean() -> None:
    vectors = 100 + np.array([[1, 0], [0.9, 0.1], [-1, 0.1], [0, -1.2]], dtype=np.float32)
    assert rank(vectors, [""] * 4, "centred")[0][0][0] == 1
    assert rank(vectors, [""] * 4, "centred")[0][-1][0] == 2
    assert min(similarity for _, similarity in rank(vectors, [""] * 4, "gap")[0]) > 0.99


def test_own_group_is_never_found_and_ties_go_to_the_first() -> None:
    vectors = np.ones((5, 3), dtype=np.float32)
    ranking = rank(vectors, ["a", "a", "b", "b", ""], "gap")
    assert [hit for hit, _ in ranking[0]] == [2, 3, 4]
    assert [hit for hit, _ in ranking[4]] == [0, 1, 2, 3]


def test_blocks_of_queries_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
    whole = rank(vectors, ["a", "b"] * 10, "gap")
    monkeypatch.setattr("unreel.evaluation.retrieval.QUERIES_AT_ONCE", 7)
    blocks = rank(vectors, ["a", "b"] * 10, "gap")
    assert [[hit for hit, _ in hits] for hits in blocks] == [[hit for hit, _ in hits] for hits in whole]


def test_nothing_to_judge() -> None:
    vectors = np.eye(3, dtype=np.float32)
    with pytest.raises(CollectionError, match=r"no video has another one with the same 'class' label.*--group-pattern"):
        judge(rank(vectors, [""] * 3, "gap"), ["a", "b", "c"], [""] * 3, name="class")


def test_labels_that_can_be_judged() -> None:
    def video(number: int, group: str, **labels: str) -> VideoRecord:
        return VideoRecord(id=f"{number}.mp4", status="ok", labels=labels, group=group)

    videos = [video(1, "p", action="run", place="a"), video(2, "q", action="run", place="b")]
    assert judgeable_labels(videos) == ["action"]
    assert judgeable_labels([videos[0], video(2, "p", action="run")]) == []
