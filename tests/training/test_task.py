"""A recognition task: every video is learnt from, tested, or left out with its reason; no video is opened here."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.settings.finetuning import FinetuneSettings
from unreel.training.task import checked_together, choose_task
from unreel.video.collection.manifest import Manifest, VideoRecord


def _manifest(records: Sequence[VideoRecord], side: int = 128) -> Manifest:
    return Manifest(Path("prepared"), tuple(records), "videos", side)


def _settings(**changes: object) -> FinetuneSettings:
    return FinetuneSettings.model_validate({"folder": "videos", "out": "run", "batch_size": 2} | changes)


def _record(number: int, label: str, part: str = "", group: str = "", status: str = "ok") -> VideoRecord:
    labels = {"class": label} if label else {}
    splits = {"1": part} if part else {}
    reason = "" if status == "ok" else "no video stream"
    return VideoRecord(f"{number}.mp4", status, reason, labels=labels, group=group, splits=splits, frames=20)  # type: ignore[arg-type]


TRAINED = [_record(90, "a", "train", "g0"), _record(91, "b", "train", "g0"), _record(92, "a", "test", "g9")]

RECORDS = st.builds(
    _record,
    st.integers(0, 89),
    label=st.sampled_from(["", "a", "b", "c"]),
    part=st.sampled_from(["", "train", "test", "val"]),
    group=st.sampled_from(["g1", "g8", "g9"]),
    status=st.sampled_from(["ok", "ok", "ok", "skipped"]),
)


@given(more=st.lists(RECORDS, max_size=20, unique_by=lambda record: record.id), by_groups=st.booleans())
def test_every_video_has_one_place(more: list[VideoRecord], by_groups: bool) -> None:
    if by_groups:  # a group is never in both parts of a split: tested are g8 and g9
        more = [replace(each, group="g8") if each.group == "g9" else each for each in more]
        choice: dict[str, object] = {"test_groups": ("g8", "g9")}
    else:  # the same goes for a split
        more = [replace(each, group=f"{each.splits.get('1')}") for each in more]
        choice = {"split": "1"}
    manifest = _manifest(sorted([*TRAINED, *more], key=lambda record: record.id))
    if by_groups and not any(each.group == "g8" and each.status == "ok" for each in more):
        choice = {"test_groups": ("g9",)}
    task = choose_task(_settings(**choice), manifest)
    learnt, test = {each.id for each in task.videos}, task.test
    assert test is not None
    for record in manifest:
        label, ok = record.labels.get("class"), record.status == "ok"
        if by_groups:
            part = "test" if record.group in choice["test_groups"] else "train"  # type: ignore[operator]
        else:
            part = record.splits.get("1", "")
        assert (record.id in learnt) == bool(ok and label and part == "train")
        assert (record.id in learnt) != (record.id in task.left_out)
        tested = bool(ok and part == "test" and label in task.classes)
        assert (record.id in {each.id for each in test.videos}) == tested
        missing = part == "test" and (not ok or (bool(label) and label not in task.classes))
        assert (record.id in test.missing) == missing
    assert task.classes == tuple(sorted({each.labels["class"] for each in task.videos}))
    assert task.labels == {each.id: each.labels["class"] for each in task.videos}


def test_reasons_say_why() -> None:
    records = [
        *TRAINED,
        _record(0, "", "train"),
        _record(1, "a", "train", status="skipped"),
        _record(2, "c", "test"),
        _record(3, "a", "test", status="skipped"),
    ]
    task = choose_task(_settings(split="1"), _manifest(records))
    assert task.left_out == {
        "0.mp4": "no label 'class'",
        "1.mp4": "no video stream",
        "3.mp4": "no video stream",
        "2.mp4": "not in the training part of split 1",
        "92.mp4": "not in the training part of split 1",
    }
    assert task.test is not None
    assert task.test.missing == {"3.mp4": "no video stream", "2.mp4": "no video to learn from is labelled 'c'"}
    assert (task.test.split, task.label) == ("1, test", "class")


def test_without_a_split_all_that_is_labelled_is_learnt_from_and_nothing_tested() -> None:
    task = choose_task(_settings(), _manifest([*TRAINED, _record(0, "")]))
    assert [each.id for each in task.videos] == ["90.mp4", "91.mp4", "92.mp4"]
    assert (task.test, dict(task.left_out)) == (None, {"0.mp4": "no label 'class'"})


def test_a_split_whose_test_part_is_called_val() -> None:
    records = [replace(each, splits={"1": "val"}) if each.id == "92.mp4" else each for each in TRAINED]
    task = choose_task(_settings(split="1"), _manifest(records))
    assert task.test is not None
    assert (task.test.split, [each.id for each in task.test.videos]) == ("1, val", ["92.mp4"])


def test_one_of_several_labels_is_chosen_by_name() -> None:
    records = [replace(each, labels={**each.labels, "scene": f"s{each.id[1]}"}) for each in TRAINED]
    assert choose_task(_settings(label="scene"), _manifest(records)).classes == ("s0", "s1", "s2")
    with pytest.raises(CollectionError, match=r"videos has 2 labels, expected one.*: choose --label class or scene\."):
        choose_task(_settings(), _manifest(records))
    with pytest.raises(CollectionError, match=r"videos has no label 'scenes'\. Choose --label class or scene\."):
        choose_task(_settings(label="scenes"), _manifest(records))


@pytest.mark.parametrize(
    ("records", "changes", "message"),
    [
        (
            [_record(0, "")],
            {},
            r"videos has no labels, fine-tuning needs some: name a table of them with --labels TABLE, or",
        ),
        (
            [_record(0, "a"), _record(1, "a")],
            {},
            r"the 2 videos of videos to learn from have 1 different labels 'class' \('a'\), expected two or more",
        ),
        (TRAINED, {"batch_size": 9}, r"holds 3 videos to learn from \(0 files left out\), a batch needs 9.*size 3 or"),
        (TRAINED, {"split": "2"}, r"videos has no split '2'\. Its splits are: 1\."),
        (
            TRAINED[:2],
            {"split": "1"},
            r"split 1 of videos holds out 0 videos, of which none has a label 'class' that is learnt \('a', 'b'\)",
        ),
        (
            [*TRAINED[:2], _record(0, "c", "test")],
            {"split": "1"},
            r"split 1 of videos holds out 1 videos, of which none has a label 'class' that is learnt",
        ),
        (TRAINED, {"test_groups": ("g1",)}, r"videos has no group 'g1' to test\. Its groups are: 'g0', 'g9'\."),
        (
            [_record(0, "a"), _record(1, "b")],
            {"test_groups": ("g1",)},
            r"no group 'g1' to test\. Its groups are: none; give a --group-pattern to find them",
        ),
        (
            [replace(each, group="g") for each in TRAINED],
            {"split": "1"},
            r"Of the videos that split '1' holds out, 1 are known from training:\n  92\.mp4: same group as 90\.mp4",
        ),
    ],
)
def test_what_cannot_be_learnt_is_skipped(records: list[VideoRecord], changes: dict[str, object], message: str) -> None:
    with pytest.raises(CollectionError, match=message):
        choose_task(_settings(**changes), _manifest(records))


def test_a_leak_can_be_allowed_by_name() -> None:
    records = [replace(each, checksum="same") for each in TRAINED]
    for choice in ({"split": "1"}, {"test_groups": ("g9",)}):
        with pytest.raises(CollectionError, match=r"92\.mp4: same file as 90\.mp4"):
            choose_task(_settings(**choice), _manifest(records))
        task = choose_task(_settings(allow_leaks=("92.mp4",), **choice), _manifest(records))
        assert task.test is not None
        assert [each.id for each in task.test.videos] == ["92.mp4"]


def test_what_may_leak_is_named_for_all_splits_together() -> None:
    records = [replace(_record(n, "ab"[n % 2], group=f"g{n // 2}"), checksum=f"{min(n, 6)}") for n in range(8)]
    records[7] = replace(records[7], group="g0")  # 6 and 7 are one file, in two groups
    manifest = _manifest(records)
    choices: list[dict[str, object]] = [{"test_groups": (f"g{number}",)} for number in range(4)]
    with pytest.raises(CollectionError, match=r"6\.mp4: same file as 7\.mp4"):
        checked_together([_settings(**choice) for choice in choices[1:]], manifest)
    runs = checked_together([_settings(allow_leaks=("6.mp4", "7.mp4"), **choice) for choice in choices], manifest)
    assert [run.allow_leaks for run in runs] == [("7.mp4",), (), (), ("6.mp4",)]
    with pytest.raises(CollectionError, match=r"'8\.mp4' is allowed to leak, but is the name of no leak"):
        checked_together([_settings(allow_leaks=("8.mp4", "same file"), **choice) for choice in choices], manifest)


def test_prepared_too_small() -> None:
    with pytest.raises(CollectionError, match=r"prepared at 64 pixels, the encoder's input is 112.*--side 128\."):
        choose_task(_settings(), _manifest(TRAINED, side=64))


def test_a_fold_is_held_out_with_whole_groups_and_what_is_refused_of_it() -> None:
    records = [_record(n, "ab"[n % 2], group=f"g{n // 2}", status="skipped" if n == 5 else "ok") for n in range(8)]
    tests = [choose_task(_settings(test_fold=(number, 2)), _manifest(records)).test for number in (1, 2)]
    assert [test and test.split for test in tests] == ["fold 1 of 2, test", "fold 2 of 2, test"]
    seen = [{each.id for each in test.videos} | set(test.missing) for test in tests if test]
    assert seen[0] | seen[1] == {each.id for each in records}
    assert not seen[0] & seen[1]
    assert [dict(test.missing) for test in tests if test and test.missing] == [{"5.mp4": "no video stream"}]


def test_what_the_lists_name_but_the_folder_lacks_is_missing_from_its_test() -> None:
    lists = {"gone": {"1": "test"}, "elsewhere": {"1": "train", "2": "test"}}
    manifest = replace(_manifest(TRAINED), missing=tuple(lists), missing_splits=lists)
    task = choose_task(_settings(split="1"), manifest)
    assert task.test is not None
    assert task.test.missing == {"gone": "named by the lists but not in the folder"}
