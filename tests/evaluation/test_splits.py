"""Divisions of a collection: whole, repeated, of each label alike, with what cannot be seen on its side."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trials import videos

from unreel.errors import CollectionError
from unreel.evaluation.splits import Split, group_hold_out, leave_one_out, official, random_hold_out
from unreel.video.collection.manifest import Manifest, VideoRecord


def _manifest(*records: VideoRecord, **facts: object) -> Manifest:
    return Manifest(Path("prepared"), tuple(sorted(records, key=lambda each: each.id)), "videos", **facts)  # type: ignore[arg-type]


def _listed(name: str, part: str, status: str = "ok", label: str = "a") -> VideoRecord:
    labels = {"class": label} if label else {}
    return VideoRecord(name, status, "damaged" if status == "skipped" else "", labels=labels, splits={"1": part})  # type: ignore[arg-type]


def _ids(division: Split) -> tuple[list[str], list[str]]:
    known, asked = ([video.id for video in side.videos] for side in (division.gallery, division.queries))
    return known, asked


def test_an_official_split_with_all_that_is_not_there() -> None:
    manifest = _manifest(
        _listed("a", "train"),
        _listed("b", "test"),
        _listed("c", "test", "skipped"),
        _listed("d", "train", "skipped"),
        replace(_listed("e", "train"), splits={}),
        missing=("gone", "lost", "unused"),
        missing_splits={"gone": {"1": "test", "2": "train"}, "lost": {"1": "train"}, "unused": {}},
    )
    division = official(manifest, "1")
    assert (division.name, _ids(division), division.one_out) == ("1", (["a"], ["b"]), False)
    assert division.gallery.missing == {"d": "damaged", "lost": "named by the lists but not in the folder"}
    assert division.queries.missing == {"c": "damaged", "gone": "named by the lists but not in the folder"}
    assert (division.gallery.expected, division.queries.expected, division.expected) == (3, 3, 6)
    assert [video.id for video in division.videos] == ["a", "b"]


def test_the_part_that_has_labels_is_asked() -> None:
    kinetics = _manifest(_listed("a", "train"), _listed("b", "val"), _listed("c", "test", label=""))
    assert _ids(official(kinetics, "1")) == (["a"], ["b"])
    assert _ids(official(_manifest(_listed("a", "train"), _listed("b", "val"), _listed("c", "test")), "1"))[1] == ["c"]


def test_official_splits_that_cannot_be_asked() -> None:
    with pytest.raises(CollectionError, match=r"has no split '2'"):
        official(_manifest(_listed("a", "train"), _listed("b", "test")), "2")
    message = r"split 1 of videos has no usable video to ask for \(1 expected\)\. Bring the videos"
    with pytest.raises(CollectionError, match=message):
        official(_manifest(_listed("a", "train"), _listed("b", "test", "skipped")), "1")
    with pytest.raises(CollectionError, match=r"no usable video to search in \(0 expected\)"):
        official(_manifest(_listed("b", "test")), "1")
    old = _manifest(_listed("a", "train"), _listed("b", "test"), missing=("gone",))
    with pytest.raises(CollectionError, match=r"did not note in which splits the 1 videos are.*Prepare it again"):
        official(old, "1")


def test_one_out() -> None:
    manifest = _manifest(*videos(["a", "b"]), VideoRecord("x", "skipped", "damaged"), missing=("gone",))
    division = leave_one_out(manifest)
    assert (division.name, division.expected, division.one_out) == ("leave one video out", 4, True)
    assert _ids(division) == (["0", "1"], ["0", "1"])
    assert division.queries.missing == {"x": "damaged", "gone": "named by the lists but not in the folder"}
    assert leave_one_out(_manifest(*videos(["a", "b"], ["p", ""]))).name == "leave one group out"


@given(counts=st.lists(st.integers(1, 30), min_size=1, max_size=5), share=st.floats(0.05, 0.95), seed=st.integers(0, 9))
def test_a_random_share_of_every_class_is_asked(counts: list[int], share: float, seed: int) -> None:
    labels = [f"class {number}" for number, count in enumerate(counts) for _ in range(count)]
    manifest = _manifest(*videos(labels))
    try:
        division = random_hold_out(manifest, share, seed)
    except CollectionError as error:
        assert "has no usable video" in str(error)
        assert min(share, 1 - share) * len(labels) < 1
        return
    known, asked = _ids(division)
    assert sorted(known + asked) == [video.id for video in manifest]
    assert abs(len(asked) - share * len(labels)) < 1
    held = Counter(video.labels["class"] for video in division.queries.videos)
    for label, count in Counter(labels).items():
        assert abs(held[label] - share * count) < 1 + 1e-9
    assert _ids(random_hold_out(manifest, share, seed)) == (known, asked)


def test_a_seed_is_another_division_and_the_name_says_which() -> None:
    manifest = _manifest(*videos(["a", "b"] * 20))
    first, second = random_hold_out(manifest, 0.3, 0), random_hold_out(manifest, 0.3, 1)
    assert (first.name, second.name) == ("random 30 %, seed 0", "random 30 %, seed 1")
    assert _ids(first) != _ids(second)
    assert random_hold_out(manifest, 0.125, 0).name == "random 12.5 %, seed 0"


def test_refused_videos_are_divided_like_the_others() -> None:
    records = videos(["a"] * 40)
    whole = random_hold_out(_manifest(*records), 0.5, 0)
    broken = [
        replace(each, status="skipped", reason="damaged") if row % 4 == 0 else each for row, each in enumerate(records)
    ]
    division = random_hold_out(_manifest(*broken), 0.5, 0)
    assert (division.gallery.expected, division.queries.expected) == (20, 20)
    assert set(_ids(division)[1]) | division.queries.missing.keys() == set(_ids(whole)[1])


@given(groups=st.integers(2, 9), classes=st.integers(1, 4), share=st.floats(0.1, 0.9), seed=st.integers(0, 9))
def test_groups_are_held_out_whole(groups: int, classes: int, share: float, seed: int) -> None:
    pairs = [(f"c{label}", f"g{group}") for group in range(groups) for label in range(classes)]
    labels, sources = zip(*pairs, strict=True)
    division = group_hold_out(_manifest(*videos(labels, sources)), share, seed)
    known, asked = ({video.group for video in side.videos} for side in (division.gallery, division.queries))
    assert known | asked == set(sources)
    assert not known & asked
    assert known
    assert asked
    assert abs(len(asked) - share * groups) <= 1  # every group has every class


def test_groups_within_classes_are_divided_in_every_class() -> None:
    labels = [f"c{label}" for label in range(6) for _ in range(20)]
    sources = [f"{label}_g{number // 4}" for label in range(6) for number in range(20)]  # five groups of four
    division = group_hold_out(_manifest(*videos(labels, sources)), 0.4, 3)
    assert Counter(video.labels["class"] for video in division.queries.videos) == dict.fromkeys(set(labels), 8)
    assert division.name == "groups 40 %, seed 3"


def test_groups_larger_than_the_share() -> None:
    sources = ["g0"] * 5 + ["g1"] * 4 + ["g2"] * 6
    division = group_hold_out(_manifest(*videos(["a"] * 15, sources)), 0.02, 0)
    assert {video.group for video in division.queries.videos} == {"g1"}
    with pytest.raises(CollectionError, match=r"has 0 groups to divide, expected two or more: give a --group-pattern"):
        group_hold_out(_manifest(*videos(["a"] * 2)), 0.5, 0)
