"""Folds: every file in one, groups whole, labels as alike as can be."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.evaluation.splits import folds
from unreel.video.collection.manifest import Manifest, VideoRecord


def _manifest(videos: list[tuple[str, str]]) -> Manifest:
    """Videos of (label, group)."""
    records = [
        VideoRecord(f"{number}.mp4", "ok", labels={"class": label} if label else {}, group=group)
        for number, (label, group) in enumerate(videos)
    ]
    return Manifest(Path("prepared"), tuple(records), "videos", 64)


VIDEO = st.tuples(st.sampled_from(["", "a", "b", "c"]), st.sampled_from(["", "g1", "g2", "g3", "g4"]))


@given(videos=st.lists(VIDEO, min_size=2, max_size=40), count=st.integers(2, 5))
def test_every_file_is_in_one_fold_and_no_group_in_two(videos: list[tuple[str, str]], count: int) -> None:
    manifest = _manifest(videos)
    units = {record.group or record.id for record in manifest}
    if len(units) < count:
        with pytest.raises(CollectionError, match=f"which make no {count} folds: give {len(units)} folds or less"):
            folds(manifest, "class", count)
        return
    found = folds(manifest, "class", count)
    assert found.keys() == {record.id for record in manifest}
    assert set(found.values()) == set(range(1, count + 1))  # none is empty
    for group in {record.group for record in manifest} - {""}:
        assert len({found[record.id] for record in manifest if record.group == group}) == 1


def test_as_many_folds_as_groups_leave_one_group_out() -> None:
    manifest = _manifest([("a", "x"), ("a", "x"), ("b", "y"), ("c", "z"), ("c", "z"), ("c", "z")])
    found = folds(manifest, "class", 3)
    assert [found[record.id] for record in manifest] == [2, 2, 3, 1, 1, 1]  # the largest group first


def test_without_groups_each_label_is_spread_evenly() -> None:
    manifest = _manifest([("a", "")] * 6 + [("b", "")] * 9 + [("c", "")] * 3)
    found = folds(manifest, "class", 3)
    counts = Counter((record.labels["class"], found[record.id]) for record in manifest)
    assert counts == {(label, fold): n for label, n in (("a", 2), ("b", 3), ("c", 1)) for fold in (1, 2, 3)}


def test_groups_of_like_labels_go_apart() -> None:
    groups = [("a", "1"), ("a", "2"), ("b", "3"), ("b", "4")]
    found = folds(_manifest([each for each in groups for _ in range(3)]), "class", 2)
    labels = {(label, found[f"{3 * number}.mp4"]) for number, (label, _) in enumerate(groups)}
    assert labels == {("a", 1), ("a", 2), ("b", 1), ("b", 2)}


@pytest.mark.parametrize(("groups", "what"), [(("x", "x", "y"), "2 groups"), (("", "", ""), "3 videos")])
def test_too_few_to_divide(groups: tuple[str, ...], what: str) -> None:
    with pytest.raises(CollectionError, match=f"^videos has {what}, which make no 4 folds"):
        folds(_manifest([("a", group) for group in groups]), "class", 4)
