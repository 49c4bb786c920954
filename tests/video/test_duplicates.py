"""DuplicateGroups are those that a comparison of every pair finds; copies of a video are, other takes of it are not."""

from collections.abc import Callable
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from clips import Clip, frames_of, walk
from folders import real_data
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.video.collection import duplicates as module
from unreel.video.collection.discover import find_videos
from unreel.video.collection.duplicates import NEAR, DuplicateGroups, duplicates, near_matches
from unreel.video.collection.fingerprint import FREQUENCIES, Fingerprinter, encode
from unreel.video.collection.manifest import VideoRecord
from unreel.video.decoding.convert import plane_views

MIRROR = np.array([-1.0 if x % 2 else 1.0 for _, _, x in FREQUENCIES])


def near_one_another(count: int, seed: int) -> list[bytes]:
    """Fingerprints at distances around `NEAR`, some mirrored, some far, some equal."""
    chance = np.random.default_rng(seed)
    scenes = chance.standard_normal((3, len(FREQUENCIES))) / np.sqrt(len(FREQUENCIES))
    scenes[1] = scenes[0]  # another scene only in what the first coefficients do not say
    scenes[1, 70:] += chance.standard_normal(len(FREQUENCIES) - 70) * 0.05
    found: list[bytes] = []
    for _ in range(count):
        if found and chance.random() < 0.1:
            found.append(found[chance.integers(len(found))])
            continue
        apart = chance.standard_normal(len(FREQUENCIES))
        apart[chance.choice([2, len(FREQUENCIES)]) :] = 0  # what the search looks at first tells as much as all
        apart *= chance.uniform(0, 1.4 * NEAR) / np.linalg.norm(apart)
        row = scenes[chance.integers(3)] + apart
        found.append(encode(row * MIRROR if chance.random() < 0.4 else row))
    return found


def distance(one: bytes, other: bytes) -> float:
    """How far apart two fingerprints are, straight or mirrored, byte by byte."""

    def value(byte: int) -> float:
        root = (byte - 256 if byte > 127 else byte) / 127
        return root * abs(root)

    pairs = [(value(a), value(b), sign) for a, b, sign in zip(one, other, MIRROR, strict=True)]
    straight = sum((a - b) ** 2 for a, b, _ in pairs)
    reflected = sum((a - sign * b) ** 2 for a, b, sign in pairs)
    return float(min(straight, reflected) ** 0.5)


@settings(max_examples=25)
@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9999))
def test_matches_are_those_of_every_pair(queries: int, known: int, seed: int) -> None:
    fingerprints = near_one_another(queries + known, seed)
    one, other = fingerprints[:queries], fingerprints[queries:]
    distances = {(i, j): distance(one[i], other[j]) for i, j in product(range(queries), range(known))}
    assume(all(abs(apart - NEAR) > 1e-5 for apart in distances.values()))
    expected = [pair for pair, apart in distances.items() if apart < NEAR]
    assert sorted(near_matches(one, other)) == expected
    with pytest.MonkeyPatch.context() as patch:  # the borders of blocks are no borders of the search
        patch.setattr(module, "_BLOCK", (2, 3))
        patch.setattr(module, "_CANDIDATES", 2)
        assert sorted(near_matches(one, other)) == expected


def test_the_made_fingerprints_lie_on_both_sides_of_the_limit() -> None:
    found = near_one_another(40, 0)
    apart = [distance(one, other) for number, one in enumerate(found) for other in found[:number]]
    assert sum(value == 0 for value in apart) > 0
    assert sum(0.9 * NEAR < value < NEAR for value in apart) > 3
    assert sum(NEAR < value < 1.1 * NEAR for value in apart) > 3


def test_it_does_not_search_with_the_fingerprints_of_another_version() -> None:
    with pytest.raises(CollectionError, match="A fingerprint of 4 bytes, expected 1087"):
        list(near_matches(near_one_another(1, 0), [b"once"]))


LOOKS = near_one_another(14, 1)
APART = {pair: distance(*pair) for pair in product(LOOKS, LOOKS)}


def groups_slowly(ids: list[str], linked: Callable[[str, str], bool]) -> tuple[tuple[str, ...], ...]:
    """The groups that links make, by merging whatever touches until nothing does."""
    groups = [{name} for name in ids]
    while True:
        for one, other in product(groups, groups):
            if one is not other and any(linked(a, b) for a, b in product(one, other)):
                groups = [group for group in groups if group not in (one, other)] + [one | other]
                break
        else:
            return tuple(sorted(tuple(sorted(group)) for group in groups if len(group) > 1))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ok", "ok", "ok", "skipped"]),
            st.sampled_from(["", "", "x", "y"]),
            st.sampled_from([b"", *LOOKS]),
        ),
        max_size=7,
    ),
)
def test_groups_are_those_of_every_pair(rows: list[tuple[str, str, bytes]]) -> None:
    seen: dict[str, bytes] = {}
    records = [
        VideoRecord(
            f"{number}.mp4",
            "skipped" if status == "skipped" else "ok",
            checksum=checksum,
            fingerprint=seen.setdefault(checksum, look) if checksum else look,  # one file has one fingerprint
        )
        for number, (status, checksum, look) in enumerate(rows)
    ]
    usable = {record.id: record for record in records if record.status == "ok"}
    exact = groups_slowly(list(usable), lambda a, b: usable[a].checksum == usable[b].checksum != "")
    firsts = [name for name in usable if not any(name in group[1:] for group in exact)]

    def near(one: str, other: str) -> bool:
        looks = usable[one].fingerprint, usable[other].fingerprint
        return all(looks) and APART[looks] <= NEAR

    found = duplicates(records[::-1])
    assert found == DuplicateGroups(exact, groups_slowly(firsts, near)) == duplicates(records)
    gone = {name for group in (*found.exact, *found.near) for name in group[1:]}
    assert found.superfluous_exact + found.superfluous_near == len(gone)
    assert found.superfluous_exact == len(usable) - len(firsts)


def test_groups_of_an_example() -> None:
    look, other = near_one_another(2, 5)
    records = [
        VideoRecord("a", "ok", checksum="x", fingerprint=look),
        VideoRecord("b", "ok", checksum="x", fingerprint=look),
        VideoRecord("c", "ok", checksum="y", fingerprint=look),
        VideoRecord("d", "ok", checksum="z", fingerprint=other),
        VideoRecord("e", "skipped", checksum="x", fingerprint=look),
    ]
    assert distance(look, other) > NEAR
    assert duplicates(records) == DuplicateGroups(exact=(("a", "b"),), near=(("a", "c"),))


def taken(path: Path) -> bytes:
    """The fingerprint of a file."""
    fingerprinter = Fingerprinter()
    for frame in frames_of(path):
        fingerprinter.take(plane_views(frame)[0])
    return fingerprinter.fingerprint()


ORIGINAL = Clip(frames=40, width=160, height=120, pictures=walk(1.0))


@pytest.mark.parametrize(
    ("copy", "suffix"),
    [
        pytest.param(Clip(40, 160, 120, options={"crf": "33"}, pictures=walk(1.0)), "mp4", id="crf"),
        pytest.param(Clip(40, 160, 120, "mpeg4", pictures=walk(1.0)), "avi", id="codec"),
        pytest.param(Clip(40, 96, 64, pictures=walk(1.0)), "mp4", id="smaller"),
        pytest.param(Clip(40, 320, 240, pictures=walk(1.0)), "mp4", id="larger"),
        pytest.param(Clip(40, 160, 120, full_range=True, pictures=walk(1.0)), "mp4", id="full range"),
        pytest.param(Clip(40, 160, 120, pictures=walk(1.0, mirrored=True)), "mp4", id="mirrored"),
        pytest.param(Clip(80, 160, 120, rate=50, pictures=walk(1.0, 80)), "mp4", id="more frames"),
        pytest.param(Clip(20, 160, 120, rate=Fraction(25, 2), pictures=walk(1.0, 20)), "mp4", id="fewer frames"),
    ],
)
def test_a_copy_is_near(tmp_path: Path, copy: Clip, suffix: str) -> None:
    original, other = taken(ORIGINAL.write(tmp_path / "a.mp4")), taken(copy.write(tmp_path / f"b.{suffix}"))
    assert list(near_matches([original], [other])) == [(0, 0)]


@pytest.mark.parametrize("speed", [2.0, 1.3, 0.0])
def test_another_take_in_the_same_room_is_not(tmp_path: Path, speed: float) -> None:
    other = Clip(frames=40, width=160, height=120, pictures=walk(speed))
    fingerprints = taken(ORIGINAL.write(tmp_path / "a.mp4")), taken(other.write(tmp_path / "b.mp4"))
    assert list(near_matches(fingerprints[:1], fingerprints[1:])) == []


@pytest.mark.data
def test_no_two_of_ninety_takes_before_one_wall_are_near() -> None:
    records = [
        VideoRecord(file.id, "ok", fingerprint=taken(file.path)) for file in find_videos(real_data("weizmann")).files
    ]
    assert len(records) == 90 and all(record.fingerprint for record in records)
    assert duplicates(records) == DuplicateGroups((), ())
