"""Which videos of a collection the names in annotation files mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.annotations.media import match_media

IDS = ["run/a.mp4", "walk/a.mp4", "walk/b c.mp4", "d.mp4"]


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("run/a.mp4", "run/a.mp4"),
        ("./run/a.mp4", "run/a.mp4"),
        ("C:\\Users\\Anna\\videos\\run\\a.mp4", "run/a.mp4"),
        ("/home/ben/walk/a.mp4", "walk/a.mp4"),
        ("file:///media/usb/walk/b%20c.mp4", "walk/b c.mp4"),
        ("https://example.org/x/d.mp4?token=1", "d.mp4"),
        ("/data/local-files/?d=videos/walk/b%20c.mp4", "walk/b c.mp4"),
        ("/data/upload/3/1f0e2d3c-d.mp4", "d.mp4"),
        ("elsewhere/b c.mp4", "walk/b c.mp4"),
        ("/media/usb/walk/b%20c.mp4", "walk/b c.mp4"),
    ],
)
def test_a_name_means_the_video_that_ends_like_it(name: str, id: str) -> None:
    assert match_media([name], IDS).found == {name: id}


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.mp4"], "'a.mp4' may be 'run/a.mp4', 'walk/a.mp4': name more of its path."),
        (["e.mp4"], "'e.mp4' is no video of the collection."),
        (["file://[/e.mp4"], "'file://[/e.mp4' is no video of the collection."),
        (["one/d.mp4", "two/d.mp4"], "'one/d.mp4' and 'two/d.mp4' may both be 'd.mp4'."),
        ([""], "'' is no video of the collection."),
    ],
)
def test_a_name_that_may_be_another_video_means_none(names: list[str], reason: str) -> None:
    matches = match_media(names, IDS)
    assert matches.found == {}
    assert matches.unmatched[names[0]] == reason


def test_two_spellings_of_one_path_are_one_video() -> None:
    assert match_media(["d.mp4", "/home/x/d.mp4"], IDS).found == {"d.mp4": "d.mp4", "/home/x/d.mp4": "d.mp4"}


@given(st.sets(st.text("ab/\\:.%?", min_size=1, max_size=6), max_size=4))
def test_every_name_is_matched_or_told(names: set[str]) -> None:
    ids = sorted(names)
    matches = match_media(names, ids)
    assert matches.found.keys() | matches.unmatched.keys() == names
    assert set(matches.found.values()) <= names
