"""Which of several copies is kept: what a person would call the original, in whatever order they are found."""

import csv
import re
from dataclasses import replace
from io import StringIO
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.video.collection.duplicate_table import table_of
from unreel.video.collection.duplicates import duplicates, marked
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.preference import CRITERIA, Preference, copy_marks

LOOK = bytes(1087)
VIDEO = VideoRecord(
    "walk/a.mp4", "ok", source_width=320, source_height=240, duration=8.1, size=1000, modified=9000.5, checksum="x"
)


@pytest.mark.parametrize(
    "name",
    [
        *("a - Copy.mp4", "a - Kopie.mp4", "a - Copia.mp4", "a - co\u0301pia.mp4", "a – Copie.mp4", "a copy.mp4"),
        *("a copy 2.mp4", "a_copy.mp4", "a-Kopie.mp4", "a.copy.mp4", "a_copy2.mp4", "a (1).mp4", "a(12).mp4"),
        *("a (copy).mp4", "a (another copy).mp4", "a (3rd copy).mp4", "Copy of a.mp4", "Copie de a.mp4"),
        *("Kopie von a.mp4", "copy/a.mp4", "walk - Copy/a.mp4", "Copy of walk/a.mp4", "copy.mp4"),
    ],
)
def test_a_copy_is_known_by_its_name(name: str) -> None:
    assert copy_marks(name) == 1


@pytest.mark.parametrize(
    "name", ["a.mp4", "photocopy.mp4", "copyright.mp4", "a copy shop.mp4", "a (2024).mp4", "walk2.mp4", "a (b).mp4", ""]
)
def test_other_names_are_no_copies(name: str) -> None:
    assert copy_marks(name) == 0


@pytest.mark.parametrize(
    ("name", "marks"),
    [("a - Copy (2).mp4", 2), ("a - Copy - Copy.mp4", 2), ("Copy (2) of a.mp4", 1), ("b (1)/a (1)", 2)],
)
def test_a_copy_of_a_copy_is_further_away(name: str, marks: int) -> None:
    assert copy_marks(name) == marks


@pytest.mark.parametrize(
    ("worse", "why", "why_not"),
    [
        ({"source_width": 318, "id": "a"}, "most pixels", "fewer pixels"),
        ({"source_width": 240, "source_height": 319, "duration": 20.0}, "most pixels", "fewer pixels"),
        ({"duration": 7.1, "modified": 5.0}, "longest", "shorter"),
        ({"lost": 2, "size": 2000}, "fewest frames lost", "more frames lost"),
        ({"id": "a (1).mp4", "modified": 5.0}, "not named as a copy", "named as a copy"),
        ({"modified": 9002.5, "size": 2000}, "oldest", "newer"),
        ({"modified": 0.0, "size": 2000}, "oldest", "newer"),
        ({"size": 999, "id": "a.mp4"}, "most bytes", "fewer bytes"),
        ({"id": "aa.mp4"}, "shortest name", "longer name"),
        ({"id": "a/walk/a.mp4"}, "fewest folders", "in more folders"),
        ({"id": "walk/b.mp4"}, "first path", "later path"),
    ],
)
def test_what_decides_is_told(worse: dict[str, object], why: str, why_not: str) -> None:
    other = replace(VIDEO, **worse)  # type: ignore[arg-type]
    preference = Preference()
    assert preference.key(VIDEO) < preference.key(other)
    assert (preference.why(VIDEO, [other]), preference.why_not(other, VIDEO)) == (why, why_not)


def test_small_differences_of_length_and_time_decide_nothing() -> None:
    rounded = replace(VIDEO, id="walk/a - Copy.mp4", duration=8.4, modified=9000.0)
    assert Preference().key(VIDEO) < Preference().key(rounded)


def test_all_that_decided_is_told_in_its_order() -> None:
    others = [replace(VIDEO, id="b.mp4", modified=9900.0), replace(VIDEO, id="c.mp4", source_width=100)]
    assert Preference().why(VIDEO, others) == "most pixels, oldest"


def test_a_path_that_is_wanted_comes_before_all() -> None:
    wanted = replace(VIDEO, id="best/Copy of a.mp4", source_width=10, modified=99999.0)
    preference = Preference(re.compile("^best/"))
    assert preference.key(wanted) < preference.key(VIDEO)
    assert preference.why(wanted, [VIDEO]) == "kept by its path"
    assert preference.why_not(VIDEO, wanted) == "another is kept"


records = st.builds(
    VideoRecord,
    id=st.sampled_from(
        ["a.mp4", "a (1).mp4", "b/a.mp4", "b/a - Copy.mp4", "c/long name.mp4", "Kopie von a.mp4", "d.mp4"]
    ),
    status=st.sampled_from(["ok", "ok", "ok", "skipped"]),
    source_width=st.sampled_from([100, 200]),
    source_height=st.sampled_from([100, 50]),
    duration=st.sampled_from([1.0, 1.4, 3.0]),
    size=st.sampled_from([10, 20]),
    lost=st.sampled_from([0, 1]),
    modified=st.sampled_from([0.0, 7.5, 8.0, 99.0, -5.0]),
    checksum=st.sampled_from(["", "x", "y", "z"]),
    fingerprint=st.sampled_from([b"", LOOK, b"\x7f" + bytes(1086)]),
)


@given(st.lists(records, max_size=5, unique_by=lambda each: each.id), st.sampled_from([None, "a", "Copy|Kopie"]))
def test_one_is_kept_of_each_group_whatever_the_order(rows: list[VideoRecord], wanted: str | None) -> None:
    preference, looks = Preference(None if wanted is None else re.compile(wanted)), dict[str, bytes]()
    rows = [  # one file has one fingerprint
        replace(row, fingerprint=looks.setdefault(row.checksum or row.id, row.fingerprint)) for row in rows
    ]
    found = duplicates(rows, preference)
    assert all(duplicates(other, preference) == found for other in permutations(rows))
    usable = {row.id: row for row in rows if row.status == "ok"}
    groups: dict[str, set[str]] = {}
    for name, kept in found.kept.items():
        groups.setdefault(kept, {kept}).add(name)
    assert not set(groups) & set(found.kept), "what is kept is a duplicate of nothing"
    assert set().union(*found.exact, *found.near) == set().union(*groups.values())
    assert len(found.kept) == found.superfluous_exact + found.superfluous_near
    for kept, members in groups.items():
        assert kept == min(members, key=lambda name: preference.key(usable[name]))
    table = list(csv.DictReader(StringIO(table_of(Manifest(Path(), tuple(rows)), found, preference)[1:])))
    for number, kept in enumerate(sorted(groups), start=1):
        listed = [row for row in table if row["group"] == str(number)]
        assert {row["path"] for row in listed} == groups[kept]
        assert [row["path"] for row in listed if row["keep"] == "yes"] == [listed[0]["path"]] == [kept]
        assert all(row["reason"] for row in listed)
    assert sum(row["kind"] == "exact" and row["keep"] == "no" for row in table) == found.superfluous_exact
    assert len(table) == len(found.kept) + len(groups)


@given(st.lists(records, min_size=1, max_size=7, unique_by=lambda each: each.id))
def test_the_criteria_order_any_two_videos(rows: list[VideoRecord]) -> None:
    keys = [Preference().key(row) for row in rows]
    assert len(set(keys)) == len(rows)
    assert all(len(key) == len(CRITERIA) for key in keys)


def test_a_manifest_tells_what_is_kept_and_can_leave_the_others_out(tmp_path: Path) -> None:
    near = replace(VIDEO, id="n.mp4", checksum="y", source_width=10, path="videos/n.mp4", fingerprint=LOOK)
    best = replace(VIDEO, id="k.mp4", fingerprint=LOOK)
    copy = replace(VIDEO, id="k - Copy.mp4", fingerprint=LOOK)
    manifest = Manifest(tmp_path, (copy, best, near))
    kept = duplicates(manifest).kept
    assert kept == {"k - Copy.mp4": "k.mp4", "n.mp4": "k.mp4"}
    assert [record.duplicate_of for record in marked(manifest, kept)] == ["k.mp4", "", "k.mp4"]
    unique = marked(manifest, kept, unique=True)
    assert unique.usable == (best,)
    assert [(record.id, record.reason, record.path) for record in unique.skipped] == [
        ("k - Copy.mp4", "copy of k.mp4", ""),
        ("n.mp4", "near duplicate of k.mp4", ""),
    ]
