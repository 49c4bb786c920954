"""A folder in, a manifest of prepared videos and reasons_to_skip out; whatever the folder holds, and however often."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clips import Clip, cut, number_of
from folders import real_data
from official_lists import HMDB51, KINETICS, UCF101, Plan, write_hmdb51, write_kinetics, write_ucf101

from unreel.engine import worker_pool
from unreel.engine.executor import Executor
from unreel.engine.limits import Limits
from unreel.engine.progress import ProgressBar
from unreel.errors import CollectionError, OutputError, SettingsError
from unreel.video.collection import prepare as module
from unreel.video.collection.discover import find_videos
from unreel.video.collection.leaks import leaks, leaks_between
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import cache_folder, prepare, prepared
from unreel.video.collection.transcode import PreparedFile, prepare_file
from unreel.video.decoding.decode import PyAVReader

SMALL = PrepareOptions(side=48, workers=1)
CLIP = Clip(frames=20)


def by_id(manifest: Manifest) -> dict[str, VideoRecord]:
    return {record.id: record for record in manifest}


def collection(folder: Path, *ids: str) -> Path:
    """A folder of equal good videos."""
    for name in ids:
        CLIP.write(folder / name)
    return folder


def no_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a pool of processes from here on fails."""
    monkeypatch.delattr(worker_pool, "ProcessPool")


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """A folder with everything that folders hold, prepared into itself by two processes."""
    folder = tmp_path_factory.mktemp("wild")
    collection(folder, "run/g1 a.mp4", "run/g1 line\nbreak.mkv", "walk/g2 🎬.mp4", os.fsdecode(b"walk/g2 caf\xe9.mp4"))
    Clip(frames=30, codec="mpeg4", metadata={"title": "QQQQ"}).write(folder / "walk/g3 title.avi")
    title = folder / "walk/g3 title.avi"
    title.write_bytes(title.read_bytes().replace(b"QQQQ", b"\xe9\xff\x80\x81"))
    (folder / "bad").mkdir()
    (folder / "bad/g4 text.mp4").write_text("hello")
    (folder / "bad/g4 empty.mp4").touch()
    os.mkfifo(folder / "bad/g4 pipe.mp4")
    (folder / "bad/g4 nowhere.mp4").symlink_to("nowhere")
    cut(CLIP.write(folder / "bad/g4 cut.mp4"), 0.5)
    (folder / "bad/round").symlink_to(folder)
    (folder / "notes.txt").write_text("about")
    (folder / ".hidden.mp4").write_text("hidden")
    return folder, prepare(folder, folder / "out", PrepareOptions(48, group_pattern=r"(g\d) ", workers=2))


def test_good_videos_are_prepared_whatever_their_name(wild: tuple[Path, Manifest]) -> None:
    _, manifest = wild
    assert [record.id for record in manifest.usable] == [
        "run/g1 a.mp4",
        "run/g1 line\nbreak.mkv",
        "walk/g2 caf\\xe9.mp4",
        "walk/g2 🎬.mp4",
        "walk/g3 title.avi",
    ]
    for record in manifest.usable:
        (clip,) = PyAVReader(prepared=True).read_clips(manifest.file(record), [4], record.frames - 4)
        assert [number_of(luma) for luma in clip.luma] == list(range(4, record.frames))


def test_a_record_tells_all(wild: tuple[Path, Manifest]) -> None:
    folder, manifest = wild
    source = folder / "walk/g3 title.avi"
    record = by_id(manifest)["walk/g3 title.avi"]
    assert record == VideoRecord(
        "walk/g3 title.avi",
        "ok",
        "",
        record.path,
        labels={"class": "walk"},
        group="g3",
        frames=30,
        fps=25.0,
        width=64,
        height=48,
        duration=1.2,
        codec="mpeg4",
        source_width=64,
        source_height=48,
        size=source.stat().st_size,
        checksum=record.checksum,
        constant_rate=True,
        fingerprint=record.fingerprint,
        modified=source.stat().st_mtime,
    )
    assert record.fingerprint
    assert len(record.checksum) == 64
    assert record.path == f"videos/{Path(record.path).name[:2]}/{Path(record.path).name}"
    assert len(Path(record.path).stem) == 20


def test_what_is_no_video_is_refused_with_its_reason(wild: tuple[Path, Manifest]) -> None:
    _, manifest = wild
    assert {record.id: record.reason for record in manifest.skipped} == {
        "bad/g4 cut.mp4": "not a video, or damaged beyond opening",
        "bad/g4 empty.mp4": "empty file",
        "bad/g4 nowhere.mp4": "cannot be opened: no such file or directory",
        "bad/g4 pipe.mp4": "not a regular file",
        "bad/g4 text.mp4": "not a video, or damaged beyond opening",
    }
    assert manifest.reasons_to_skip["not a video, or damaged beyond opening"] == 2
    assert {record.group for record in manifest.skipped} == {"g4"}
    assert {record.labels["class"] for record in manifest.skipped} == {"bad"}


def test_the_manifest_knows_the_collection(wild: tuple[Path, Manifest]) -> None:
    folder, manifest = wild
    assert (manifest.root, manifest.source, manifest.side) == (folder / "out", str(folder), 48)
    assert manifest.ignored == 1
    assert Manifest.read(folder / "out") == manifest
    assert [file.id for file in find_videos(folder).files] == [record.id for record in manifest]


def test_a_second_run_does_nothing(wild: tuple[Path, Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, manifest = wild
    no_processes(monkeypatch)
    assert prepare(folder, folder / "out", PrepareOptions(48, group_pattern=r"(g\d) ")) == manifest


def test_groups_and_labels_are_those_of_today(wild: tuple[Path, Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, manifest = wild
    no_processes(monkeypatch)
    (folder / "labels.csv").write_text("path,mood\nrun/g1 a.mp4,gay\n")
    try:
        again = prepare(folder, folder / "out", SMALL)
    finally:
        (folder / "labels.csv").unlink()
    assert again.records == tuple(
        replace(record, group="", labels={"mood": "gay"} if record.id == "run/g1 a.mp4" else {}) for record in manifest
    )
    assert prepare(folder, folder / "out", PrepareOptions(48, group_pattern=r"(g\d) ")) == manifest


def test_only_what_has_changed_is_done_again(tmp_path: Path) -> None:
    folder = collection(tmp_path / "in", "changed.mp4", "spoiled.mp4", "touched.mp4", "removed.mp4", "same.mp4")
    first = by_id(prepare(folder, tmp_path / "out", SMALL))
    made = {name: (tmp_path / "out" / record.path).stat().st_mtime_ns for name, record in first.items()}
    Clip(frames=25).write(folder / "changed.mp4")
    (folder / "spoiled.mp4").write_text("hello")
    os.utime(folder / "touched.mp4")
    (folder / "removed.mp4").unlink()
    Clip(frames=30).write(folder / "new.mp4")
    second = prepare(folder, tmp_path / "out", SMALL)
    records = by_id(second)
    assert list(records) == ["changed.mp4", "new.mp4", "same.mp4", "spoiled.mp4", "touched.mp4"]
    assert (records["changed.mp4"].frames, records["new.mp4"].frames) == (25, 30)
    assert records["spoiled.mp4"].reason == "not a video, or damaged beyond opening"
    assert not (tmp_path / "out" / first["spoiled.mp4"].path).exists()
    for name in ("same.mp4", "touched.mp4"):
        assert records[name] == replace(first[name], modified=(folder / name).stat().st_mtime)
        assert second.file(records[name]).stat().st_mtime_ns == made[name]


def test_a_lost_prepared_file_is_made_again_with_the_same_bytes(tmp_path: Path) -> None:
    folder = collection(tmp_path / "in", "a.mp4", "b.mp4")
    manifest = prepare(folder, tmp_path / "out", SMALL)
    lost, note = (manifest.file(record) for record in manifest)
    content = lost.read_bytes()
    lost.unlink()
    note.with_suffix(".json").write_text('{"record": ')  # a note that was not written to its end
    assert prepare(folder, tmp_path / "out", SMALL) == manifest
    assert lost.read_bytes() == content


def test_an_interrupted_run_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = collection(tmp_path / "in", "a.mp4", "b.mp4", "c.mp4")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "advance", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(folder, tmp_path / "out", SMALL)
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.json") if path.parent.name != "out"}
    assert len(done) == 1
    assert not (tmp_path / "out" / "manifest.parquet").exists()
    manifest = prepare(folder, tmp_path / "out", SMALL)
    assert len(manifest.usable) == 3
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())


def test_two_at_once_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = collection(tmp_path / "in", "a.mp4", "b.mp4")
    handed_out: list[tuple[Any, ...]] = []
    run = Executor.run

    def counting(engine: Executor, work: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        handed_out.extend(tasks)
        return run(engine, work, tasks)

    monkeypatch.setattr(Executor, "run", counting)
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(lambda out: prepare(folder, out, SMALL), [tmp_path / "out"] * 2)
    assert one == other
    assert [arguments[0].name for arguments in handed_out] == ["a.mp4", "b.mp4"]


def _prepare_or_fail(source: Path, target: Path, side: int, known_checksum: str) -> PreparedFile:
    """What a process does whose decoder misbehaves on some files."""
    if source.name.startswith("hang"):
        (target.parent / f".{target.name}.1.unfinished").mkdir()
        time.sleep(60)
    if source.name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGKILL)
    if source.name.startswith("stumble"):
        raise AssertionError("PyAV met something new")
    if source.name.startswith("full"):
        raise CollectionError("/out cannot be written to: no space left on device")
    return prepare_file(source, target, side, known_checksum)


def test_a_hanging_or_crashing_decoder_harms_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = collection(tmp_path / "in", "a.mp4", "crash.mp4", "hang.mp4", "stumble.mp4", "z.mp4")
    options = replace(SMALL, limits=Limits(2.0))
    monkeypatch.setattr(module, "prepare_file", _prepare_or_fail)
    manifest = prepare(folder, tmp_path / "out", options)
    assert [record.id for record in manifest.usable] == ["a.mp4", "z.mp4"]
    assert {record.id: record.reason for record in manifest.skipped} == {
        "crash.mp4": "decoder crashed",
        "hang.mp4": "no progress for 2 s (see --seconds-per-file of unreel prepare)",
        "stumble.mp4": "decoder failed: AssertionError",
    }
    assert not list((tmp_path / "out").rglob("*.unfinished"))
    monkeypatch.setattr(module, "prepare_file", prepare_file)
    with monkeypatch.context() as patch:
        no_processes(patch)
        assert prepare(folder, tmp_path / "out", options) == manifest
    patient = prepare(folder, tmp_path / "out", replace(options, limits=Limits(60.0)))
    assert [record.id for record in patient.skipped] == ["crash.mp4", "stumble.mp4"]


def test_a_full_disk_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = collection(tmp_path / "in", "full.mp4")
    monkeypatch.setattr(module, "prepare_file", _prepare_or_fail)
    with pytest.raises(CollectionError, match=r"^/out cannot be written to: no space left on device$"):
        prepare(folder, tmp_path / "out", SMALL)


def test_no_usable_video_is_an_error_with_all_reasons(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        (folder / name).write_text("hello" * (name != "c.mp4"))
    with pytest.raises(CollectionError) as caught:
        prepare(folder, tmp_path / "out", SMALL)
    assert str(caught.value) == (
        f"{folder} holds no usable video: 2 × not a video, or damaged beyond opening, 1 × empty file. "
        f"The list is in {tmp_path / 'out'}."
    )
    assert len(Manifest.read(tmp_path / "out").skipped) == 3


def test_a_folder_of_another_side_or_kind_is_not_touched(wild: tuple[Path, Manifest], tmp_path: Path) -> None:
    folder, manifest = wild
    with pytest.raises(CollectionError) as caught:
        prepare(folder, folder / "out", PrepareOptions(side=64))
    own, other = ({"format": "unreel-prepared-4", "side": side} for side in (48, 64))
    assert str(caught.value) == (
        f"{folder / 'out'} was prepared as {own}, expected {other}. Name a new folder, or the side of this one."
    )
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(CollectionError, match=r"is not empty and holds no prepared videos\. Name a new"):
        prepare(folder, tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
    with pytest.raises(
        OutputError, match=r"precious.txt cannot be written: File exists, and \d+ of \d+ .* Name another folder"
    ):
        prepare(folder, tmp_path / "precious.txt", SMALL)
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "prepared.json").write_text("{")
    with pytest.raises(CollectionError, match=r"torn was prepared as \{\}, expected"):
        prepare(folder, tmp_path / "torn", SMALL)
    assert Manifest.read(folder / "out") == manifest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 127}, "side is 127, expected an even number of pixels from 16 to 4096"),
        ({"side": 14}, "side is 14, expected an even number of pixels from 16 to 4096"),
        ({"workers": 0}, "workers is 0, expected at least 1"),
        (
            {"layout": "ucf102"},
            "layout is 'ucf102', expected one of: folder, ucf101, hmdb51, kinetics400, kinetics600, kinetics700",
        ),
        ({"lists": Path("x")}, "lists is x, but the layout 'folder' has none. Name the layout of the lists."),
    ],
)
def test_numbers_without_sense_are_skipped(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        replace(SMALL, **change)


def test_a_folder_is_prepared_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    folder = collection(tmp_path / "in", "a.mp4")
    manifest = prepared(folder, SMALL)
    assert manifest.root == cache_folder(folder, 48)
    assert manifest.root.parent == tmp_path / "cache" / "prepared"
    assert manifest.root.name.startswith("in-")
    assert manifest.root.name.endswith("-48")
    collection(folder, "b.mp4")
    assert [record.id for record in prepared(folder, SMALL).usable] == ["a.mp4", "b.mp4"]


def test_nothing_is_written_where_nothing_is_left_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path / "cache"))
    folder = collection(tmp_path / "in", "a/1.mp4", "b/2.mp4")
    (folder / "a" / "bad.mp4").write_text("hello")
    manifest = prepared(folder, SMALL)
    before = {path: path.stat().st_mtime_ns for path in manifest.root.rglob("*")}
    no_processes(monkeypatch)
    assert prepared(folder, SMALL) == manifest
    assert {path: path.stat().st_mtime_ns for path in manifest.root.rglob("*")} == before
    (folder / "labels.csv").write_text("path,mood\na/1.mp4,gay\n")  # which the table is still to tell
    assert by_id(prepared(folder, SMALL))["a/1.mp4"].labels == {"mood": "gay"}
    assert Manifest.read(manifest.root) == prepared(folder, SMALL) != manifest


READ_ONLY = """
mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 77
exec "$2" -c "$3"
"""
PREPARED = """
from pathlib import Path
from unreel.errors import UnreelError
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepared
try:
    print(len(prepared(Path({folder!r}), PrepareOptions(side=48, workers=1)).usable), "videos")
except UnreelError as error:
    print(error)
"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare to mount with")
def test_a_cache_on_read_only_media_is_used_where_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("UNREEL_CACHE", str(cache))
    folder = collection(tmp_path / "in", "a.mp4", "b.mp4")
    prepared(folder, SMALL)

    def read_only() -> str:
        code = PREPARED.format(folder=str(folder))
        command = ["unshare", "-m", "sh", "-c", READ_ONLY, "sh", str(cache), sys.executable, code]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if ended.returncode == 77 or "unshare" in ended.stderr:
            pytest.skip("only root mounts a folder read-only")
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert read_only() == "2 videos\n"
    collection(folder, "c.mp4")
    said = read_only()
    assert said.startswith(
        f"{cache_folder(folder, 48)} cannot be written: Read-only file system, and 1 of 3 videos are"
    )
    assert said.endswith("Name another folder (for the cache: UNREEL_CACHE).\n")
    prepared(folder, SMALL)
    assert read_only() == "3 videos\n"


def test_the_cache_is_the_users_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNREEL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder(Path("x"), 128).parent == tmp_path / "unreel" / "prepared"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder(Path("x"), 128).parent == Path.home() / ".cache" / "unreel" / "prepared"
    assert len({cache_folder(Path(name), side) for name in ("x", "y/x") for side in (74, 128)}) == 4


def test_a_prepared_folder_is_used_as_it_is(wild: tuple[Path, Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = wild
    no_processes(monkeypatch)
    manifest = Manifest.read(folder / "out")
    assert prepared(folder / "out", PrepareOptions(side=128)) == manifest
    regrouped = prepared(folder / "out", PrepareOptions(group_pattern=r"^(\w+)/"))
    assert [record.group for record in regrouped] == [record.id.split("/")[0] for record in manifest]
    with pytest.raises(CollectionError, match=r"group pattern '\(nothing\)' does not match 'bad/g4 cut\.mp4'"):
        prepared(folder / "out", PrepareOptions(group_pattern="(nothing)"))


def of_the_plan(folder: Path, plan: Plan, suffix: str) -> Path:
    """A video for each name of the plan, no two alike, in folders of its classes."""
    codec = "mpeg4" if suffix == ".avi" else "libx264"
    for number, (name, (label, _)) in enumerate(plan.items()):
        Clip(frames=20 + number, codec=codec).write(folder / label / f"{name}{suffix}")
    return folder


SHAPES: dict[str, tuple[Plan, str, Callable[[Path, Plan], Path]]] = {
    "ucf101": (UCF101, ".avi", write_ucf101),
    "hmdb51": (HMDB51, ".avi", write_hmdb51),
    "kinetics400": (KINETICS, ".mp4", write_kinetics),
}


@pytest.mark.parametrize("layout", SHAPES)
def test_a_data_set_is_prepared_with_its_splits(tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, suffix, write = SHAPES[layout]
    folder, out, lists = of_the_plan(tmp_path / "in", plan, suffix), tmp_path / "out", write(tmp_path / "lists", plan)
    options = PrepareOptions(side=32, workers=1, layout=layout, lists=lists)
    manifest = prepare(folder, out, options)
    assert {Path(record.id).stem: (record.labels["class"], record.splits) for record in manifest.usable} == plan
    assert Manifest.read(out) == manifest
    assert manifest.missing == ()
    assert manifest.split_names == (("1",) if layout == "kinetics400" else ("1", "2", "3"))
    for split in manifest.split_names:
        assert leaks(manifest, split) == ()
    no_processes(monkeypatch)
    gone = manifest.records[0]
    (folder / gone.id).unlink()
    again = prepare(folder, out, options)
    assert (again.records, again.missing) == (manifest.records[1:], (Path(gone.id).stem,))
    assert Manifest.read(out) == again
    plain = prepare(folder, out, replace(options, layout="folder", lists=None))
    assert [(record.splits, record.group) for record in plain] == [({}, "")] * len(again)


def test_what_leaks_into_a_split_is_found(tmp_path: Path) -> None:
    folder = of_the_plan(tmp_path / "in", UCF101, ".avi")
    copied, copy = (folder / "Archery" / f"v_Archery_g0{group}_c01.avi" for group in "12")
    copy.write_bytes(copied.read_bytes())
    Clip(frames=30).write(folder / "Archery/v_Archery_g04_c01.mp4")
    (folder / "Archery/v_Archery_g04_c02.mp4").write_text("hello")
    lists = {"v_Archery_g04_c01": ("Archery", {"1": "test"}), "v_Archery_g04_c02": ("Archery", {"1": "train"})}
    write_ucf101(tmp_path, UCF101 | lists)
    manifest = prepare(folder, tmp_path / "out", PrepareOptions(side=32, workers=1, layout="ucf101"))
    skipped = by_id(manifest)["Archery/v_Archery_g04_c02.mp4"]
    assert (skipped.status, skipped.group, skipped.splits) == ("skipped", "Archery_g04", {"1": "train"})
    found = [(leak.test.id, leak.training.id, leak.why) for leak in leaks(manifest, "1")]
    assert found == [("Archery/v_Archery_g01_c01.avi", "Archery/v_Archery_g02_c01.avi", "same file")]
    other = collection(tmp_path / "other", "a.mp4")
    (other / "b.avi").write_bytes(copied.read_bytes())
    pretraining = prepare(other, tmp_path / "other out", PrepareOptions(side=32, workers=1))
    found = [(leak.test.id, leak.training.id, leak.why) for leak in leaks_between(pretraining, manifest, "2")]
    assert found == [
        ("Archery/v_Archery_g02_c01.avi", "b.avi", "same file"),
        ("Archery/v_Archery_g02_c01.avi", "a.mp4", "near duplicate"),
    ]


def test_a_folder_of_another_data_set_is_refused_before_any_work(tmp_path: Path) -> None:
    folder = collection(tmp_path / "in", "fight/1.mp4")
    lists = write_hmdb51(tmp_path / "lists", HMDB51)
    with pytest.raises(
        CollectionError, match=r"in holds none of the 4 videos that the lists in .*, found 'fight/1\.mp4'"
    ):
        prepare(folder, tmp_path / "out", PrepareOptions(side=32, layout="hmdb51", lists=lists))
    assert not (tmp_path / "out").exists()


@pytest.mark.data
def test_real_videos_are_all_usable(tmp_path: Path) -> None:
    manifest = prepare(real_data("named"), tmp_path, PrepareOptions(side=74, workers=2))
    assert len(manifest.usable) == len(manifest) == 11
    assert {record.codec for record in manifest} == {"mpeg4", "h264"}
    for record in manifest:
        PyAVReader(prepared=True).read_clips(manifest.file(record), [0, record.frames - 16], 16)


def test_a_folder_that_another_version_prepared_is_skipped(wild: tuple[Path, Manifest], tmp_path: Path) -> None:
    _, manifest = wild
    Manifest(tmp_path, manifest.records, side=48).write()
    for written, found in (('{"format": "unreel-prepared-1", "side": 48}', "'unreel-prepared-1'"), ("[]", "None")):
        (tmp_path / "prepared.json").write_text(written)
        with pytest.raises(CollectionError) as caught:
            prepared(tmp_path, SMALL)
        assert str(caught.value) == (
            f"{tmp_path} has the format {found}, expected 'unreel-prepared-4': another version of unreel prepared it. "
            "Prepare the videos again, into a new folder."
        )
