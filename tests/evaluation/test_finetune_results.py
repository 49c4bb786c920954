"""Tests of several splits or folds combine, by hand."""

from dataclasses import replace
from pathlib import Path

import pytest

from unreel.errors import CollectionError
from unreel.evaluation.finetune_results import Finetuned, SplitKind, combine, read_finetuned, write_finetuned
from unreel.evaluation.recognition import Prediction, Recognition


def _test(split: str, places: list[int], **changes: object) -> Recognition:
    """One clip a video; `places` are those of the right class among two."""
    predictions = tuple(
        Prediction(f"{split}-{number}.mp4", "a", "a" if place == 1 else "b", place, (0.5, 0.5), 1, int(place == 1), 1)
        for number, place in enumerate(places)
    )
    test = Recognition("class", ("a", "b"), "videos", f"{split}, test", 9, len(places), {}, predictions)
    return replace(test, **changes)  # type: ignore[arg-type]


def _together(tests: list[Recognition], division: SplitKind) -> Finetuned:
    return combine(tests, division, encoder="hdc", checkpoint="abc", protocol="9 steps", seed=3)


def test_splits_are_averaged_whatever_their_size() -> None:
    found = _together([_test("1", [1, 1, 1, 2]), _test("2", [2, 1])], "splits")
    assert found.figures["video/top1"] == pytest.approx((0.75 + 0.5) / 2)
    assert found.deviations["video/top1"] == pytest.approx(((0.125**2) * 2) ** 0.5)
    assert (found.seen, found.expected, found.split) == (6, 6, "1, 2")
    assert [part.figures["video/top1"] for part in found.parts] == [0.75, 0.5]


def test_a_single_split_has_no_deviation() -> None:
    assert _together([_test("1", [1, 2])], "splits").deviations == {}


def test_folds_are_one_test_of_all_videos() -> None:
    found = _together([_test("fold 1 of 2", [1, 1, 1, 2]), _test("fold 2 of 2", [2, 1])], "folds")
    assert found.figures["video/top1"] == pytest.approx(4 / 6)
    assert (found.deviations, found.split) == ({}, "2 folds")


def test_it_comes_back_from_its_file_with_what_was_not_seen(tmp_path: Path) -> None:
    tests = [_test("1", [1, 2]), _test("2", [1], expected=2, missing={"x.mp4": "no video stream"})]
    found = _together(tests, "splits")
    assert (found.seen, found.expected) == (3, 4)
    write_finetuned(tmp_path / "finetune.json", found)
    assert read_finetuned(tmp_path / "finetune.json") == found
    assert found.parts[1].missing == {"x.mp4": "no video stream"}


def test_another_file_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "finetune.json").write_text('{"format": "something"}')
    with pytest.raises(CollectionError, match=r"expected .unreel-finetuned-1.*unreel evaluate finetune"):
        read_finetuned(tmp_path / "finetune.json")
