"""Leaks are those that a comparison of every pair of videos finds."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.video.leaks import Leak, leaks, leaks_between
from unreel.video.manifest import Manifest, VideoRecord


def manifest(rows: list[tuple[str, str, str, str]]) -> Manifest:
    """Videos of (status, checksum, group, part of split 1)."""
    records = [
        VideoRecord(
            f"{row:02}.mp4",
            "refused" if status == "refused" else "ok",
            checksum=checksum,
            group=group,
            splits={"1": part} if part else {},
        )
        for row, (status, checksum, group, part) in enumerate(rows)
    ]
    anchor = VideoRecord("anchor.mp4", "ok", checksum="anchor", splits={"1": "train", "2": "test"})
    return Manifest(Path("prepared"), (*records, anchor), source="videos")


rows = st.lists(
    st.tuples(
        st.sampled_from(["ok", "ok", "refused"]),
        st.sampled_from(["", "x", "y"]),
        st.sampled_from(["", "g", "h"]),
        st.sampled_from(["", "train", "test", "val"]),
    ),
    max_size=8,
)


def slowly(training: list[VideoRecord], held_out: list[VideoRecord]) -> list[tuple[str, str, str]]:
    """(test, first training video, why) by looking at every pair."""
    found = []
    for test in held_out:
        for why in ("same file", "same group"):
            for video in training:
                same = video.checksum == test.checksum if why == "same file" else video.group == test.group
                if same and (test.checksum if why == "same file" else test.group):
                    found.append((test.id, video.id, why))
                    break
    return found


def short(found: tuple[Leak, ...]) -> list[tuple[str, str, str]]:
    return [(leak.test.id, leak.training.id, leak.why) for leak in found]


@given(rows)
def test_leaks_inside_a_split(rows: list[tuple[str, str, str, str]]) -> None:
    videos = [record for record in manifest(rows) if record.status == "ok"]
    training = [video for video in videos if video.splits.get("1") == "train"]
    held_out = [video for video in videos if video.splits.get("1") in ("test", "val")]
    assert short(leaks(manifest(rows), "1")) == slowly(training, held_out)


@given(rows, rows)
def test_leaks_from_pretraining(one: list[tuple[str, str, str, str]], other: list[tuple[str, str, str, str]]) -> None:
    pretraining, evaluation = manifest(one), manifest(other)
    usable = [record for record in pretraining if record.status == "ok"]
    held_out = [v for v in evaluation if v.status == "ok" and v.splits.get("1") in ("test", "val")]
    assert short(leaks_between(pretraining, evaluation, "1")) == slowly(usable, held_out)
    assert short(leaks_between(usable[1:], evaluation, "1")) == slowly(usable[1:], held_out)


def test_a_leak_names_both_videos_and_why() -> None:
    held = manifest([("ok", "x", "g", "test"), ("ok", "z", "g", "train"), ("ok", "x", "", "train")])
    assert short(leaks(held, "1")) == [("00.mp4", "02.mp4", "same file"), ("00.mp4", "01.mp4", "same group")]
    assert leaks(held, "2") == ()
    assert short(leaks_between(held, held, "2")) == [("anchor.mp4", "anchor.mp4", "same file")]


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(CollectionError, match=r"^videos has no split '4'\. Its splits are: 1, 2\.$"):
        leaks(manifest([]), "4")
    with pytest.raises(CollectionError, match=r"^videos has no split '4'\. Its splits are: 1, 2\.$"):
        leaks_between([], manifest([]), "4")
