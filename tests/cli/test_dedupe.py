"""`unreel dedupe` as it is typed."""

import csv
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from clips import Clip, solid, walk
from folders import checksums, real_data

from unreel.cli import dedupe, prepare
from unreel.engine import worker_pool
from unreel.engine.executor import Executor
from unreel.errors import CollectionError, OutputError, OverwriteError, SettingsError
from unreel.video.collection.discover import find_videos
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import ScanOptions
from unreel.video.collection.scan import scan

KEPT = ["empty.mp4", "other.mp4", "run/original.mp4"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video, copies of it, a smaller one, one that is mirrored; another video twice; a file that is none."""
    folder = tmp_path_factory.mktemp("made")
    original = Clip(40, 160, 120, pictures=walk(1.0)).write(folder / "run/original.mp4")
    for name in ("run/original - Copy.mp4", "a/b/renamed\nünï.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(original, folder / name)
    Clip(40, 96, 64, pictures=walk(1.0)).write(folder / "a/smaller.mp4")
    Clip(40, 160, 120, "mpeg4", pictures=walk(1.0, mirrored=True)).write(folder / "mirrored.avi")
    shutil.copy(folder / "a/smaller.mp4", folder / "a/smaller (1).mp4")
    Clip(40, 160, 120, pictures=walk(2.0)).write(folder / "other.mp4")
    (folder / "empty.mp4").touch()
    for path in folder.rglob("*.*"):
        os.utime(path, (2e9, 2e9))
    os.utime(original, (1e9, 1e9))
    return folder


@pytest.fixture
def videos(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, to be changed; what a scan finds stays in a cache of the tests' own."""
    monkeypatch.setenv("UNREEL_CACHE", str(made.with_name("cache of dedupe")))
    return shutil.copytree(made, tmp_path / "videos")


@pytest.fixture(scope="module")
def scanned(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scanned") / "scan.parquet"
    scan(made, out, ScanOptions(workers=1))
    return out


def run(source: Path, out: Path, *words: object) -> list[dict[str, str]]:
    """The rows of the table."""
    dedupe.main([str(source), "--out", str(out), "--workers", "1", *map(str, words)])
    with out.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a pool of processes from here on fails."""
    monkeypatch.delattr(worker_pool, "ProcessPool")


def test_a_folder_is_scanned_and_all_groups_are_listed(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, to = tmp_path / "out.csv", tmp_path / "to"
    before = checksums(videos)
    rows = run(videos, out, "--to", to)
    assert [(row["group"], row["kind"], row["keep"], row["path"], row["reason"]) for row in rows] == [
        ("1", "near", "yes", "run/original.mp4", "most pixels, not named as a copy, oldest"),
        ("1", "near", "no", "mirrored.avi", "near duplicate of run/original.mp4: newer"),
        ("1", "exact", "no", "a/b/renamed\nünï.mp4", "same file as run/original.mp4: newer"),
        ("1", "exact", "no", "run/original - Copy.mp4", "same file as run/original.mp4: named as a copy"),
        ("1", "near", "no", "a/smaller.mp4", "near duplicate of run/original.mp4: fewer pixels"),
        ("1", "exact", "no", "a/smaller (1).mp4", "same file as a/smaller.mp4: named as a copy"),
    ]
    assert {name: rows[0][name] for name in ("size", "duration", "width", "height", "modified")} == {
        "size": str((videos / "run/original.mp4").stat().st_size),
        "duration": "1.6",
        "width": "160",
        "height": "120",
        "modified": "2001-09-09 01:46:40",
    }
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "  skipped: 1 × empty file",
        "    empty.mp4: empty file",
        "  3 exact duplicates, in 2 groups",
        "    a/smaller.mp4 = a/smaller (1).mp4",
        r"    run/original.mp4 = a/b/renamed\nünï.mp4 = run/original - Copy.mp4",
        "  2 near duplicates, in 1 groups",
        "    run/original.mp4 = mirrored.avi = a/smaller.mp4",
        f"  2 files in {to}",
        f"7 videos, 3 exact copies, 2 near duplicates, 2 kept, 1 skipped, in {out}",
    ]
    assert names_in(to) == KEPT[1:]
    assert all((to / name).samefile(videos / name) for name in KEPT[1:])
    assert checksums(videos) == before
    no_decoding(monkeypatch)
    (to / "other.mp4").rename(to / "mine.mp4")
    assert run(videos, out, "--to", to) == rows  # the same command again does what is left
    assert names_in(to) == ["mine.mp4", *KEPT[1:]]
    assert f"  2 files in {to}, beside 1 other files" in capsys.readouterr().out


def test_only_what_is_new_is_decoded_the_next_time(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run(videos, tmp_path / "before.csv")
    shutil.copy(videos / "other.mp4", videos / "new.mp4")
    os.utime(videos / "new.mp4", (2.1e9, 2.1e9))
    os.utime(videos / "mirrored.avi", (1e8, 1e8))
    decoded: list[str] = []
    work = Executor.run

    def counting(self: Executor, function: Any, tasks: Sequence[Any]) -> Any:
        decoded.extend(task[0].name for task in tasks)
        return work(self, function, tasks)

    monkeypatch.setattr(Executor, "run", counting)
    after = run(videos, tmp_path / "after.csv")
    assert decoded == ["mirrored.avi", "new.mp4"]
    assert [row["path"] for row in before if row["keep"] == "yes"] == ["run/original.mp4"]
    assert [row["path"] for row in after if row["keep"] == "yes"] == ["mirrored.avi", "other.mp4"]


def test_scan_prepare_and_dedupe_keep_the_same(
    made: Path, scanned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    prepare.main([str(made), str(tmp_path / "prepared"), "--side", "32", "--workers", "1"])
    said = [line for line in capsys.readouterr().out.splitlines() if " = " in line]
    tables = [run(scanned, tmp_path / "scanned.csv"), run(tmp_path / "prepared", tmp_path / "prepared.csv")]
    assert [line for line in capsys.readouterr().out.splitlines() if " = " in line] == said * 2
    assert tables[0] == tables[1]
    kept = {row["group"]: row["path"] for row in tables[0] if row["keep"] == "yes"}
    expected = {row["path"]: kept[row["group"]] for row in tables[0] if row["keep"] == "no"}
    for place in (scanned, tmp_path / "prepared"):
        assert {each.id: each.duplicate_of for each in Manifest.read(place) if each.duplicate_of} == expected


def test_a_manifest_of_before_is_read_all_the_same(scanned: Path, tmp_path: Path) -> None:
    now, before = Manifest.read(scanned), tmp_path / "before.parquet"
    pq.write_table(pq.read_table(scanned).drop_columns(["modified", "duplicate_of"]), before)
    assert Manifest.read(before).records == tuple(replace(each, modified=0.0, duplicate_of="") for each in now)
    rows = run(before, tmp_path / "out.csv")
    assert rows[0]["path"] == "mirrored.avi"  # more bytes than the original, whose age is not known
    assert {row["modified"] for row in rows} == {""}


def test_duplicates_can_be_left_out_in_preparing(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [str(made), str(tmp_path / "prepared"), "--side", "32", "--workers", "1"]
    prepare.main([*words, "--unique"])
    assert "  skipped: 5 × duplicate of one that is kept" in capsys.readouterr().out.splitlines()
    unique = Manifest.read(tmp_path / "prepared")
    assert [record.id for record in unique.usable] == KEPT[1:]
    assert {each.id: each.reason for each in unique.skipped}[
        "a/smaller (1).mp4"
    ] == "near duplicate of run/original.mp4"
    assert {each.id: each.reason for each in unique.skipped}["run/original - Copy.mp4"] == "copy of run/original.mp4"
    run(tmp_path / "prepared", tmp_path / "out.csv", "--to", tmp_path / "to", "--with-skipped")
    assert names_in(tmp_path / "to") == KEPT
    no_decoding(monkeypatch)
    prepare.main([*words, "--unique"])
    assert Manifest.read(tmp_path / "prepared") == unique
    prepare.main(words)
    assert len(Manifest.read(tmp_path / "prepared").usable) == 7


@pytest.mark.parametrize("words", [["--no-near"], []])
def test_only_the_same_files_where_near_ones_are_not_looked_for(
    words: list[str], made: Path, scanned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not words:
        scanned = tmp_path / "quick.parquet"
        scan(made, scanned, ScanOptions(workers=1, quick=True))
    rows = run(scanned, tmp_path / "out.csv", *words)
    assert {row["kind"] for row in rows} == {"exact"}
    assert [row["path"] for row in rows if row["keep"] == "yes"] == ["a/smaller.mp4", "run/original.mp4"]
    *_, looked, counted = capsys.readouterr().out.splitlines()
    assert looked == "  near duplicates not looked for"
    assert counted.startswith("7 videos, 3 exact copies, 0 near duplicates, 4 kept, 1 skipped, in ")


def test_a_folder_can_be_preferred(scanned: Path, tmp_path: Path) -> None:
    rows = run(scanned, tmp_path / "out.csv", "--keep-from", r"^a/.*r\.mp4")
    assert [(row["path"], row["reason"]) for row in rows if row["keep"] == "yes"] == [
        ("a/smaller.mp4", "kept by its path")
    ]
    with pytest.raises(SettingsError, match=r"keep_from 'nowhere/' is found in no path of the 7 videos"):
        run(scanned, tmp_path / "other.csv", "--keep-from", "nowhere/")
    with pytest.raises(SettingsError, match="is not a regular expression"):
        run(scanned, tmp_path / "other.csv", "--keep-from", "(")
    assert not (tmp_path / "other.csv").exists()


def test_labels_stay_usable(videos: Path, tmp_path: Path) -> None:
    Clip(20, pictures=solid(200, 10, 10)).write(videos / "extra.mp4").rename(videos / "extra.bin")
    table = "path,action,place\nother.mp4,walk,\nrun/original.mp4,run,park\nrun/original - Copy.mp4,run,hall\n"
    (videos / "labels.csv").write_text(table + "empty.mp4,none,\nextra.bin,,hall\n")
    run(videos, tmp_path / "out.csv", "--to", tmp_path / "to", "--with-skipped", "--links", "copy")
    assert names_in(tmp_path / "to") == sorted([*KEPT, "extra.bin", "labels.csv"])
    assert {file.id: file.labels for file in find_videos(tmp_path / "to").files} == {
        "empty.mp4": {"action": "none"},
        "extra.bin": {"place": "hall"},
        "other.mp4": {"action": "walk"},
        "run/original.mp4": {"action": "run", "place": "park"},
    }
    run(videos, tmp_path / "out.csv", "--to", tmp_path / "to", "--with-skipped")
    (tmp_path / "to/labels.csv").write_text("mine")
    with pytest.raises(OverwriteError, match=r"labels\.csv exists already and nothing is overwritten"):
        run(videos, tmp_path / "out.csv", "--to", tmp_path / "to", "--with-skipped")
    assert (tmp_path / "to/labels.csv").read_text() == "mine"


def test_a_list_becomes_a_folder_with_its_labels(videos: Path, tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    names = ["../videos/other.mp4 turn", f"{videos}/run/original.mp4 walk", "../videos/a/smaller.mp4 walk"]
    (tmp_path / "lists/list.txt").write_text("\n".join(names))
    to = tmp_path / "lists/to"
    run(tmp_path / "lists/list.txt", tmp_path / "out.csv", "--to", to, "--links", "soft")
    inside = f"{videos.relative_to('/').as_posix()}/run/original.mp4"
    assert names_in(to) == sorted(["labels.csv", "videos/other.mp4", inside])
    assert {file.id: file.labels for file in find_videos(to).files} == {
        "videos/other.mp4": {"class": "turn"},
        inside: {"class": "walk"},
    }


def test_originals_that_are_gone_are_told_and_the_rest_goes_on(videos: Path, tmp_path: Path) -> None:
    scan(videos, tmp_path / "scan.parquet", ScanOptions(workers=1))
    (videos / "other.mp4").unlink()
    manifest, out, to = tmp_path / "scan.parquet", tmp_path / "out.csv", tmp_path / "to"
    with pytest.raises(CollectionError) as caught:
        run(manifest, out, "--to", to)
    assert str(caught.value).splitlines() == [
        f"1 of 2 files could not be linked to {to}, the others are there:",
        "  other.mp4: cannot be read: No such file or directory",
        "Mend this and repeat the command, which does what is left.",
    ]
    assert names_in(to) == ["run/original.mp4"]
    shutil.rmtree(videos)
    with pytest.raises(CollectionError, match=rf"{videos}, where the videos of .*scan.parquet were, is no folder\. Br"):
        run(manifest, out, "--to", to)


@pytest.mark.parametrize("to", ["videos", "videos/run", "videos/new/one", ".", "link/to"])
def test_a_folder_among_the_videos_or_around_them_is_no_place(to: str, tmp_path: Path) -> None:
    (tmp_path / "videos/run").mkdir(parents=True)
    (tmp_path / "link").symlink_to("videos")
    manifest = tmp_path / "elsewhere" / "scan.parquet"
    (tmp_path / "elsewhere").mkdir()
    Manifest(tmp_path, (), str(tmp_path / "videos")).write(manifest)
    with pytest.raises(SettingsError, match=r"expected a folder neither in .* nor around it, for each video would be"):
        run(manifest, tmp_path / "elsewhere/out.csv", "--to", tmp_path / to)
    assert not (tmp_path / "elsewhere/out.csv").exists()


def test_nothing_is_overwritten(scanned: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("precious")
    for words in ([], ["--to", tmp_path / "to"]):
        with pytest.raises(OverwriteError, match=r"out\.csv exists already"):
            run(scanned, tmp_path / "out.csv", *words)
    assert names_in(tmp_path) == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "precious"


def test_folders_without_videos_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CollectionError, match="is empty, expected videos in it"):
        run(tmp_path / "empty", tmp_path / "out.csv")
    (tmp_path / "empty/a.mp4").touch()
    with pytest.raises(CollectionError, match=r"holds no usable video: 1 × empty file\.$"):
        run(tmp_path / "empty", tmp_path / "out.csv")
    with pytest.raises(CollectionError, match="does not exist"):
        run(tmp_path / "nowhere", tmp_path / "out.csv")
    (tmp_path / "file").touch()
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match=r"file/scans/.* cannot be written"):
        run(tmp_path / "empty", tmp_path / "out.csv")


@pytest.mark.data
def test_copies_among_real_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    videos = tmp_path / "videos"
    for path in sorted(real_data("weizmann").glob("*/*.avi"))[::9]:
        (videos / path.parent.name).mkdir(parents=True)
        shutil.copy(path, videos / path.parent.name)
    for path in list(videos.rglob("*.avi")):
        shutil.copy(path, path.with_name(f"{path.stem} (1).avi"))
    rows = run(videos, tmp_path / "out.csv")
    assert len(rows) == 20
    assert all((row["keep"] == "no") == bool(re.search(r"\(1\)", row["path"])) for row in rows)
