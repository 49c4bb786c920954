"""A folder of features: a file for each video, as its table has it, brought up to date as a table is."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import Clip
from hypothesis import given
from hypothesis import strategies as st
from tables import TINY, facts_of, tiny_weights

from unreel.checkpoint import load_encoder
from unreel.errors import CollectionError, OverwriteError
from unreel.search import update as update_module
from unreel.search.embedding import embedded_here
from unreel.search.feature_files import file_names
from unreel.search.metadata import DenseWindows
from unreel.search.table import EmbeddingTable
from unreel.search.update import Changes, update
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

NAMES = ["run/0", "run/2.avi", "run/2.mp4", "walk/1"]
FRAMES = {"run/0.mp4": 12, "walk/1.mp4": 40, "run/2.mp4": 60, "run/2.avi": 70}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_weights(tmp_path_factory.mktemp("weights") / "weights.safetensors")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    for name, frames in FRAMES.items():
        Clip(frames=frames, width=72, height=56).write(folder / "videos" / name)
    prepare(folder / "videos", folder / "prepared of videos", PrepareOptions(TINY.prepared_side, workers=1))
    return folder


@pytest.fixture
def folder(collection: Path, tmp_path: Path) -> Path:
    """A collection of four videos to be changed, prepared already."""
    shutil.copytree(collection, tmp_path, dirs_exist_ok=True)
    return tmp_path


Embed = Callable[..., Changes]


@pytest.fixture
def embed(folder: Path, weights: Path) -> Embed:
    """Prepare and embed the videos of a folder, in windows a quarter of a second apart."""

    def embed(place: str, videos: str = "videos", window: float | None = 1.0, **changes: object) -> Changes:
        manifest = prepare(folder / videos, folder / f"prepared of {videos}", PrepareOptions(38, workers=1))
        facts = replace(facts_of(weights, manifest, clips=DenseWindows(0.25, window)), **changes)  # type: ignore[arg-type]
        return update(folder / place, load_encoder(weights), manifest, facts)

    return embed


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def listed(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "features.json").read_text())
    return content


def test_each_file_holds_the_windows_of_its_video_as_a_table_has_them(folder: Path, embed: Embed) -> None:
    assert embed("features/*.npy") == embed("table") == Changes(embedded=4)
    table = EmbeddingTable.open(folder / "table")
    content = listed(folder / "features")
    assert sorted(content["database"]) == NAMES
    for name, entry in content["database"].items():
        rows = table.rows(f"id = '{entry['id']}'", kind="clip")
        held = np.load(folder / f"features/{name}.npy")
        assert held.dtype == np.float32
        assert held.tobytes() == table.vectors("clip", f"id = '{entry['id']}'").vectors.tobytes()
        times = [(k * 0.25, k * 0.25 + entry["window"]) for k in range(entry["windows"])]
        assert np.allclose([(row.start, row.end) for row in rows], times)


def test_the_listing_says_how_they_were_made(folder: Path, embed: Embed, weights: Path) -> None:
    embed("features/*.npy")
    content = listed(folder / "features")
    encoder = load_encoder(weights)
    assert (content["encoder"], content["checkpoint"], content["level"]) == ("tiny", encoder.checkpoint, 5)
    assert content["clips"] == {"every": 0.25, "window": 1.0}
    entry = content["database"]["walk/1"]
    assert {name: entry[name] for name in ("id", "duration", "fps", "frame", "windows", "window")} == {
        "id": "walk/1.mp4",
        "duration": pytest.approx(1.6),
        "fps": 25.0,
        "frame": 40,
        "windows": 3,
        "window": 1.0,
    }
    short = content["database"]["run/0"]
    assert (short["windows"], short["window"]) == (1, 0.48)


def test_again_changes_nothing(folder: Path, embed: Embed) -> None:
    embed("features/*.npy")
    before = contents(folder / "features")
    assert embed("features/*.npy") == Changes(kept=4)
    assert contents(folder / "features") == before


def test_only_what_has_changed_is_embedded(folder: Path, embed: Embed) -> None:
    embed("features/*.npy")
    Clip(frames=33, width=72, height=56).write(folder / "videos/run/0.mp4")
    (folder / "videos/walk/1.mp4").unlink()
    (folder / "videos/run/2.avi").unlink()  # so that run/2.mp4 has its name for itself
    changes = embed("features/*.npy")
    assert (changes.embedded, sorted(changes.removed)) == (2, ["run/2.avi", "walk/1.mp4"])
    embed("others/*.npy")
    assert contents(folder / "features") == contents(folder / "others")
    (folder / "features/run/2.npy").unlink()
    assert embed("features/*.npy") == Changes(embedded=1, kept=1)
    assert contents(folder / "features") == contents(folder / "others")


@pytest.mark.parametrize("written", [0, 1, 3])
def test_what_was_written_before_an_end_is_kept(
    written: int, folder: Path, embed: Embed, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed("others/*.npy")
    monkeypatch.setattr(update_module, "ROWS_AT_ONCE", 1)

    def ends(*arguments: object) -> object:
        for number, each in enumerate(embedded_here(*arguments)):  # type: ignore[arg-type]
            if number == written:
                raise KeyboardInterrupt
            yield each

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(update_module, "embedded_here", ends)
        embed("features/*.npy")
    assert embed("features/*.npy") == Changes(embedded=4 - written, kept=written)
    assert contents(folder / "features") == contents(folder / "others")


def test_what_is_noted_but_not_written_is_not_taken_for_done(
    folder: Path, embed: Embed, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed("features/*.npy")
    expected = contents(folder / "features")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("numpy.save", interrupted)
        embed("more/*.npy")
    assert sorted(listed(folder / "more")["database"]) == NAMES
    assert embed("more/*.npy") == Changes(embedded=4)
    assert contents(folder / "more") == expected


def interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_several_folders_in_one(folder: Path, embed: Embed) -> None:
    embed("features/*.npy")
    Clip(frames=30, width=72, height=56).write(folder / "more/a.mp4")
    assert embed("features/*.npy", "more") == Changes(embedded=1)
    assert embed("features/*.npy") == Changes(kept=4)
    assert sorted(listed(folder / "features")["database"]) == ["a", *NAMES]
    shutil.copytree(folder / "videos", folder / "copied")
    with pytest.raises(CollectionError, match=r"holds 4 videos of the same names from .*: name another"):
        embed("features/*.npy", "copied")


def test_features_are_not_mixed(folder: Path, embed: Embed) -> None:
    embed("features/*.npy")
    before = contents(folder / "features")
    with pytest.raises(CollectionError, match=r"clips every 0\.25 s, 1 s long; got .* clips every 0\.25 s\. Their"):
        embed("features/*.npy", window=None)
    for change in ({"checkpoint": "another"}, {"level": 4}):
        with pytest.raises(CollectionError, match="Their vectors cannot be compared: name another"):
            embed("features/*.npy", **change)
    assert contents(folder / "features") == before


def test_nothing_of_others_is_overwritten(folder: Path, embed: Embed) -> None:
    with pytest.raises(OverwriteError, match=r"videos holds 'run', 'walk' and no features: name a new folder"):
        embed("videos/*.npy")
    embed("features/*.npy")
    (folder / "features/new.npy").write_text("mine")
    Clip(frames=33, width=72, height=56).write(folder / "videos/new.mp4")
    with pytest.raises(OverwriteError, match=r"features/new\.npy exists already and nothing is overwritten"):
        embed("features/*.npy")
    assert (folder / "features/new.npy").read_text() == "mine"
    assert sorted(listed(folder / "features")["database"]) == NAMES


def test_annotations_of_others_are_kept(folder: Path, embed: Embed) -> None:
    embed("features/*.npy")
    content = listed(folder / "features")
    content["database"]["walk/1"]["annotations"] = [{"segment": [0.2, 0.9], "label": "step"}]
    (folder / "features/features.json").write_text(json.dumps(content))
    Clip(frames=33, width=72, height=56).write(folder / "videos/new.mp4")
    assert embed("features/*.npy") == Changes(embedded=1, kept=4)
    assert listed(folder / "features")["database"]["walk/1"]["annotations"][0]["label"] == "step"


@pytest.mark.parametrize("damage", ["cut", "other shape", "no array", "objects"])
def test_a_file_that_is_not_as_it_was_written_is_told(damage: str, folder: Path, embed: Embed) -> None:
    embed("features/*.npy")
    path = folder / "features/walk/1.npy"
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-4])
        case "other shape":
            np.save(path, np.zeros((2, 3), np.float32))
        case "no array":
            path.write_text("notes")
        case _:
            np.save(path, np.array([{}]), allow_pickle=True)
    before = contents(folder / "features")
    with pytest.raises(
        CollectionError, match=r"walk/1\.npy is not as `unreel embed` wrote it: .*Remove it, and the same"
    ):
        embed("features/*.npy")
    assert contents(folder / "features") == before
    path.unlink()
    assert embed("features/*.npy") == Changes(embedded=1, kept=3)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", "cannot be used"),
        ("{", "cannot be used"),
        ('{"database": {"a": {"id": 3}}}', "cannot be used"),
        ('{"database": {}}', "does not say how its vectors were made"),
        ('{"database": {}, "format": "unreel-embeddings-1"}', "has the format 'unreel-embeddings-1'"),
    ],
)
def test_a_damaged_listing_is_told(content: str, told: str, folder: Path, embed: Embed) -> None:
    (folder / "features").mkdir()
    (folder / "features/features.json").write_text(content)
    with pytest.raises(CollectionError, match=told):
        embed("features/*.npy")
    assert (folder / "features/features.json").read_text() == content


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "a/../../outside", "a\0b"])
def test_a_listing_that_leads_out_removes_nothing(name: str, folder: Path, embed: Embed) -> None:
    embed("features/*.npy")
    (folder / "outside.npy").write_text("mine")
    content = listed(folder / "features")
    content["database"][name] = content["database"].pop("walk/1") | {"checksum": "another"}
    (folder / "features/features.json").write_text(json.dumps(content))
    with pytest.raises(CollectionError, match=r"names the file .*, expected one in its folder"):
        embed("features/*.npy")
    assert (folder / "outside.npy").read_text() == "mine"


def test_files_are_named_by_their_videos() -> None:
    assert file_names(["walk/a.mp4", "a.b.avi"]) == {"walk/a.mp4": "walk/a", "a.b.avi": "a.b"}
    assert file_names(["a.mp4", "a.avi", "b.avi"]) == {"a.mp4": "a.mp4", "a.avi": "a.avi", "b.avi": "b"}
    assert file_names(["/far/a.mp4", "../b.mp4"]) == {"/far/a.mp4": "far/a", "../b.mp4": "_/b"}


@given(st.sets(st.from_regex(r"(/|//|\.\./)?(a/|b/)?[ab](\.mp4|\.avi|\.mp4\.avi)", fullmatch=True), max_size=12))
def test_no_two_videos_have_one_file_and_none_lies_outside(ids: set[str]) -> None:
    names = file_names(sorted(ids))
    assert names.keys() == ids
    assert len(set(names.values())) == len(ids)
    assert file_names(sorted(ids, reverse=True)) == names
    assert all(not name.startswith("/") and ".." not in name.split("/") for name in names.values())
