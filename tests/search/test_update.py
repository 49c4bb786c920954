"""Tables brought up to date: the same whatever came before, only what has changed is embedded, nothing is mixed."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import Clip
from tables import TINY, contents, facts_of, tiny_weights

from unreel.checkpoint import load_encoder
from unreel.errors import CollectionError, OverwriteError
from unreel.search import update as update_module
from unreel.search.embedding import embedded_here
from unreel.search.table import EmbeddingTable
from unreel.search.update import Changes, update
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_weights(tmp_path_factory.mktemp("weights") / "weights.safetensors")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    for number in range(4):
        label = ("run", "walk")[number % 2]
        Clip(frames=20 + 30 * number, width=72, height=56).write(folder / f"videos/{label}/{number}.mp4")
    prepare(folder / "videos", folder / "prepared of videos", PrepareOptions(TINY.prepared_side, workers=1))
    return folder


@pytest.fixture
def folder(collection: Path, tmp_path: Path) -> Path:
    """A collection of four videos to be changed, prepared already."""
    shutil.copytree(collection, tmp_path, dirs_exist_ok=True)
    return tmp_path


Updated = Callable[..., Changes]


@pytest.fixture
def bring(folder: Path, weights: Path) -> Updated:
    """Prepare and embed the videos of a folder."""

    def bring(place: str, videos: str = "videos", labels: str = "folders", **changes: object) -> Changes:
        manifest = prepare(
            folder / videos, folder / f"prepared of {videos}", PrepareOptions(38, labels=labels, workers=1)
        )
        facts = replace(facts_of(weights, manifest), **changes)  # type: ignore[arg-type]
        return update(folder / place, load_encoder(weights), manifest, facts)

    return bring


def test_rows_say_what_they_are(folder: Path, bring: Updated) -> None:
    assert bring("table") == Changes(embedded=4)
    table = EmbeddingTable.open(folder / "table")
    row = table.row("walk/3.mp4")
    assert (row.label, row.labels, row.path) == ("walk", {"class": "walk"}, str(folder / "videos/walk/3.mp4"))
    assert (row.start, row.end, row.source) == (0.0, 4.4, str(folder / "videos"))
    assert row.size == (folder / "videos/walk/3.mp4").stat().st_size
    assert (row.encoder, row.checkpoint, row.level) == ("tiny", table.facts.checkpoint, "5")
    clips = table.rows("id = 'walk/3.mp4'", kind="clip")
    assert [(clip.start, clip.end) for clip in clips] == [(0.0, 0.64), (1.88, 2.52), (3.76, 4.4)]
    vectors = [table.vector(clip.id, "clip", clip.start) for clip in clips]
    assert np.allclose(table.vector(row.id), np.mean(vectors, axis=0), atol=1e-6)
    assert table.facts.sources == {str(folder / "videos"): str(folder / "prepared of videos")}


def test_again_changes_nothing(folder: Path, bring: Updated) -> None:
    bring("table")
    before, opened = contents(folder / "table"), EmbeddingTable.open(folder / "table")
    assert bring("table") == Changes(kept=4)
    assert opened.refreshed() is opened
    assert contents(folder / "table") == before
    bring("another table")
    assert contents(folder / "another table") == before


def test_only_what_has_changed_is_embedded(folder: Path, bring: Updated) -> None:
    bring("table")
    Clip(frames=33, width=72, height=56).write(folder / "videos/run/0.mp4")
    Clip(frames=40, width=72, height=56).write(folder / "videos/run/new.mp4")
    (folder / "videos/walk/1.mp4").unlink()
    assert bring("table") == Changes(embedded=2, kept=2, removed={"walk/1.mp4": f"not in {folder / 'videos'} any more"})
    bring("another table")
    assert contents(folder / "table") == contents(folder / "another table")


def test_labels_change_without_embedding(folder: Path, bring: Updated, monkeypatch: pytest.MonkeyPatch) -> None:
    bring("table")
    rows = "run/0.mp4,hurry,park\nrun/2.mp4,hurry,\nwalk/1.mp4,walk,\nwalk/3.mp4,,sea\n"
    (folder / "videos/labels.csv").write_text(f"path,action,scene\n{rows}")
    monkeypatch.setattr(update_module, "embedded_here", None)  # whatever would be embedded would fail
    monkeypatch.setattr(update_module._Update, "_embed", lambda *_: None)
    assert bring("table", labels="auto") == Changes(kept=4, described=4)
    table = EmbeddingTable.open(folder / "table")
    assert table.row("run/0.mp4").labels == {"action": "hurry", "scene": "park"}
    assert table.row("walk/3.mp4").label == "sea"
    monkeypatch.undo()
    bring("another table", labels="auto")
    assert contents(folder / "table") == contents(folder / "another table")


def test_encoders_are_not_mixed(folder: Path, bring: Updated) -> None:
    bring("table")
    before = contents(folder / "table")
    for change in ({"checkpoint": "another"}, {"level": 4}, {"clips": "all"}, {"side": 40}):
        with pytest.raises(CollectionError, match="Their vectors cannot be compared: name another table"):
            bring("table", **change)
    assert contents(folder / "table") == before


def test_several_folders_in_one_table(folder: Path, bring: Updated) -> None:
    bring("table")
    Clip(frames=30, width=72, height=56).write(folder / "more/a.mp4")
    assert bring("table", "more") == Changes(embedded=1)
    assert bring("table") == Changes(kept=4)  # nothing of the other folder is gone
    table = EmbeddingTable.open(folder / "table")
    assert table.values("source", "video") == {str(folder / "videos"): 4, str(folder / "more"): 1}
    assert set(table.facts.sources) == {str(folder / "videos"), str(folder / "more")}
    shutil.copytree(folder / "videos", folder / "copied")
    with pytest.raises(CollectionError, match=r"holds 4 videos of the same names from .*/videos \('run/0.mp4', say\)"):
        bring("table", "copied")


def test_what_cannot_be_read_is_said_and_tried_again(folder: Path, weights: Path, bring: Updated) -> None:
    manifest = prepare(folder / "videos", folder / "prepared of videos", PrepareOptions(38, workers=1))
    lost = manifest.file(manifest.usable[1])
    content = lost.read_bytes()
    lost.unlink()
    facts, encoder = facts_of(weights, manifest), load_encoder(weights)
    changes = update(folder / "table", encoder, manifest, facts)
    assert (changes.embedded, list(changes.missing)) == (3, ["run/2.mp4"])
    assert "cannot be read any more" in changes.missing["run/2.mp4"]
    lost.write_bytes(content)
    assert update(folder / "table", encoder, manifest, facts) == Changes(embedded=1, kept=3)
    assert bring("another table") == Changes(embedded=4)
    assert contents(folder / "table") == contents(folder / "another table")


def test_not_one_video_can_be_read(folder: Path, weights: Path) -> None:
    manifest = prepare(folder / "videos", folder / "prepared of videos", PrepareOptions(38, workers=1))
    for record in manifest.usable:
        manifest.file(record).unlink()
    with pytest.raises(CollectionError, match=r"none of the 4 videos of .* can be read any more .*prepare again"):
        update(folder / "table", load_encoder(weights), manifest, facts_of(weights, manifest))


@pytest.mark.parametrize("writes", [1, 3])
def test_what_was_written_before_an_end_is_kept(
    writes: int, folder: Path, bring: Updated, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring("another table")
    monkeypatch.setattr(update_module, "ROWS_AT_ONCE", 1)
    embedded = embedded_here

    def ends(*arguments: object) -> object:
        for number, each in enumerate(embedded(*arguments)):  # type: ignore[arg-type]
            if number == writes:
                raise KeyboardInterrupt
            yield each

    monkeypatch.setattr(update_module, "embedded_here", ends)
    with pytest.raises(KeyboardInterrupt):
        bring("table")
    monkeypatch.setattr(update_module, "embedded_here", embedded)
    assert bring("table") == Changes(embedded=4 - writes, kept=writes)
    assert contents(folder / "table") == contents(folder / "another table")
    assert not list(folder.glob("*.unfinished"))


def test_what_is_something_else_is_left_alone(folder: Path, bring: Updated) -> None:
    with pytest.raises(OverwriteError, match=r"holds 'run', 'walk' and is no table of embeddings: name a new folder"):
        bring("videos")
    (folder / "notes.parquet").write_text("mine")
    with pytest.raises(CollectionError, match=r"has the name of an export.* such as .*/notes\.lance: `unreel export`"):
        bring("notes.parquet")
    (folder / "notes").write_text("mine")
    with pytest.raises(CollectionError, match="notes cannot be written"):
        bring("notes")
    assert (folder / "notes.parquet").read_text() == (folder / "notes").read_text() == "mine"


def test_files_of_uneven_rate_are_asked_for_times(folder: Path, bring: Updated) -> None:
    times = [number if number < 30 else 30 + 4 * (number - 30) for number in range(60)]
    Clip(frames=60, rate=50, times=times, width=72, height=56).write(folder / "uneven/a.mp4")
    bring("table", "uneven")
    clips = EmbeddingTable.open(folder / "table").rows(kind="clip")
    assert [round(clip.start * 50) for clip in clips] == [times[0], times[22], times[44]]
    assert round(clips[-1].end * 50) == times[59] + 1 or clips[-1].end > times[59] / 50


def test_a_list_of_videos_anywhere(folder: Path, bring: Updated) -> None:
    (folder / "list.txt").write_text(f"videos/run/0.mp4 fast\n{folder}/videos/walk/1.mp4\n")
    bring("table", "list.txt", "auto")
    rows = EmbeddingTable.open(folder / "table").rows(kind="video")
    assert {row.path for row in rows} == {str(folder / "videos/run/0.mp4"), str(folder / "videos/walk/1.mp4")}
    assert {row.label for row in rows} == {"fast", ""}


def test_the_manifest_alone_says_where_videos_come_from(tmp_path: Path) -> None:
    assert update_module.source_of(Manifest(tmp_path, ())) == str(tmp_path)
