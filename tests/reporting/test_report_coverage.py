"""Results that saw less than expected: found, counted, named, and told once."""

from retrievals import EMPTY, changed

from unreel.evaluation.recognition import Prediction, Recognition
from unreel.reporting.coverage import MissingVideos, recognition_shortfalls, shortfalls

WHOLE = changed(EMPTY, encoder="sc")
FEWER = changed(WHOLE, encoder="tc", seen=7, missing={"a.mp4": "truncated", "b.mp4": ""})


def test_only_results_that_lack_videos_are_told() -> None:
    assert shortfalls([WHOLE]) == []
    (found,) = shortfalls([WHOLE, FEWER])
    assert found == MissingVideos(("tc",), 7, 9, {"a.mp4": "truncated", "b.mp4": ""})
    assert found.count == "7 of 9 videos seen"
    assert found.sentence == "tc: 7 of 9 videos seen; not seen: a.mp4, b.mp4"


def test_results_that_lack_the_same_are_told_together() -> None:
    found = shortfalls([FEWER, changed(FEWER, encoder="hdc"), changed(FEWER, encoder="other", seen=6)])
    assert [each.names for each in found] == [("tc", "hdc"), ("other",)]
    (one,) = shortfalls([FEWER, changed(FEWER, split="2")])
    assert one.names == ("tc",)


def test_on_paper_a_few_are_named() -> None:
    many = MissingVideos(("hdc",), 1, 6, dict.fromkeys("abcde", ""))
    assert many.sentence == "hdc: 1 of 6 videos seen; not seen: a, b, c, 2 more"


def test_tests_of_recognition_know_their_reasons() -> None:
    said = Prediction("y.mp4", "a", "a", 1, (1.0, 0.0), 1, 1, 1)
    test = Recognition("class", ("a", "b"), "tiny", "1, test", 9, 2, {"x.mp4": "gone"}, (said,))
    assert recognition_shortfalls([("mine", test)]) == [MissingVideos(("mine",), 1, 2, {"x.mp4": "gone"})]
