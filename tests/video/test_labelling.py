"""Where labels come from: what `--labels` chooses, and how a table's names find the videos."""

from dataclasses import replace
from pathlib import Path

import pytest
from clips import Clip
from folders import make
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.video.collection.labelling import matched, no_classes, relabelled
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare, prepared


def collection(source: Path, *ids: str) -> Manifest:
    records = (VideoRecord(each, "ok", labels={"kind": "old"}) for each in sorted(ids))
    return Manifest(source, tuple(records), str(source), labelled="labels.csv")


def places(manifest: Manifest) -> dict[str, Path]:
    return {record.id: Path(manifest.source) / record.id for record in manifest}


def labels_of(manifest: Manifest) -> dict[str, dict[str, str]]:
    return {record.id: record.labels for record in manifest if record.labels}


def test_what_is_asked_for_is_what_there_is(tmp_path: Path) -> None:
    found = collection(tmp_path, "a/x.mp4", "b/y.mp4", "z.mp4")
    assert relabelled(found) is found
    assert labels_of(relabelled(found, "none")) == {}
    assert labels_of(relabelled(found, "folders")) == {"a/x.mp4": {"class": "a"}, "b/y.mp4": {"class": "b"}}
    assert [relabelled(found, each).labelled for each in ("auto", "none", "folders")] == [
        "labels.csv",
        "none",
        "folders",
    ]


@pytest.mark.parametrize(
    "name", ["a/x.mp4", "x.mp4", "/elsewhere/videos/a/x.mp4", "{videos}/a/x.mp4", "../videos/a/x.mp4"]
)
def test_a_table_finds_videos_by_whatever_names_them(tmp_path: Path, name: str) -> None:
    videos, place = tmp_path / "videos", tmp_path / "tables"
    make(videos, "a/x.mp4", "b/y.mp4")
    place.mkdir()
    table = place / "mine.csv"
    table.write_text(f"path,action\n{name.format(videos=videos)},jump\n")
    found = relabelled(collection(videos, "a/x.mp4", "b/y.mp4"), str(table))
    assert labels_of(found) == {"a/x.mp4": {"action": "jump"}}
    assert found.labelled == str(table)


def test_a_name_that_two_videos_have_is_neither(tmp_path: Path) -> None:
    found = collection(tmp_path, "a/x.mp4", "b/x.mp4", "c/y.mp4")
    assert matched(["x.mp4", "y.mp4", "/far/b/x.mp4"], places(found), tmp_path) == {
        "y.mp4": "c/y.mp4",
        "/far/b/x.mp4": "b/x.mp4",
    }


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    found = collection(tmp_path, "x.mp4")
    table.write_text("path,action\nx.mp4,jump\ngone.mp4,run\n")
    assert relabelled(found, str(table)).labelled == f"{table} (1 of its videos are not here: 'gone.mp4')"
    table.write_text("path,action\ngone.mp4,run\n")
    with pytest.raises(CollectionError, match=r"names 1 videos, of which none is among the 1 that there are"):
        relabelled(found, str(table))
    table.write_text("path,action\nx.mp4,run\n/far/x.mp4,walk\n")
    with pytest.raises(CollectionError, match=r"'x.mp4' and '/far/x.mp4' are both 'x.mp4', expected each video once"):
        relabelled(found, str(table))
    with pytest.raises(CollectionError, match=r"labels is 'nothing.csv', expected auto, none, folders or a table"):
        relabelled(found, "nothing.csv")


NAME = st.text("abc.", min_size=1, max_size=3).filter(lambda name: name.strip("."))


@given(st.sets(st.lists(NAME, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8))
def test_every_video_is_found_by_its_own_name_and_nothing_by_two(ids: set[str]) -> None:
    found = collection(Path("/videos"), *ids)
    assert matched(ids, places(found), Path("/tables")) == {each: each for each in ids}
    bare = {each.rpartition("/")[2] for each in ids} - ids
    assert all(here.endswith(name) for name, here in _once(bare, found).items())


def _once(names: set[str], found: Manifest) -> dict[str, str]:
    return {name: here for each in names for name, here in matched([each], places(found), Path("/tables")).items()}


@given(st.sets(st.lists(NAME, min_size=1, max_size=3).map("/".join), max_size=8))
def test_classes_are_what_the_rule_says(ids: set[str]) -> None:
    folders = [each.split("/")[0] for each in ids]
    alike = all(len(each.split("/")) == 2 for each in ids) and len(set(folders)) > 1
    assert (no_classes(ids) == "") == (alike and all(folders.count(each) > 1 for each in folders))


def test_a_prepared_copy_is_the_same_whatever_labels_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    for name in ("a/x.mp4", "b/y.mp4"):
        Clip(frames=4).write(tmp_path / "videos" / name)
    plain = prepared(tmp_path / "videos", PrepareOptions(32))
    before = (plain.root / "manifest.parquet").read_bytes()
    asked = prepared(tmp_path / "videos", PrepareOptions(32, labels="folders"))
    assert (labels_of(plain), set(labels_of(asked))) == ({}, {"a/x.mp4", "b/y.mp4"})
    assert (plain.root / "manifest.parquet").read_bytes() == before
    assert asked == replace(plain, records=asked.records, labelled="folders")
    own = prepare(tmp_path / "videos", tmp_path / "own", PrepareOptions(32, labels="folders"))
    assert Manifest.read(tmp_path / "own") == own
    assert labels_of(prepared(tmp_path / "own", PrepareOptions(32))) == labels_of(asked)
