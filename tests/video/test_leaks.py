"""Leaks are those that a comparison of every pair of videos finds; unless allowed by name, they are skipped."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.video.collection.fingerprint import LENGTH
from unreel.video.collection.leaks import Leak, check_leaks, leaks, leaks_between
from unreel.video.collection.manifest import Manifest, VideoRecord

Row = tuple[str, str, str, str, str]

# p and q are 0.015 apart, which is near, and 0.5 from r; all their other coefficients are equal.
LOOKS = {"": b"", "p": bytes([90] + [0] * (LENGTH - 1)), "q": bytes([91] + [0] * (LENGTH - 1)), "r": bytes(LENGTH)}
NEAR = ({"p"}, {"q"}, {"p", "q"}, {"r"})


def manifest(rows: list[Row]) -> Manifest:
    """Videos of (status, checksum, group, part of split 1, look)."""
    records = [
        VideoRecord(
            f"{row:02}.mp4",
            "skipped" if status == "skipped" else "ok",
            checksum=checksum,
            group=group,
            splits={"1": part} if part else {},
            fingerprint=LOOKS[look],
        )
        for row, (status, checksum, group, part, look) in enumerate(rows)
    ]
    anchor = VideoRecord("anchor.mp4", "ok", checksum="anchor", splits={"1": "train", "2": "test"})
    return Manifest(Path("prepared"), (*records, anchor), source="videos")


rows = st.lists(
    st.tuples(
        st.sampled_from(["ok", "ok", "skipped"]),
        st.sampled_from(["", "x", "y"]),
        st.sampled_from(["", "g", "h"]),
        st.sampled_from(["", "train", "test", "val"]),
        st.sampled_from(list(LOOKS)),
    ),
    max_size=8,
)


def given_away(test: VideoRecord, video: VideoRecord, why: str) -> bool:
    """Whether a video of training gives a held-out one away for this reason."""
    same_file = test.checksum == video.checksum != ""
    if why == "same file":
        return same_file
    if why == "same group":
        return test.group == video.group != ""
    looks = {look for look, taken in LOOKS.items() if taken and taken in (test.fingerprint, video.fingerprint)}
    return bool(test.fingerprint and video.fingerprint) and looks in NEAR and not same_file


def slowly(training: list[VideoRecord], held_out: list[VideoRecord]) -> list[tuple[str, str, str]]:
    """(test, first training video, why) by looking at every pair."""
    found = []
    for test in held_out:
        for why in ("same file", "same group", "near duplicate"):
            for video in training:
                if given_away(test, video, why):
                    found.append((test.id, video.id, why))
                    break
    return found


def short(found: tuple[Leak, ...]) -> list[tuple[str, str, str]]:
    return [(leak.test.id, leak.training.id, leak.why) for leak in found]


@given(rows)
def test_leaks_inside_a_split(rows: list[Row]) -> None:
    videos = [record for record in manifest(rows) if record.status == "ok"]
    training = [video for video in videos if video.splits.get("1") == "train"]
    held_out = [video for video in videos if video.splits.get("1") in ("test", "val")]
    assert short(leaks(manifest(rows), "1")) == slowly(training, held_out)


@given(rows, rows)
def test_leaks_from_pretraining(one: list[Row], other: list[Row]) -> None:
    pretraining, evaluation = manifest(one), manifest(other)
    usable = [record for record in pretraining if record.status == "ok"]
    held_out = [v for v in evaluation if v.status == "ok" and v.splits.get("1") in ("test", "val")]
    assert short(leaks_between(pretraining, evaluation, "1")) == slowly(usable, held_out)
    assert short(leaks_between(usable[1:], evaluation, "1")) == slowly(usable[1:], held_out)


def test_a_leak_names_both_videos_and_why() -> None:
    held = manifest(
        [
            ("ok", "x", "g", "test", "p"),
            ("ok", "z", "g", "train", ""),
            ("ok", "x", "", "train", "p"),
            ("ok", "y", "", "train", "q"),
        ]
    )
    assert short(leaks(held, "1")) == [
        ("00.mp4", "02.mp4", "same file"),
        ("00.mp4", "01.mp4", "same group"),
        ("00.mp4", "03.mp4", "near duplicate"),  # not 02.mp4, which is the same file
    ]
    assert leaks(held, "2") == ()
    assert short(leaks_between(held, held, "2")) == [("anchor.mp4", "anchor.mp4", "same file")]


def test_an_unknown_split_is_skipped() -> None:
    with pytest.raises(CollectionError, match=r"^videos has no split '4'\. Its splits are: 1, 2\.$"):
        leaks(manifest([]), "4")
    with pytest.raises(CollectionError, match=r"^videos has no split '4'\. Its splits are: 1, 2\.$"):
        leaks_between([], manifest([]), "4")


KNOWN = [
    *[("ok", "x", "", "test", ""), ("ok", "", "g", "test", ""), ("ok", "y", "g", "val", "q")],
    *[("ok", "x", "", "train", ""), ("ok", "", "g", "train", "p")],
]


def test_leaks_are_refused_with_their_reasons() -> None:
    expected = """Of the videos that split '1' holds out, 3 are known from training:
  00.mp4: same file as 03.mp4
  01.mp4: same group as 04.mp4
  02.mp4: same group as 04.mp4, near duplicate of 04.mp4
Leave them out of training or out of the test. To accept them, allow them by name: the held-out video's id, its group, \
or a reason (same file, same group, near duplicate)."""
    found = leaks(manifest(KNOWN), "1")
    with pytest.raises(CollectionError) as error:
        check_leaks(found, "1")
    assert str(error.value) == expected
    with pytest.raises(CollectionError) as error:
        check_leaks(reversed(found), "1")
    assert str(error.value).splitlines()[:2] == expected.splitlines()[:2]
    check_leaks([], "1")


def test_only_the_first_of_many_leaks_are_shown() -> None:
    many = manifest([("ok", "x", "", "train", ""), *[("ok", "x", "", "test", "")] * 7])
    with pytest.raises(CollectionError, match=r"split '1' holds out, 7 are known") as error:
        check_leaks(leaks(many, "1"), "1")
    shown = [line.split(":")[0] for line in str(error.value).splitlines()[1:-1]]
    assert shown == ["  01.mp4", "  02.mp4", "  03.mp4", "  04.mp4", "  05.mp4", "  and 2 more"]


@pytest.mark.parametrize(
    ("allowed", "left"),
    [
        (["00.mp4"], ["01.mp4: same group", "02.mp4: same group"]),
        (["g"], ["00.mp4: same file"]),
        (["same group"], ["00.mp4: same file", "02.mp4: near duplicate"]),
        (["same group", "same file"], ["02.mp4: near duplicate"]),
        (["near duplicate", "00.mp4"], ["01.mp4: same group", "02.mp4: same group"]),
        (["g", "same file"], []),
        (["00.mp4", "01.mp4", "02.mp4"], []),
        (["same file", "same group", "near duplicate"], []),
    ],
)
def test_leaks_are_allowed_by_name(allowed: list[str], left: list[str]) -> None:
    found = leaks(manifest(KNOWN), "1")
    if not left:
        check_leaks(found, "1", allowed)
        return
    with pytest.raises(CollectionError) as error:
        check_leaks(found, "1", allowed)
    lines = str(error.value).splitlines()[1:-1]
    assert [line.strip().split(" as ")[0].split(" of ")[0] for line in lines] == left


def test_a_reason_may_be_allowed_where_it_is_none() -> None:
    check_leaks([], "1", ["near duplicate", "same file", "same group"])


@pytest.mark.parametrize("name", ["03.mp4", "00.mp", "", "same"])
def test_allowing_what_does_not_leak_is_skipped(name: str) -> None:
    with pytest.raises(CollectionError) as error:
        check_leaks(leaks(manifest(KNOWN), "1"), "1", [name, "g", "same file"])
    assert str(error.value) == (
        f"{name!r} is allowed to leak, but is the name of no leak of split '1'. A leak is allowed by the held-out "
        "video's id, by its group, or by a reason: same file, same group, near duplicate. "
        "Mend the name or take it away."
    )
