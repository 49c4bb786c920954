"""Where the data sets of a table are, by names and lists only: every file here is empty."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from clips import Clip, solid
from folders import make
from official_lists import HMDB51, UCF101, Plan, write_hmdb51, write_ucf101

from unreel.errors import CollectionError
from unreel.reproduction.sources import folder_of_videos, official, pretraining
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare


def _tree(folder: Path, plan: Plan) -> Path:
    return make(folder, *(f"{label}/{name}.avi" for name, (label, _) in plan.items()))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    _tree(tmp_path / "UCF-101", UCF101)
    write_ucf101(tmp_path / "ucfTrainTestlist", UCF101)
    _tree(tmp_path / "hmdb51", HMDB51)
    write_hmdb51(tmp_path / "testTrainMulti_7030_splits", HMDB51)
    make(tmp_path / "kinetics400", "train/abseiling/a.mp4", "train/zumba/b.mp4", "val/zumba/c.mp4")
    return tmp_path


def test_data_sets_are_found_by_their_usual_names_and_counted_by_their_lists(data: Path) -> None:
    source = official("ucf101", None, data, None, ("1",))
    assert (source.folder, source.layout, source.files, source.missing) == (data / "UCF-101", "ucf101", 5, 0)
    assert source.parts == {split: {"test": 3 if split == "1" else 1, "train": 2 if split == "1" else 4}
                            for split in "123"}  # fmt: skip
    assert official("hmdb51", None, data, None, ("1",)).files == 4
    assert source.seen == "5 of 5 videos"


def test_what_the_lists_name_but_the_folder_lacks_is_said(data: Path) -> None:
    next((data / "UCF-101").rglob("*.avi")).unlink()
    source = official("ucf101", None, data, None, ("1",))
    assert (source.files, source.missing, source.seen) == (4, 1, "4 of 5 videos (!)")


def test_pretraining_takes_the_training_part_of_kinetics_where_it_has_a_folder(data: Path) -> None:
    assert pretraining(None, data).folder == data / "kinetics400" / "train"
    assert pretraining(None, data).files == 2
    shutil.rmtree(data / "kinetics400" / "train")
    assert pretraining(None, data).files == 1
    assert pretraining(data / "hmdb51", data).files == 4


def test_lists_may_be_elsewhere(data: Path, tmp_path: Path) -> None:
    (data / "ucfTrainTestlist").rename(tmp_path / "lists")
    with pytest.raises(CollectionError, match=r"the official lists of ucf101 .* name their folder: --lists"):
        official("ucf101", None, data, None, ("1",))
    source = official("ucf101", None, data, tmp_path / "lists", ("1",))
    assert (source.files, source.lists) == (5, tmp_path / "lists")


def test_a_data_set_that_is_not_there_is_named_with_what_to_do(data: Path) -> None:
    shutil.rmtree(data / "hmdb51")
    message = r"hmdb51 is not there: looked for .* under the name hmdb51 or HMDB51 .*unreel fetch hmdb51.*--hmdb51"
    with pytest.raises(CollectionError, match=message):
        official("hmdb51", None, data, None, ("1",))
    with pytest.raises(CollectionError, match=r"looked for .*nowhere\. Bring it .*: --pretrain-data FOLDER"):
        pretraining(data / "nowhere", data)


def test_prepared_folders_are_used_as_they_are(tmp_path: Path) -> None:
    shown = {name: each for name, each in UCF101.items() if each[0] == "Archery"}
    for number, (name, (label, _)) in enumerate(shown.items()):
        clip = Clip(frames=8, width=32, height=32, pictures=solid(90, 90, 40 * number))
        clip.write(tmp_path / "UCF-101" / label / f"{name}.avi")
    write_ucf101(tmp_path / "ucfTrainTestlist", UCF101)
    prepare(tmp_path / "UCF-101", tmp_path / "prepared", PrepareOptions(16, layout="ucf101"))
    source = official("ucf101", tmp_path / "prepared", tmp_path, None, ("1",))
    assert (source.prepared, source.files, source.missing) == (True, 3, 2)
    assert source.parts is not None
    assert source.parts["1"] == {"test": 2, "train": 1}
    assert folder_of_videos("videos", tmp_path / "prepared").prepared
    prepare(tmp_path / "UCF-101", tmp_path / "plain", PrepareOptions(16))
    with pytest.raises(CollectionError, match=r"has no split '1'\. .* prepare the data set with --layout"):
        official("ucf101", tmp_path / "plain", tmp_path, None, ("1",))


def test_any_folder_of_videos(tmp_path: Path) -> None:
    make(tmp_path / "videos", "walk/ann_1.mp4", "run/ben_1.mp4")
    source = folder_of_videos("videos", tmp_path / "videos", "/([a-z]+)_")
    assert (source.files, source.layout, source.group_pattern, source.parts) == (2, "folder", "/([a-z]+)_", None)
    with pytest.raises(CollectionError, match=r"group pattern 'x' .*|does not match"):
        folder_of_videos("videos", tmp_path / "videos", "(x)")


def test_whether_one_s_videos_are_in_the_folder_of_another(tmp_path: Path) -> None:
    make(tmp_path, "people/run/ann_run.avi", "other/a.mp4")
    whole, people, other = (folder_of_videos("videos", tmp_path / name) for name in ("", "people", "other"))
    made = replace(other, folder=tmp_path / "prepared", origin=tmp_path)
    assert whole.may_hold(people)
    assert people.may_hold(people)
    assert made.may_hold(people), "prepared videos came from another folder"
    assert not other.may_hold(people)
    assert not people.may_hold(whole)
