"""What official lists say, and what is wrong with those that are not as they were published."""

from collections import Counter
from pathlib import Path

import pytest
from folders import real_data
from hypothesis import given, settings
from hypothesis import strategies as st
from official_lists import HMDB51, KINETICS, UCF101, Plan, write_hmdb51, write_kinetics, write_ucf101

from unreel.errors import CollectionError
from unreel.video.collection.official_lists import ListedVideo, read_hmdb51, read_kinetics, read_ucf101


def listed(plan: Plan) -> dict[str, ListedVideo]:
    return {name: ListedVideo(label, splits) for name, (label, splits) in plan.items()}


def append(path: Path, line: str) -> None:
    with path.open("a", newline="") as file:
        file.write(line)


def used(parts: list[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(st.sampled_from(["1", "2", "3"]), st.sampled_from(parts), max_size=3)


ucf101_names = st.from_regex(r"v_[A-Za-z]{1,5}_g[0-9]{2}_c[0-9]{2}", fullmatch=True)
hmdb51_names = st.from_regex(r"[#!(\[A-Za-z][A-Za-z0-9#;&!()+@~_\[\].-]{0,12}", fullmatch=True)


@settings(max_examples=30)
@given(
    st.dictionaries(
        ucf101_names, st.tuples(st.sampled_from(["YoYo", "Archery"]), used(["train", "test"]).filter(bool)), min_size=1
    )
)
def test_ucf101_is_read_as_written(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> None:
    folder = write_ucf101(tmp_path_factory.mktemp("lists"), plan)
    assert read_ucf101(folder) == listed(plan)


@settings(max_examples=30)
@given(
    st.dictionaries(
        hmdb51_names, st.tuples(st.sampled_from(["wave", "brush_hair"]), used(["train", "test"])), min_size=1
    )
)
def test_hmdb51_is_read_as_written(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> None:
    folder = write_hmdb51(tmp_path_factory.mktemp("lists"), plan)
    assert read_hmdb51(folder) == listed(plan)


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9_-]{11}_[0-9]{6}_[0-9]{6}", fullmatch=True),
        st.tuples(
            st.sampled_from(["abseiling", "massaging person's head", "skiing, or not"]),
            st.fixed_dictionaries({"1": st.sampled_from(["train", "val", "test"])}),
        ),
    )
)
def test_kinetics_is_read_as_written(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> None:
    folder = write_kinetics(tmp_path_factory.mktemp("lists"), plan)
    withheld = {name: ("" if splits["1"] == "test" else label, splits) for name, (label, splits) in plan.items()}
    assert read_kinetics(folder, classes=400) == listed(withheld)


@pytest.mark.parametrize("name", ["val.csv", "kinetics_val.csv", "kinetics-600_val.csv", "k400_val.csv"])
def test_tables_of_kinetics_have_several_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("label,youtube_id,time_start,time_end,split\nabseiling,0wR5jVB-WPk,417,427,val\n")
    (tmp_path / "labels.csv").write_text("path,label\n")
    assert read_kinetics(tmp_path, classes=1) == {
        "0wR5jVB-WPk_000417_000427": ListedVideo("abseiling", {"1": "val"}),
    }


@pytest.mark.parametrize("missing", ["classInd.txt", "trainlist02.txt", "testlist03.txt"])
def test_a_missing_list_of_ucf101_is_named(tmp_path: Path, missing: str) -> None:
    (write_ucf101(tmp_path, UCF101) / missing).unlink()
    with pytest.raises(CollectionError) as caught:
        read_ucf101(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / missing} is missing. The official lists belong together: unpack all of them."
    )


def test_a_missing_list_of_hmdb51_is_named(tmp_path: Path) -> None:
    (write_hmdb51(tmp_path, HMDB51) / "wave_test_split2.txt").unlink()
    with pytest.raises(CollectionError, match=r"wave_test_split2\.txt is missing\. The official lists belong together"):
        read_hmdb51(tmp_path)


def test_a_list_in_another_encoding_is_skipped(tmp_path: Path) -> None:
    (write_hmdb51(tmp_path, HMDB51) / "wave_test_split2.txt").write_bytes(b"caf\xe9.avi 1\n")
    with pytest.raises(CollectionError, match=r"wave_test_split2\.txt cannot be read as a list \(.*\)\. Unpack it ag"):
        read_hmdb51(tmp_path)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("classInd.txt", "Archery 1", "line 3: got 'Archery 1', expected a number and a class."),
        ("classInd.txt", "7 Archery", "line 3: names 'Archery' again. Keep one line for each class."),
        (
            "testlist01.txt",
            "v_Archery_g09_c01.avi",
            "line 4: got 'v_Archery_g09_c01.avi', expected Class/v_Class_g01_c01.avi and perhaps a number.",
        ),
        (
            "testlist01.txt",
            "Archer/v_Archer_g09_c01.avi",
            "line 4: the class 'Archer' is not in classInd.txt. Take both from one archive.",
        ),
        (
            "trainlist01.txt",
            "Archery/v_Archery_g09_c01.avi 2",
            "line 3: Archery has the number 2, expected 1 as in classInd.txt.",
        ),
        (
            "testlist01.txt",
            "Archery/v_Archery_g01_c02.avi",
            "line 4: names 'v_Archery_g01_c02' again for split 1. Keep one line for each video.",
        ),
        (
            "testlist01.txt",
            "Archery/v_Archery_g02_c01.avi",
            "line 4: puts 'v_Archery_g02_c01' into test of split 1, but it is in train already. "
            "A video is in one part of a split.",
        ),
        (
            "testlist03.txt",
            "HandstandPushups/v_Archery_g04_c01.avi\r\n\r\nArchery/v_Archery_g04_c01.avi",
            "line 4: names 'v_Archery_g04_c01' again for split 3. Keep one line for each video.",
        ),
    ],
)
def test_a_wrong_line_of_ucf101_is_named(tmp_path: Path, file: str, line: str, message: str) -> None:
    append(write_ucf101(tmp_path, UCF101) / file, f"{line}\r\n")
    with pytest.raises(CollectionError) as caught:
        read_ucf101(tmp_path)
    assert str(caught.value) == f"{tmp_path / file}, {message}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("b.avi 3", "line 3: got 'b.avi 3', expected name.avi and 0 (not used), 1 (train) or 2 (test)."),
        ("b.avi", "line 3: got 'b.avi', expected name.avi and 0 (not used), 1 (train) or 2 (test)."),
        (
            "TrumanShow_wave_f_nm_np1_fr_med_27.avi 2",
            "line 3: puts 'TrumanShow_wave_f_nm_np1_fr_med_27' into test of split 1, but it is in no part already. "
            "A video is in one part of a split.",
        ),
        (
            "TrumanShow_wave_f_nm_np1_fr_med_26.avi 0",
            "line 3: puts 'TrumanShow_wave_f_nm_np1_fr_med_26' into no part of split 1, but it is in train already. "
            "A video is in one part of a split.",
        ),
        (
            "TrumanShow_wave_f_nm_np1_fr_med_27.avi 0",
            "line 3: names 'TrumanShow_wave_f_nm_np1_fr_med_27' again for split 1. Keep one line for each video.",
        ),
    ],
)
def test_a_wrong_line_of_hmdb51_is_named(tmp_path: Path, line: str, message: str) -> None:
    file = write_hmdb51(tmp_path, HMDB51) / "wave_test_split1.txt"
    append(file, f"{line}\n")
    with pytest.raises(CollectionError) as caught:
        read_hmdb51(tmp_path)
    assert str(caught.value) == f"{file}, {message}"


def test_a_video_of_two_classes_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "clap_test_split1.txt").write_text("a.avi 1\n")
    for name in ("clap_test_split2", "clap_test_split3", "wave_test_split1", "wave_test_split3"):
        (tmp_path / f"{name}.txt").touch()
    file = tmp_path / "wave_test_split2.txt"
    file.write_text("b.avi 1\na.avi 1\n")
    with pytest.raises(CollectionError) as caught:
        read_hmdb51(tmp_path)
    assert str(caught.value) == (
        f"{file}, line 2: gives 'a' the class 'wave', but it has 'clap' already. A video has one class."
    )


@pytest.mark.parametrize(
    "row",
    [
        "abseiling,0wR5jVB-WPk,417,427",
        "abseiling,0wR5jVB-WPk,417,427,val,0,0",
        "abseiling,0wR5jVB-WP,417,427,val,0",
        "abseiling,0wR5jVB/WPk,417,427,val,0",
        "abseiling,0wR5jVB-WPk,417.5,427,val,0",
        "abseiling,0wR5jVB-WPk,417,,val,0",
        "abseiling,0wR5jVB-WPk,1000000,1000010,val,0",
        "abseiling,0wR5jVB-WPk,417,427,holdout,0",
        ",0wR5jVB-WPk,417,427,val,0",
    ],
)
def test_a_wrong_row_of_kinetics_is_named(tmp_path: Path, row: str) -> None:
    file = write_kinetics(tmp_path, KINETICS) / "validate.csv"
    append(file, f"{row}\r\n")
    with pytest.raises(CollectionError) as caught:
        read_kinetics(tmp_path, classes=400)
    assert str(caught.value) == (
        f"{file}, line 3: got {row!r}, expected label,youtube_id,time_start,time_end,split,is_cc with an id of "
        "11 characters, whole seconds, and a split of train, val, validate, test."
    )


def test_a_clip_in_two_tables_of_kinetics_is_skipped(tmp_path: Path) -> None:
    file = write_kinetics(tmp_path, KINETICS) / "validate.csv"
    append(file, "abseiling,gGGlthnIB-4,36,46,validate,0\r\n")
    with pytest.raises(
        CollectionError, match=r"line 3: puts 'gGGlthnIB-4_000036_000046' into val of split 1, but it i"
    ):
        read_kinetics(tmp_path, classes=400)


def test_a_torn_cell_is_skipped(tmp_path: Path) -> None:
    file = write_kinetics(tmp_path, KINETICS) / "train.csv"
    append(file, '"abseiling,0wR5jVB-WPk\r\n')
    with pytest.raises(CollectionError) as caught:
        read_kinetics(tmp_path, classes=400)
    assert str(caught.value) == (
        f"{file}, line 4: got '\"abseiling,0wR5jVB-WPk', expected cells with commas between them "
        "(unexpected end of data)."
    )


@pytest.mark.parametrize(("header", "got"), [("", ""), ("label,youtube_id,split\n", "label,youtube_id,split")])
def test_a_table_without_its_columns_is_skipped(tmp_path: Path, header: str, got: str) -> None:
    (tmp_path / "train.csv").write_text(header)
    with pytest.raises(CollectionError) as caught:
        read_kinetics(tmp_path, classes=400)
    assert str(caught.value) == (
        f"{tmp_path / 'train.csv'}, line 1: got {got!r}, expected label,youtube_id,time_start,time_end,split."
    )


def test_lists_of_a_larger_kinetics_are_skipped(tmp_path: Path) -> None:
    write_kinetics(tmp_path, KINETICS)
    assert len(read_kinetics(tmp_path, classes=2)) == 4
    with pytest.raises(CollectionError) as caught:
        read_kinetics(tmp_path, classes=1)
    assert str(caught.value) == (
        f"the lists in {tmp_path} have 2 classes, more than the 1 of kinetics1. Name the layout they belong to."
    )


def _sizes(videos: dict[str, ListedVideo]) -> Counter[tuple[str, str]]:
    return Counter((split, part) for video in videos.values() for split, part in video.splits.items())


@pytest.mark.data
def test_ucf101_has_its_published_sizes() -> None:
    videos = read_ucf101(real_data("splits") / "ucf101")
    assert _sizes(videos) == {
        ("1", "train"): 9537,
        ("1", "test"): 3783,
        ("2", "train"): 9586,
        ("2", "test"): 3734,
        ("3", "train"): 9624,
        ("3", "test"): 3696,
    }
    assert (len(videos), len({video.label for video in videos.values()})) == (13320, 101)


@pytest.mark.data
def test_hmdb51_has_its_published_sizes() -> None:
    videos = read_hmdb51(real_data("splits") / "hmdb51")
    assert _sizes(videos) == {
        (split, part): size for split in "123" for part, size in (("train", 3570), ("test", 1530))
    }
    assert (len(videos), len({video.label for video in videos.values()})) == (6766, 51)
