"""A list of videos in place of a folder: where a path ends is what the disk says."""

import os
from pathlib import Path

import pytest
from clips import Clip
from folders import make
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.video.collection.discover import VIDEO_SUFFIXES, find_videos, grouped
from unreel.video.collection.label_tables import list_text
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import ScanOptions
from unreel.video.collection.path_lists import collected
from unreel.video.collection.scan import scan

WORD = st.text(st.characters(categories=["L"]), min_size=1, max_size=5)
NAME = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"], exclude_characters="/\\.,;\"'\x85") | st.just(" "),
    min_size=1,
    max_size=12,
).filter(lambda text: text.strip() == text)
PATH = st.builds(
    lambda folders, stem, suffix: "/".join([*folders, stem + suffix]),
    st.lists(NAME, max_size=2),
    NAME,
    st.sampled_from(sorted(VIDEO_SUFFIXES)) | st.just(".MP4"),
)
ANY_NAME = st.one_of(
    st.text(st.sampled_from("ab1é- .,;\t\n\r\"'=+@\\\u2028\xa0"), min_size=1, max_size=12).map(os.fsencode),
    st.binary(min_size=1, max_size=12),
    st.sampled_from(
        [b"IMG_1.MOV", b"IMG_1.MOV - Trim.mp4", b"path", b"video,walk", b"a.mp4 1 3 5", b"file://x.mp4", b"~"]
    ),
).filter(lambda name: not {b"/"[0], 0} & set(name) and name not in (b".", b"..", b"list.txt") and b"\\x" not in name)


def read(folder: Path, content: str | bytes, name: str = "list.txt") -> dict[str, dict[str, str]]:
    """The labels of the files that a list of that content names."""
    listed = folder / name
    listed.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {file.id: file.labels for file in collected(listed).files}


def rejection(folder: Path, content: str | bytes, name: str = "list.txt") -> str:
    """Why a list of that content is skipped; its folder is called F."""
    with pytest.raises(CollectionError) as caught:
        read(folder, content, name)
    return str(caught.value).replace(str(folder), "F")


@given(st.dictionaries(PATH, st.none() | WORD, min_size=1, max_size=5), st.sampled_from([" ", "\t", ",", " , ", ";"]))
def test_every_path_is_read_with_its_label(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[str, str | None], between: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "list.txt"
    path.write_text("\n\n".join(row if label is None else row + between + label for row, label in rows.items()))
    collection = collected(path)
    assert {file.id: file.labels for file in collection.files} == {
        row: {} if label is None else {"class": label} for row, label in rows.items()
    }
    assert [file.path for file in collection.files] == [path.parent / row for row in sorted(rows)]


@given(names=st.sets(ANY_NAME, min_size=1, max_size=6), relative=st.booleans())
def test_a_list_that_unreel_writes_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, names: set[bytes], relative: bool
) -> None:
    folder = tmp_path_factory.mktemp("written")
    files = make(folder / "v", *map(os.fsdecode, names)).iterdir()
    paths = {path.relative_to(folder) if relative else path for path in files}
    text = list_text(os.fsencode(path).decode("utf-8", "backslashreplace") for path in paths)
    (folder / "list.txt").write_text(text, encoding="utf-8", newline="")
    found = collected(folder / "list.txt").files
    assert {file.path for file in found} == {folder / path for path in paths}
    assert all(file.labels == {} for file in found)


def test_a_list_of_the_customary_kind(tmp_path: Path) -> None:
    listed = tmp_path / "train.csv"
    listed.write_text("\ufeffa b/c.mp4 3\r\n/far/away.AVI,ride a bike\r\n./d.mp4.mkv\r\n", encoding="utf-8")
    collection = grouped(collected(listed), "([a-z]+)[.]")
    assert [(file.id, file.path, file.labels, file.group) for file in collection.files] == [
        ("/far/away.AVI", Path("/far/away.AVI"), {"class": "ride a bike"}, "away"),
        ("a b/c.mp4", tmp_path / "a b/c.mp4", {"class": "3"}, "c"),
        ("d.mp4.mkv", tmp_path / "d.mp4.mkv", {}, "d"),
    ]
    assert (collection.folder, collection.ignored, collection.missing) == (tmp_path, {}, ())


@pytest.mark.parametrize(
    ("line", "path", "label"),
    [
        ("IMG_1.MOV - Trim.mp4", "IMG_1.MOV - Trim.mp4", ""),
        ("IMG_1.MOV - Trim.mp4 walk", "IMG_1.MOV - Trim.mp4", "walk"),
        ("IMG_1.MOV - Cut.mp4", "IMG_1.MOV - Cut.mp4", ""),  # which is not there
        ("IMG_1.MOV - a walk", "IMG_1.MOV", "- a walk"),
        ("clip.insv - half.insv", "clip.insv - half.insv", ""),  # nor is this
        ("clip.insv,walk", "clip.insv", "walk"),
        ("no suffix walk", "no suffix", "walk"),
        ("no suffix", "no suffix", ""),
        ("no", "no", ""),
        ("a, b.mp4;walk", "a, b.mp4", "walk"),
        ("a, b.mp4", "a, b.mp4", ""),
        ("x.mp4;", "x.mp4", ""),
        ("  x.mp4\twalk  ", "x.mp4", "walk"),
        ("sub\\x.mp4,walk", "sub/x.mp4", "walk"),
        ("sub//./x.mp4 walk", "sub/x.mp4", "walk"),
        ('"x.mp4","walk"', "x.mp4", "walk"),
        ('"a, b.mp4";"walk; slowly"', "a, b.mp4", "walk; slowly"),
        ('x.mp4,"walk, slowly"', "x.mp4", "walk, slowly"),
        ('x.mp4 "1 3 5"', "x.mp4", "1 3 5"),
        ('"quoted" title.mp4', '"quoted" title.mp4', ""),
        ("cafe\u0301.mp4 walk", "café.mp4", "walk"),
        ("caf\\xe9.mp4 walk", "caf\\xe9.mp4", "walk"),
        (b"caf\xe9.mp4 walk", "caf\\xe9.mp4", "walk"),
        ("path", "path", ""),
        ("video, one.mp4", "video, one.mp4", ""),
        ("missing.mp4 walk", "missing.mp4", "walk"),
        ("missing.lrv", "missing.lrv", ""),
        ("~/home.mp4 walk", "~", "walk"),
    ],
)
def test_the_disk_says_where_a_path_ends(
    tmp_path: Path, line: str | bytes, path: str, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(make(tmp_path / "home", "home.mp4")))
    names = ["IMG_1.MOV", "IMG_1.MOV - Trim.mp4", "clip.insv", "no suffix", "no", "a", "a, b.mp4", "x.mp4", "sub/x.mp4"]
    folder = make(tmp_path / "f", *names, '"quoted" title.mp4', "café.mp4", "path", "video", "video, one.mp4")
    make(folder, os.fsdecode(b"caf\xe9.mp4"))
    expected = f"{tmp_path}/home/home.mp4" if path == "~" else path
    assert read(folder, line) == {expected: {"class": label} if label else {}}


def test_what_a_list_names_is_a_video_if_pyav_says_so(tmp_path: Path) -> None:
    made = {"gif": Clip(codec="gif", format="rgb8"), "h264": Clip(), "hevc": Clip(codec="libx265"), "mp4": Clip()}
    for suffix, clip in made.items():
        clip.write(tmp_path / f"v/a.{suffix}")
    for name in ("a.insv", "a.lrv", "a.360", "a", "a.txt", "a.webp"):
        (tmp_path / "v" / name).write_bytes((tmp_path / "v/a.mp4").read_bytes())
    Clip(1, codec="mjpeg", format="yuvj420p").write(tmp_path / "v/a.mjpeg").rename(tmp_path / "v/1.jpg")
    (tmp_path / "v/notes.txt").write_text("hello world, this is text\n" * 40)
    (tmp_path / "v/labels.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nwalk\n")
    listed = tmp_path / "list.txt"
    listed.write_text(list_text(f"v/{path.name}" for path in (tmp_path / "v").iterdir()))
    manifest = scan(listed, tmp_path / "named.parquet", ScanOptions(workers=1))
    assert {record.id: record.reason for record in manifest.skipped} == {
        "v/1.jpg": "a picture, not a video",
        "v/notes.txt": "a text, not a video",
        "v/labels.srt": "no video stream",
    }
    names = {f"v/a.{suffix}" for suffix in (*made, "insv", "lrv", "360", "txt", "webp")} | {"v/a"}
    assert {record.id for record in manifest.usable} == names
    assert all(record.frames == 24 for record in manifest.usable)
    found = scan(tmp_path / "v", tmp_path / "found.parquet", ScanOptions(workers=1))
    assert [record.id for record in found] == ["a.mp4"]
    kinds = {"txt": 2, "360": 1, "gif": 1, "h264": 1, "hevc": 1, "insv": 1, "jpg": 1, "lrv": 1, "srt": 1, "webp": 1}
    assert found.ignored_kinds == {f".{kind}": count for kind, count in kinds.items()} | {"no suffix": 1}
    assert Manifest.read(tmp_path / "found.parquet").ignored_kinds == found.ignored_kinds


def test_a_table_names_its_labels(tmp_path: Path) -> None:
    assert read(tmp_path, 'path,action,scene\nx/a.mp4,run,park\n"b, c.mp4",walk,\n') == {
        "x/a.mp4": {"action": "run", "scene": "park"},
        "b, c.mp4": {"action": "walk"},
    }


def test_a_folder_is_as_ever(tmp_path: Path) -> None:
    make(tmp_path, "run/a.mp4", "b.mkv")
    assert collected(tmp_path) == find_videos(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "F/list.txt names no video, expected one path a line."),
        ("path,class\n", "F/list.txt names no video, expected one path a line."),
        ("a.mp4\nb.mp4 x\n./a.mp4\n", "line 3: names 'a.mp4' again, after line 1. Keep one line for each video."),
        ("a.mp4\nF/a.mp4 y\n", "line 2: names 'F/a.mp4' again, after line 1 and with other labels. Keep one line for"),
        (
            "a.mp4\nhello world\n",
            "F/list.txt, line 2: got 'hello world', expected the path of a video and perhaps a label after it, or a "
            "header with a column of paths (path, file, filename, video or video_path). No file is called so.",
        ),
        ("name;class\na.mp4;walk\n", "line 1: got 'name;class', expected the path of a video"),
        (
            "a.mp4 1 3 5\n",
            "line 1: '1 3 5' are several labels, expected one. Write a table whose header names each "
            "(path,action,scene), or put quotes around a label that is one.",
        ),
        ("a.mp4,walk,park\n", "line 1: 'walk,park' are several labels"),
        ("a.mp4 0.0 4.5 walk\n", "line 1: '0.0 4.5 walk' are several labels"),
        ('"a.mp4","walk","park"\n', 'line 1: \'"walk","park"\' are several labels'),
        ('"new\nline.mp4",walk\n\na.mp4 1,2\n', "line 4: '1,2' are several labels"),
        ("0,a.mp4,walk\n", "line 1: '0' stands before a path, expected it behind, or a header: label,path."),
        ("walk F/a.mp4\n", "line 1: 'walk' stands before a path"),
        ("file 'a.mp4'\n", "line 1: got \"file 'a.mp4'\", expected the path of a video"),
        ("https://a.org/b.mp4 walk\n", "line 1: 'https://a.org/b.mp4' is an address, expected a path. Download it"),
        ("file:///b.mp4\n", "line 1: 'file:///b.mp4' is an address"),
        (b"a.mp4\nm\xfcll.mp4\n", r"line 2: 'm\xfcll.mp4' is not in UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8)."),
        (b"a.mp4 gr\xfc\xdfen\n", r"line 1: 'gr\xfc\xdfen' is not in UTF-8."),
        (
            "frames/v1 299 1\n",
            "line 1: 'F/frames/v1' is a folder, expected a video. Numbered pictures are in '.': make",
        ),
        ("frames\n", "line 1: 'F/frames' is a folder, expected a video."),
    ],
)
def test_a_list_without_sense_is_skipped(tmp_path: Path, content: str | bytes, message: str) -> None:
    make(tmp_path, "a.mp4", *(f"frames/v1/img_{number}.jpg" for number in range(3)))
    if isinstance(content, str):
        content = content.replace("F/", f"{tmp_path}/")
    assert message in rejection(tmp_path, content)


def test_what_is_no_text_is_skipped(tmp_path: Path) -> None:
    for content in (b"\x00\xff\xfe", b"\xff\xfe\x00", "a.mp4".encode("utf-32"), b"\xff\xfe" + b"a\0" * 9 + b"\0\xd8"):
        said = rejection(tmp_path, content, "a.txt")
        assert said.startswith("F/a.txt is neither a folder of videos nor a list of them in UTF-8 (")
        assert said.endswith("Name a folder, a text file with one path a line, or a table saved as CSV in UTF-8.")


def test_one_video_is_a_collection_of_one(tmp_path: Path) -> None:
    make(tmp_path, "a.mp4", "b.mp4")
    found = collected(tmp_path / "a.mp4")
    assert [file.id for file in found.files] == ["a.mp4"]
    assert found.folder == tmp_path
