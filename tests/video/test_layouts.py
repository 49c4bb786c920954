"""Folders of the data sets with official lists, in all the shapes they are unpacked to. No video is opened."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from folders import make, real_data
from hypothesis import given, settings
from hypothesis import strategies as st
from official_lists import HMDB51, KINETICS, UCF101, Plan, write_hmdb51, write_kinetics, write_ucf101

from unreel.errors import CollectionError
from unreel.video.collection.discover import Collection, CollectionFile, find_videos, grouped
from unreel.video.collection.layouts import LAYOUTS, arranged
from unreel.video.collection.official_lists import read_hmdb51, read_ucf101

WRITE: dict[str, Callable[[Path, Plan], Path]] = {
    "ucf101": write_ucf101,
    "hmdb51": write_hmdb51,
    "kinetics400": write_kinetics,
    "kinetics600": write_kinetics,
    "kinetics700": write_kinetics,
}
PLANS: dict[str, Plan] = {"ucf101": UCF101, "hmdb51": HMDB51, "kinetics400": KINETICS, "kinetics700": KINETICS}
ARCHIVES: dict[str, str] = {
    "ucf101": "ucfTrainTestlist",
    "hmdb51": "testTrainMulti_7030_splits",
    "kinetics400": "annotations",
    "kinetics700": "kinetics700_2020",
}


def by_id(collection: Collection) -> dict[str, CollectionFile]:
    return {file.id: file for file in collection.files}


@pytest.mark.parametrize("layout", PLANS)
@settings(max_examples=15)
@given(data=st.data())
def test_every_unpacked_shape_is_understood(
    tmp_path_factory: pytest.TempPathFactory, layout: str, data: st.DataObject
) -> None:
    root, plan = tmp_path_factory.mktemp("data"), PLANS[layout]
    present = data.draw(st.lists(st.sampled_from(sorted(plan)), min_size=1, unique=True))
    ids: dict[str, str] = {}
    for name in present:
        label = plan[name][0]
        shapes = ["", f"{label}/", f"{label.replace(' ', '_')}/", f"deep/er/{label}/", "train/", "val/odd/"]
        suffix = data.draw(st.sampled_from([".avi", ".mp4", ".WEBM"]))
        ids[data.draw(st.sampled_from(shapes)) + name + suffix] = name
    videos = make(root / "videos", *ids)
    WRITE[layout](root / "lists", plan)
    collection = arranged(find_videos(videos), layout, root / "lists")
    assert by_id(collection).keys() == ids.keys()
    for file in collection.files:
        label, splits = plan[ids[file.id]]
        withheld = layout.startswith("kinetics") and splits == {"1": "test"}
        told = not withheld or file.path.parent.name.replace("_", " ") == label
        assert file.labels == ({"class": label} if told else {})
        assert file.splits == splits
    assert collection.missing == tuple(sorted(plan.keys() - ids.values()))
    assert collection.missing_splits == {name: plan[name][1] for name in collection.missing}


@pytest.mark.parametrize("layout", PLANS)
@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("place", ["named", "inside", "beside"])
def test_lists_are_found_where_they_are_unpacked(tmp_path: Path, layout: str, place: str, nested: bool) -> None:
    plan = PLANS[layout]
    videos = make(tmp_path / "videos", *(f"{name}.mp4" for name in plan))
    outer = {"named": tmp_path / "elsewhere", "inside": videos, "beside": tmp_path}[place]
    WRITE[layout](outer / ARCHIVES[layout] if nested else outer, plan)
    collection = arranged(find_videos(videos), layout, outer if place == "named" else None)
    assert {Path(file.id).stem: file.splits for file in collection.files} == {name: plan[name][1] for name in plan}
    assert collection.missing == ()


def test_lists_beside_a_relative_folder_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "videos", "v_Archery_g01_c01.avi")
    write_ucf101(tmp_path, UCF101)
    monkeypatch.chdir(tmp_path / "videos")
    assert arranged(find_videos(Path()), "ucf101").files[0].splits["1"] == "test"


@pytest.mark.parametrize(
    ("layout", "folders"),
    [("ucf101", ["ucfTrainTestlist"]), ("kinetics600", ["annotations", "kinetics600", "kinetics600_2020"])],
)
def test_lists_that_are_nowhere_are_asked_for(tmp_path: Path, layout: str, folders: list[str]) -> None:
    videos = make(tmp_path / "videos", "a.mp4")
    example = {"ucf101": "trainlist01.txt", "kinetics600": "train.csv"}[layout]
    inside, beside = ([outer, *(outer / name for name in folders)] for outer in (videos, tmp_path))
    for lists, places in ((None, inside + beside), (tmp_path, beside)):
        with pytest.raises(CollectionError) as caught:
            arranged(find_videos(videos), layout, lists)
        assert str(caught.value) == (
            f"the official lists of {layout} ({example} …) are not in {', '.join(map(str, places))}. "
            "Unpack them there, or name their folder: --lists LISTS"
        )


def test_a_folder_of_other_videos_is_described(tmp_path: Path) -> None:
    videos = make(tmp_path / "videos", "fight/1.mp4", "fight/2.mp4")
    lists = write_ucf101(tmp_path / "lists", UCF101)
    with pytest.raises(CollectionError) as caught:
        arranged(find_videos(videos), "ucf101", lists)
    assert str(caught.value) == (
        f"{videos} holds none of the 5 videos that the lists in {lists} name: looked for "
        "'v_Archery_g02_c01', 'v_HandStandPushups_g03_c01', 'v_Archery_g01_c01', … with any video's suffix, "
        "found 'fight/1.mp4', 'fight/2.mp4'. Name the folder of the ucf101 videos, or the layout of these."
    )


def test_a_video_that_is_there_twice_is_skipped(tmp_path: Path) -> None:
    make(tmp_path, "Archery/v_Archery_g01_c01.avi", "small/v_Archery_g01_c01.mp4")
    with pytest.raises(CollectionError) as caught:
        arranged(find_videos(tmp_path), "ucf101", write_ucf101(tmp_path, UCF101))
    assert str(caught.value) == (
        f"{tmp_path} holds the video 'v_Archery_g01_c01' twice: 'Archery/v_Archery_g01_c01.avi' and "
        "'small/v_Archery_g01_c01.mp4'. Keep one."
    )


@pytest.mark.parametrize(
    "name", ["--nQbRBEz2s", "--nQbRBEz2s_104_114", "--nQbRBEz2s_0104_114.5", "--nQbRBEz2s_104_115"]
)
def test_videos_of_kinetics_have_short_names_too(tmp_path: Path, name: str) -> None:
    make(tmp_path, f"train/{name}.mp4", "_DNb_6w2cZM_1_11.webm")
    collection = arranged(find_videos(tmp_path), "kinetics400", write_kinetics(tmp_path / "lists", KINETICS))
    file, other = collection.files[1], collection.files[0]
    assert (other.labels, other.group, other.splits) == ({"class": "air drumming"}, "_DNb_6w2cZM", {"1": "val"})
    known = name in ("--nQbRBEz2s", "--nQbRBEz2s_104_114")
    assert file.labels == ({"class": "air drumming"} if known else {})
    assert file.splits == ({"1": "train"} if known else {})
    assert ("--nQbRBEz2s_000104_000114" in collection.missing) != known
    assert file.group == ("--nQbRBEz2s" if known or name.endswith("_115") else "")


def test_a_short_name_of_several_clips_is_skipped(tmp_path: Path) -> None:
    plan: Plan = KINETICS | {"--nQbRBEz2s_000200_000210": ("abseiling", {"1": "train"})}
    videos = make(tmp_path / "videos", "--nQbRBEz2s.mp4", "_DNb_6w2cZM.mp4")
    lists = write_kinetics(tmp_path / "lists", plan)
    with pytest.raises(CollectionError) as caught:
        arranged(find_videos(videos), "kinetics400", lists)
    assert str(caught.value) == (
        f"{videos}: '--nQbRBEz2s.mp4' may be several clips that the lists name: '--nQbRBEz2s_000104_000114', "
        "'--nQbRBEz2s_000200_000210'. Name it after its clip."
    )
    (videos / "--nQbRBEz2s.mp4").rename(videos / "--nQbRBEz2s_200_210.mp4")
    collection = arranged(find_videos(videos), "kinetics400", lists)
    assert by_id(collection)["--nQbRBEz2s_200_210.mp4"].labels == {"class": "abseiling"}
    make(videos, "--nQbRBEz2s_000200_000210.mp4")
    with pytest.raises(CollectionError, match=r"holds the video '--nQbRBEz2s_000200_000210' twice: '--nQ"):
        arranged(find_videos(videos), "kinetics400", lists)


def test_files_in_no_list_stay(tmp_path: Path) -> None:
    make(
        tmp_path,
        "UCF-101/Archery/v_Archery_g01_c01.avi",
        "UCF-101/Archery/v_Archery_g30_c01.avi",
        "UCF-101/Archery/holiday.mp4",
        "UCF-101/holiday.mp4",
        os.fsdecode(b"UCF-101/caf\xe9.mp4"),
    )
    files = by_id(arranged(find_videos(tmp_path), "ucf101", write_ucf101(tmp_path, UCF101)))
    assert {name: (file.labels, file.group) for name, file in files.items() if not file.splits} == {
        "UCF-101/Archery/v_Archery_g30_c01.avi": ({"class": "Archery"}, "Archery_g30"),
        "UCF-101/Archery/holiday.mp4": ({"class": "Archery"}, ""),
        "UCF-101/holiday.mp4": ({}, ""),
        "UCF-101/caf\\xe9.mp4": ({}, ""),
    }
    assert len(files) == 5


def test_a_withheld_class_is_that_of_the_folder(tmp_path: Path) -> None:
    make(tmp_path, "test/air_drumming/0wR5jVB-WPk_000417_000427.mp4")
    (file,) = arranged(find_videos(tmp_path), "kinetics400", write_kinetics(tmp_path, KINETICS)).files
    assert (file.labels, file.splits) == ({"class": "air drumming"}, {"1": "test"})


def test_other_labels_and_own_groups_stay(tmp_path: Path) -> None:
    make(tmp_path, "v_Archery_g01_c01.avi", "v_Archery_g02_c01.avi")
    (tmp_path / "labels.csv").write_text("path,class,place\nv_Archery_g01_c01.avi,other,park\n")
    write_ucf101(tmp_path, UCF101)
    one, other = arranged(grouped(find_videos(tmp_path), r"(g\d+)_"), "ucf101").files
    assert (one.labels, one.group) == ({"class": "Archery", "place": "park"}, "g01")
    assert (other.labels, other.group) == ({"class": "Archery"}, "g02")


def test_a_plain_folder_is_left_as_it_is(tmp_path: Path) -> None:
    collection = find_videos(make(tmp_path, "run/v_Archery_g01_c01.avi"))
    assert arranged(collection, "folder") is collection
    assert collection.files[0].splits == {}
    assert collection.missing == ()


@pytest.mark.parametrize(
    ("layout", "name", "group"),
    [
        ("ucf101", "v_HandStandPushups_g01_c04", "HandStandPushups_g01"),
        ("ucf101", "v_HandStandPushups_g01", ""),
        ("hmdb51", "TrumanShow_wave_f_nm_np1_fr_med_26", "TrumanShow_wave"),
        ("hmdb51", "#20_Rhythm_clap_u_cm_np1_le_goo_4", "#20_Rhythm_clap"),
        ("hmdb51", "holiday_wave", ""),
        ("kinetics400", "-_-nQbRBEz2_000104_000114", "-_-nQbRBEz2"),
        ("kinetics700", "--nQbRBEz2s", ""),
    ],
)
def test_the_name_tells_the_source(layout: str, name: str, group: str) -> None:
    assert LAYOUTS[layout].group_of(name) == group


@pytest.mark.data
@pytest.mark.parametrize(("layout", "groups"), [("ucf101", 25 * 101), ("hmdb51", 2291)])
def test_no_official_split_has_a_source_on_both_sides(layout: str, groups: int) -> None:
    read = {"ucf101": read_ucf101, "hmdb51": read_hmdb51}[layout]
    videos = read(real_data("splits") / layout)
    sources = {name: LAYOUTS[layout].group_of(name) for name in videos}
    assert len(set(sources.values()) - {""}) == len(set(sources.values())) == groups
    for split in "123":
        train, test = (
            {sources[name] for name, video in videos.items() if video.splits.get(split) == part}
            for part in ("train", "test")
        )
        assert train
        assert test
        assert not train & test


@pytest.mark.data
@pytest.mark.parametrize(("layout", "folder", "named"), [("ucf101", "UCF-101", 13320), ("hmdb51", "hmdb51", 6766)])
def test_true_names_are_in_the_true_lists(layout: str, folder: str, named: int) -> None:
    collection = arranged(find_videos(real_data("named") / folder), layout, real_data("splits") / layout)
    assert len(collection.files) == 4
    for file in collection.files:
        assert file.labels == {"class": file.id.split("/")[0]}
        assert file.group
    assert len(collection.missing) == named - 4
    if layout == "ucf101":
        assert by_id(collection)["ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi"].splits == {
            "1": "test",
            "2": "train",
            "3": "train",
        }
