"""A list of videos in place of a folder."""

from pathlib import Path

import pytest
from folders import make
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.video.collection import VIDEO_SUFFIXES, find_videos, grouped
from unreel.video.listing import collected

NAME = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"], exclude_characters="/.,;\x85") | st.just(" "),
    min_size=1,
    max_size=12,
).filter(lambda text: text.strip() == text)
PATH = st.builds(
    lambda folders, stem, suffix: "/".join([*folders, stem + suffix]),
    st.lists(NAME, max_size=2),
    NAME,
    st.sampled_from(sorted(VIDEO_SUFFIXES)) | st.just(".MP4"),
)


@given(st.dictionaries(PATH, st.none() | NAME, min_size=1, max_size=5), st.sampled_from([" ", "\t", ",", " , ", ";"]))
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


def test_a_list_of_the_customary_kind(tmp_path: Path) -> None:
    listed = tmp_path / "train.csv"
    listed.write_text("\ufeffa b/c.mp4 3\r\n/far/away.AVI,ride a bike\r\n./d.mp4.mkv\r\n", encoding="utf-8")
    collection = grouped(collected(listed), "([a-z]+)[.]")
    assert [(file.id, file.path, file.labels, file.group) for file in collection.files] == [
        ("/far/away.AVI", Path("/far/away.AVI"), {"class": "ride a bike"}, "away"),
        ("a b/c.mp4", tmp_path / "a b/c.mp4", {"class": "3"}, "c"),
        ("d.mp4.mkv", tmp_path / "d.mp4.mkv", {}, "d"),
    ]
    assert (collection.folder, collection.ignored, collection.missing) == (tmp_path, 0, ())


def test_a_table_names_its_labels(tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text('path,action,scene\nx/a.mp4,run,park\n"b, c.mp4",walk,\n')
    assert {file.id: file.labels for file in collected(listed).files} == {
        "x/a.mp4": {"action": "run", "scene": "park"},
        "b, c.mp4": {"action": "walk"},
    }


def test_a_folder_is_as_ever(tmp_path: Path) -> None:
    make(tmp_path, "run/a.mp4", "b.mkv")
    assert collected(tmp_path) == find_videos(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "{list} names no video, expected one path a line."),
        ("path,class\n", "{list} names no video, expected one path a line."),
        ("a.mp4\nb.mp4 x\n./a.mp4 y\n", "{list}, line 3: names 'a.mp4' again. Keep one line for each video."),
        ("path,class\na.mp4,x\na.mp4,y\n", "{list}: row 3 names 'a.mp4' again. Keep one row for each video."),
        (
            "a.mp4\nhello world\n",
            "{list}, line 2: got 'hello world', expected the path of a video and perhaps a label after it. "
            f"Videos are known by their suffix: {' '.join(sorted(VIDEO_SUFFIXES))}.",
        ),
    ],
)
def test_a_list_without_sense_is_refused(tmp_path: Path, content: str, message: str) -> None:
    listed = tmp_path / "list"
    listed.write_text(content)
    with pytest.raises(CollectionError) as caught:
        collected(listed)
    assert str(caught.value) == message.format(list=listed)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    video = tmp_path / "a.mp4"
    video.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(CollectionError) as caught:
        collected(video)
    assert str(caught.value).startswith(f"{video} is neither a folder of videos nor a list of them in UTF-8 (")
    assert str(caught.value).endswith("Name a folder, or a text file with one path a line.")
