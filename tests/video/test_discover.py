"""What a folder holds: files, labels, groups, and what is wrong with it."""

import os
from pathlib import Path

import pytest
from folders import make
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError, SettingsError
from unreel.text import comma_separated
from unreel.video.collection.discover import PREPARED_MARK, find_videos, grouped, groups_of, kinds_text, select
from unreel.video.collection.labelling import no_classes


def ids(folder: Path) -> list[str]:
    return [file.id for file in find_videos(folder).files]


def test_videos_are_known_by_their_suffix_and_sorted_by_id(tmp_path: Path) -> None:
    make(tmp_path, "run/b.avi", "run/A.MP4", "c.webm", "run/deep/er/d.mkv", "notes.txt", "run/poster.jpg", "mp4")
    collection = find_videos(tmp_path)
    assert [file.id for file in collection.files] == ["c.webm", "run/A.MP4", "run/b.avi", "run/deep/er/d.mkv"]
    assert [file.path for file in collection.files] == [tmp_path / file.id for file in collection.files]
    assert collection.ignored == {".jpg": 1, ".txt": 1, "no suffix": 1}
    assert collection.folder == tmp_path
    assert collection.missing == ()
    assert all(file.splits == {} for file in collection.files)


def test_hidden_files_and_folders_do_not_count(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "._a.mp4", ".cache/b.mp4", ".DS_Store")
    assert ids(tmp_path) == ["a.mp4"]
    assert find_videos(tmp_path).ignored == {}


def test_folders_that_look_like_classes_are_labels(tmp_path: Path) -> None:
    make(tmp_path, "run/a.mp4", "run/b.mp4", "walk/a.mp4", "walk/b.mp4")
    collection = find_videos(tmp_path)
    assert [file.labels["class"] for file in collection.files] == ["run", "run", "walk", "walk"]
    assert collection.labelled == "folders"


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ("c.mp4", "1 of 5 videos do not lie one folder deep"),
        ("walk/slow/b.mp4", "1 of 5 videos do not lie one folder deep"),
        ("jump/b.mp4", "only one video lies in 'jump'"),
    ],
)
def test_folders_that_do_not_look_like_classes_are_none(tmp_path: Path, other: str, why: str) -> None:
    make(tmp_path, "run/a.mp4", "run/b.mp4", "walk/a.mp4", "walk/b.mp4", other)
    collection = find_videos(tmp_path)
    assert not any(file.labels for file in collection.files)
    assert (collection.labelled, no_classes(ids(tmp_path))) == ("none", why)


def test_a_table_of_labels_comes_before_the_folders(tmp_path: Path) -> None:
    make(tmp_path, "run/a.mp4", "run/b.mp4", "run/c.mp4")
    table = 'path,action,place\nrun/a.mp4,run,"park, west"\n\n./run//b.mp4,,street\n'
    (tmp_path / "labels.csv").write_text(table, encoding="utf-8-sig")
    collection = find_videos(tmp_path)
    assert {file.id: file.labels for file in collection.files} == {
        "run/a.mp4": {"action": "run", "place": "park, west"},
        "run/b.mp4": {"place": "street"},
        "run/c.mp4": {},
    }
    assert collection.ignored == {}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", r"begins with '', expected a header with a column of paths \(path, file, filename, video or video_path\)"),
        ("path|action\na.mp4|run\n", r"begins with 'path\|action', expected a header with a column of paths"),
        (
            "path,action\nb.mp4,run\na.mp4,run\nc.mp4,run\n",
            "names 2 videos that are not in .*: 'b.mp4', 'c.mp4'. Paths",
        ),
        (
            'path,action\n"a.mp4,run\n',
            "cannot be read as a table of labels: unexpected end of data. Save it as CSV in UTF-8.",
        ),
    ],
)
def test_a_wrong_table_of_labels_is_explained(tmp_path: Path, table: str, message: str) -> None:
    make(tmp_path, "a.mp4")
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(CollectionError, match=message) as caught:
        find_videos(tmp_path)
    assert str(tmp_path / "labels.csv") in str(caught.value)


def test_only_the_first_missing_videos_are_named(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4")
    (tmp_path / "labels.csv").write_text("path,x\n" + "".join(f"{number}.mp4,y\n" for number in range(9)))
    with pytest.raises(CollectionError, match=r"names 9 videos .*: '0.mp4', '1.mp4', '2.mp4', '3.mp4', '4.mp4', …\. "):
        find_videos(tmp_path)


def test_what_a_table_names_is_a_video_whatever_its_suffix(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "b.insv", "c.insv", "deep/d", ".hidden/e.mp4")
    table = f"action,file\nrun,b.insv\nwalk,deep\\d\nwalk,{tmp_path}/a.mp4\nrun,.hidden/e.mp4\n"
    (tmp_path / "labels.csv").write_text(table)
    collection = find_videos(tmp_path)
    assert {file.id: file.labels["action"] for file in collection.files} == {
        ".hidden/e.mp4": "run",
        "a.mp4": "walk",
        "b.insv": "run",
        "deep/d": "walk",
    }
    assert all(file.path.is_file() for file in collection.files)
    assert collection.ignored == {".insv": 1}


def test_a_table_names_no_files_elsewhere(tmp_path: Path) -> None:
    folder = make(tmp_path / "folder", "a.mp4")
    make(tmp_path, "b.mp4")
    (folder / "labels.csv").write_text(f"path,action\na.mp4,run\n../b.mp4,run\n{tmp_path}/b.mp4,run\n")
    with pytest.raises(CollectionError, match=r"labels.csv, row 4: names '.*/b.mp4' again, after row 3\. Keep one"):
        find_videos(folder)
    (folder / "labels.csv").write_text("path,action\na.mp4,run\n../b.mp4,run\n")
    with pytest.raises(CollectionError, match=r"names 1 videos that are not in .*: '../b.mp4'. Paths are relative"):
        find_videos(folder)


def test_ignored_files_are_counted_by_kind(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", *(f"{kind}{number}.{kind}" for number, kind in enumerate("abcdeefg")), "x.\x1b[31m")
    ignored = find_videos(tmp_path).ignored
    assert ignored == {".a": 1, ".b": 1, ".c": 1, ".d": 1, ".e": 2, ".f": 1, ".g": 1, "other": 1}
    assert kinds_text(ignored) == "2 .e, 1 .a, 1 .b, 1 .c, 1 .d and 3 of other kinds"
    assert kinds_text({".txt": 1200, "no suffix": 1}) == "1,200 .txt, 1 no suffix"


def test_a_folder_of_numbered_pictures_is_told_what_to_do(tmp_path: Path) -> None:
    make(tmp_path, *(f"run/{video}/{number:04}.jpg" for video in "abcd" for number in (1, 2, 3)), "readme.txt")
    with pytest.raises(CollectionError) as caught:
        find_videos(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds no video among its 13 files (12 .jpg, 1 .txt). Numbered pictures are in 'run/a', 'run/b', "
        "'run/c' and 1 more: make a video of each folder, at the rate they were taken with, as by ffmpeg -framerate 25 "
        f"-start_number 1 -i {tmp_path}/run/a/%04d.jpg -c:v copy {tmp_path}/run/a.mkv"
    )


def test_what_was_defused_for_spreadsheets_reads_back(tmp_path: Path) -> None:
    labels = {"-a.mp4": "=cmd|' /C calc'!A0", "'=b.mp4": "+1", " c.mp4": "'@x", "d.mp4": "\t=1"}
    for name in labels:
        make(tmp_path, name)
    table = comma_separated(["path", "=kind"], labels.items())
    assert '\n"\'-a.mp4","\'=cmd|' in table
    (tmp_path / "labels.csv").write_text(table, encoding="utf-8", newline="")
    assert {file.id: file.labels["=kind"] for file in find_videos(tmp_path).files} == labels


def test_names_of_any_kind_have_an_id_that_is_text(tmp_path: Path) -> None:
    names = [b"line\nbreak.mp4", "🎬 café.mp4".encode(), b"caf\xe9.mp4", b"%03d.mp4"]
    for name in names:
        make(tmp_path, os.fsdecode(name))
    files = find_videos(tmp_path).files
    assert {file.id for file in files} == {"line\nbreak.mp4", "🎬 café.mp4", "caf\\xe9.mp4", "%03d.mp4"}
    assert {os.fsencode(file.path.name) for file in files} == set(names)
    for file in files:
        file.id.encode()


def test_two_files_never_share_an_id(tmp_path: Path) -> None:
    make(tmp_path, "a\\xff.mp4", os.fsdecode(b"a\xff.mp4"))
    with pytest.raises(CollectionError, match=r"holds two files that are both called 'a\\\\xff.mp4'. Rename one."):
        find_videos(tmp_path)


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", "x/far.mp4")
    folder = make(tmp_path / "folder", "a/near.mp4")
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "b").symlink_to(tmp_path / "elsewhere")
    (folder / "broken.mp4").symlink_to("nowhere")
    assert ids(folder) == ["a/near.mp4", "b/x/far.mp4", "broken.mp4"]


def test_a_folder_reached_twice_is_listed_once(tmp_path: Path) -> None:
    make(tmp_path, "a/one.mp4")
    (tmp_path / "b").symlink_to("a")
    assert ids(tmp_path) == ["a/one.mp4"]


def test_a_folder_that_cannot_be_read_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.mp4", "closed/b.mp4")
    scan = os.scandir

    def rejecting(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", rejecting)
    assert ids(tmp_path) == ["a.mp4", "closed"]


def test_prepared_folders_are_no_source(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", f"out/{PREPARED_MARK}", "out/videos/3f/3f.mp4", "out/manifest.parquet")
    assert ids(tmp_path) == ["a.mp4"]
    with pytest.raises(
        CollectionError, match=r"out holds prepared videos already\. Use it as it is, or name the folder"
    ):
        find_videos(tmp_path / "out")


def test_a_folder_without_videos_says_what_it_holds(tmp_path: Path) -> None:
    make(tmp_path, "a.txt", "b/c.txt", "b/d.JPG", "README")
    with pytest.raises(
        CollectionError, match=r"no video among its 4 files \(2 \.txt, 1 \.jpg, 1 no suffix\)"
    ) as caught:
        find_videos(tmp_path)
    assert ".mp4" in str(caught.value)


def test_no_folder_an_empty_one_and_a_file(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"none does not exist\. Name a folder of videos\."):
        find_videos(tmp_path / "none")
    with pytest.raises(CollectionError, match="is empty, expected videos in it or in its sub-folders"):
        find_videos(tmp_path)
    make(tmp_path, "a.mp4")
    with pytest.raises(CollectionError, match=r"a\.mp4 is a file, expected a folder of videos"):
        find_videos(tmp_path / "a.mp4")


def test_groups_are_what_the_parentheses_find(tmp_path: Path) -> None:
    make(tmp_path, "run/v_run_g01_c02.avi", "walk/v_walk_g12_c01.avi")
    files = grouped(find_videos(tmp_path), r"_(g\d+)_").files
    assert [file.group for file in files] == ["g01", "g12"]
    assert [file.group for file in find_videos(tmp_path).files] == ["", ""]


def test_a_video_without_group_is_named(tmp_path: Path) -> None:
    make(tmp_path, "g1.mp4", "other.mp4")
    for pattern in (r"(g\d)", r"(g\d)|other"):
        with pytest.raises(CollectionError, match=r"does not match 'other\.mp4'; it must match the id of every video"):
            grouped(find_videos(tmp_path), pattern)


def test_a_wrong_pattern_is_explained() -> None:
    with pytest.raises(SettingsError, match=r"'\(g' is not a regular expression: missing \), unterminated"):
        groups_of(["g1.mp4"], "(g")
    with pytest.raises(SettingsError, match=r"'g\[0-9\]' has no parentheses\. Put them around what names the group"):
        groups_of(["g1.mp4"], "g[0-9]")


@given(st.lists(st.from_regex(r"[a-z/]{0,8}(g[0-9]{2})_[a-z]{0,5}\.mp4", fullmatch=True), unique=True))
def test_every_id_has_the_group_it_spells(names: list[str]) -> None:
    groups = groups_of(names, r"(g[0-9]{2})_")
    assert list(groups) == names
    assert all(f"{group}_" in name and len(group) == 3 for name, group in groups.items())


def test_patterns_choose_the_videos(tmp_path: Path) -> None:
    make(tmp_path, "run/anna.avi", "run/ben.avi", "walk/anna.avi", "named/anna.mp4")
    found = find_videos(tmp_path)

    def chosen(include: str | None = None, exclude: str | None = None) -> list[str]:
        return [file.id for file in select(found, include, exclude).files]

    assert chosen() == [file.id for file in found.files]
    assert chosen("^(run|walk)/") == ["run/anna.avi", "run/ben.avi", "walk/anna.avi"]
    assert chosen("^(run|walk)/", "/anna") == ["run/ben.avi"]
    assert chosen(exclude="/anna") == ["run/ben.avi"]


def test_patterns_that_leave_nothing_or_are_none_are_told(tmp_path: Path) -> None:
    make(tmp_path, "run/anna.avi", "run/ben.avi")
    found = find_videos(tmp_path)
    with pytest.raises(
        CollectionError, match=r"none of the 2 videos of .* include '\^walk/' and exclude None; the first "
    ):
        select(found, "^walk/", None)
    with pytest.raises(SettingsError, match=r"exclude '\(' is not a regular expression"):
        select(found, None, "(")
