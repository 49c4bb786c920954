"""The manifest survives the disk, and says what is wrong with one that did not."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from folders import make
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.video.collection.manifest import FILE_NAME, Manifest, VideoRecord, is_prepared

GOOD = VideoRecord("run/a.mp4", "ok", path="videos/3f/3f.mp4", labels={"class": "run", "place": "park"}, frames=20)
SHORT = VideoRecord("run/b.mp4", "ok", "truncated after 17 frames: x", path="videos/4e/4e.mp4", labels={"mood": "gay"})
BAD = VideoRecord("run/c.mp4", "skipped", "empty file", labels={"hidden": "yes"})
WORSE = VideoRecord("run/d.mp4", "skipped", "empty file")

text = st.text(st.characters(exclude_categories=["Cs"]))
records = st.builds(
    VideoRecord,
    id=text,
    status=st.sampled_from(["ok", "skipped"]),
    reason=text,
    path=text.map(lambda each: f"videos/{each.encode().hex()}.mp4"),
    labels=st.dictionaries(text, text),
    group=text,
    frames=st.integers(0, 2**40),
    fps=st.floats(0, 1e4),
    width=st.integers(0, 2**20),
    height=st.integers(0, 2**20),
    duration=st.floats(0, 1e9),
    codec=text,
    source_width=st.integers(0, 2**20),
    source_height=st.integers(0, 2**20),
    rotation=st.sampled_from([0, 90, 180, 270]),
    size=st.integers(0, 2**60),
    checksum=text,
    splits=st.dictionaries(text, text),
)


@given(
    rows=st.lists(records, max_size=4, unique_by=lambda each: each.id),
    facts=st.tuples(
        text,
        st.integers(0, 4096),
        st.integers(0, 10**6),
        st.lists(text).map(tuple),
        st.dictionaries(text, st.dictionaries(text, text)),
    ),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[VideoRecord], facts: tuple[Any, ...]
) -> None:
    root = tmp_path_factory.mktemp("manifest")
    manifest = Manifest(root, tuple(rows), *facts)
    assert not is_prepared(root)
    assert manifest.write() == root / FILE_NAME
    assert is_prepared(root)
    assert Manifest.read(root) == manifest
    assert [path.name for path in root.iterdir()] == [FILE_NAME]


def test_what_cannot_be_seen_is_named_by_split_and_part(tmp_path: Path) -> None:
    records = (replace(GOOD, splits={"1": "train"}), replace(BAD, splits={"1": "test"}), WORSE)
    missing = {"gone": {"1": "test", "2": "train"}, "unused": {}}
    manifest = Manifest(tmp_path, records, missing=("gone", "unused"), missing_splits=missing)
    not_there = "named by the lists but not in the folder"
    assert manifest.unseen("1", "test") == {"run/c.mp4": "empty file", "gone": not_there}
    assert manifest.unseen("1", "train") == {}
    assert manifest.unseen("2", "train") == {"gone": not_there}
    assert manifest.unseen() == {
        "run/c.mp4": "empty file",
        "run/d.mp4": "empty file",
        "gone": not_there,
        "unused": not_there,
    }
    with pytest.raises(CollectionError, match=r"did not note in which splits the 2 videos are that its lists name"):
        replace(manifest, missing_splits={}).unseen("1", "test")


def test_usable_and_refused_are_told_apart(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, (GOOD, SHORT, BAD, WORSE))
    assert manifest.usable == (GOOD, SHORT)
    assert manifest.skipped == (BAD, WORSE)
    assert manifest.reasons_to_skip == {"empty file": 2}
    assert manifest.label_names == ("class", "mood", "place")
    assert list(manifest) == [GOOD, SHORT, BAD, WORSE]
    assert len(manifest) == 4
    assert manifest.file(GOOD) == tmp_path / "videos/3f/3f.mp4"


def test_splits_have_parts_of_usable_videos(tmp_path: Path) -> None:
    good, short = replace(GOOD, splits={"1": "train", "2": "val"}), replace(SHORT, splits={"1": "test"})
    bad = replace(BAD, splits={"1": "test", "3": "test"})
    manifest = Manifest(tmp_path, (good, short, bad))
    assert manifest.split_names == ("1", "2")
    assert manifest.parts("1") == {"test": (short,), "train": (good,)}
    assert manifest.parts("2") == {"val": (good,)}
    with pytest.raises(CollectionError) as caught:
        manifest.parts("3")
    assert str(caught.value) == f"{tmp_path} has no split '3'. Its splits are: 1, 2."


def test_a_collection_without_splits_says_how_to_get_some() -> None:
    with pytest.raises(CollectionError) as caught:
        Manifest(Path("prepared"), (GOOD,), source="videos").parts("1")
    assert str(caught.value) == (
        "videos has no split '1'. Its splits are: none; prepare the data set with --layout to give it some."
    )


def test_a_file_is_found_by_a_name_that_is_no_text(tmp_path: Path) -> None:
    (file,) = make(tmp_path, os.fsdecode(b"caf\xe9.mp4")).iterdir()
    assert Manifest(tmp_path, ()).file(replace(GOOD, path="caf\\xe9.mp4")) == file


def test_a_folder_without_manifest_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(
        CollectionError, match=r"it holds no manifest\.parquet\. Make one.*: unreel prepare FOLDER "
    ) as caught:
        Manifest.read(tmp_path)
    assert str(caught.value).startswith(str(tmp_path))


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"PAR1 not really")
    with pytest.raises(CollectionError, match=r"manifest\.parquet cannot be read as a Parquet table .*Prepare the col"):
        Manifest.read(tmp_path)


def test_a_table_of_someone_else_is_skipped(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / FILE_NAME)
    with pytest.raises(CollectionError, match=r"has the format None, expected 'unreel-manifest-3'\. Prepare the col"):
        Manifest.read(tmp_path)
