"""Moments of clips, and near duplicates among hits: against slow loops."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import rows_for, write_rows

from unreel.search.moments import Moment, merged, search_moments, without_copies
from unreel.search.table import EmbeddingTable, Hit


def hits_of(spans: Sequence[tuple[int, float, float]]) -> list[Hit]:
    """Hits (number of the video, start, length), the first the most similar."""
    hits = []
    for place, (video, start, length) in enumerate(spans):
        row = replace(rows_for(video, 0)[0], kind="clip", start=start, end=start + length)
        hits.append(Hit(row, 1 - place / 100, np.ones(3, np.float32)))
    return hits


def test_clips_that_follow_each_other_are_one_moment() -> None:
    found = merged(hits_of([(0, 10.0, 0.6), (1, 0.0, 0.6), (0, 9.0, 0.6), (0, 30.0, 0.6), (0, 11.5, 0.6)]))
    assert [(moment.hit.row.id[-7:], moment.start, moment.end) for moment in found] == [
        ("000.mp4", 9.0, 12.1),
        ("001.mp4", 0.0, 0.6),
        ("000.mp4", 30.0, 30.6),
    ]
    assert [moment.hit.similarity for moment in found] == [1.0, 0.99, 0.97]


SPANS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40).map(float), st.integers(1, 4).map(float)), max_size=12)


@given(SPANS)
def test_the_same_as_joining_until_nothing_can_be_joined(spans: list[tuple[int, float, float]]) -> None:
    groups = [[place] for place in range(len(spans))]

    def near(one: int, other: int) -> bool:
        (video, start, length), (other_video, other_start, other_length) = spans[one], spans[other]
        gap = max(start, other_start) - min(start + length, other_start + other_length)
        return video == other_video and gap <= 1.0

    joined = True
    while joined:
        joined = False
        for one in range(len(groups)):
            for other in range(one + 1, len(groups)):
                if groups[one] and groups[other] and any(near(a, b) for a in groups[one] for b in groups[other]):
                    groups[one], groups[other], joined = groups[one] + groups[other], [], True
    expected = sorted(
        (min(group), min(spans[n][1] for n in group), max(sum(spans[n][1:]) for n in group))
        for group in groups
        if group
    )
    hits = hits_of(spans)
    found = [(hits.index(moment.hit), moment.start, moment.end) for moment in merged(hits)]
    assert found == expected


@given(
    st.lists(st.lists(st.integers(-1, 1), min_size=3, max_size=3).filter(any), max_size=8),
    st.sampled_from([0.5, 0.9, 1.0]),
)
def test_of_near_duplicates_the_first_stands_for_all(vectors: list[list[int]], least: float) -> None:
    hits = [
        replace(hit, vector=np.array(vector, np.float32))
        for hit, vector in zip(hits_of([(n, 0.0, 1.0) for n in range(len(vectors))]), vectors, strict=True)
    ]
    found = without_copies([Moment(hit, 0.0, 1.0) for hit in hits], least)
    kept: list[list[int]] = []
    for number, vector in enumerate(vectors):
        for group in kept:
            first = vectors[group[0]]
            if np.dot(first, vector) / np.linalg.norm(first) / np.linalg.norm(vector) >= least - 1e-6:
                group.append(number)
                break
        else:
            kept.append([number])
    assert [[hits.index(each.hit) for each in (moment, *moment.copies)] for moment in found] == kept


@pytest.fixture
def table(tmp_path: Path) -> EmbeddingTable:
    """Five videos of 200 clips each, of which those of the first are the most similar to (1, 0)."""
    for video in range(5):
        rows = rows_for(video, 200)
        angles = np.linspace(0, 0.1, len(rows)) + video / 4
        write_rows(tmp_path / "table", rows, np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    return EmbeddingTable.open(tmp_path / "table")


def test_as_many_clips_are_looked_for_as_it_takes(table: EmbeddingTable) -> None:
    found = search_moments(table, np.array([1, 0], np.float32), 3, "clip")
    assert [(moment.hit.row.id, moment.start, moment.end) for moment in found] == [
        (f"walk/00{video}.mp4", 0.0, 100.0) for video in range(3)
    ]


def test_videos_and_near_duplicates(table: EmbeddingTable) -> None:
    query = np.array([1, 0], np.float32)
    assert [moment.hit.row.kind for moment in search_moments(table, query, 3, "video")] == ["video"] * 3
    (first, second, *_) = search_moments(table, query, 5, "video", same=0.96)
    assert [copy.hit.row.id for copy in first.copies] == ["walk/001.mp4"]
    assert second.hit.row.id == "walk/002.mp4"
    assert search_moments(table, query, 5, "clip", "start > 1000") == []
