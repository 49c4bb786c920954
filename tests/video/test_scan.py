"""A folder in, a manifest of what it holds out; nothing is made of the videos."""

from pathlib import Path

import pytest
from clips import Clip, cut, rotate
from folders import real_data
from official_lists import UCF101, write_ucf101

from unreel.engine import executor
from unreel.engine.progress import ProgressBar
from unreel.errors import OutputError, OverwriteError
from unreel.video.collection.manifest import Manifest, is_prepared
from unreel.video.collection.options import PrepareOptions, ScanOptions
from unreel.video.collection.prepare import prepare
from unreel.video.collection.scan import examine_file, scan

ONE = ScanOptions(workers=1)


def zeroed(path: Path, first: float, last: float) -> Path:
    """Wipe out a part of a file."""
    content = bytearray(path.read_bytes())
    start, end = (int(share * len(content)) for share in (first, last))
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    Clip(frames=60, options={"g": "12"}).write(folder / "run/g1 a.mp4")
    rotate(Clip(frames=20, width=96, height=64).write(folder / "run/g2 b.mp4"), quarter_turns=1)
    Clip(frames=90, codec="mpeg4", times=range(5, 95)).write(folder / "walk/g2 c.avi")
    Clip(times=[0, 1, 2, 40, 41, 90, 91, 92, 93, 200], rate=1000).write(folder / "walk/g3 d.mkv")
    Clip(frames=30, codec="libvpx-vp9").write(folder / "walk/g3 e.webm")
    zeroed(
        Clip(frames=200, codec="mjpeg", format="yuvj420p").write(folder / "walk/g4 broken in the middle.mov"), 0.3, 0.7
    )
    (folder / "walk/g5 text.mp4").write_text("hello")
    (folder / "walk/g5 empty.mp4").touch()
    cut(Clip(frames=60).write(folder / "walk/g6 no moov.mp4"), 0.5)
    (folder / "notes.txt").write_text("about")
    return folder


def test_a_scan_finds_what_preparing_finds(folder: Path, tmp_path: Path) -> None:
    scanned = scan(folder, tmp_path / "here/scan.parquet", ScanOptions(workers=2, group_pattern=r"(g\d) "))
    prepared = prepare(folder, tmp_path / "out", PrepareOptions(48, workers=2, group_pattern=r"(g\d) "))
    assert [record.id for record in scanned] == [record.id for record in prepared]
    assert (scanned.source, scanned.ignored, scanned.side) == (str(folder), 1, 0)
    for one, other in zip(scanned, prepared, strict=True):
        same = set(vars(one)) - {"path", "width", "height", "fingerprint"}
        assert {name: vars(one)[name] for name in same} == {name: vars(other)[name] for name in same}
        assert one.path == (one.id if one.status == "ok" else "")
    sizes = {record.id: (record.width, record.height) for record in scanned.usable}
    assert sizes["run/g1 a.mp4"] == (64, 48)
    assert sizes["run/g2 b.mp4"] == (64, 96)
    assert {record.id: record.reason for record in scanned.skipped} == {
        "walk/g5 empty.mp4": "empty file",
        "walk/g5 text.mp4": "not a video, or damaged beyond opening",
        "walk/g6 no moov.mp4": "not a video, or damaged beyond opening",
    }
    broken = next(record for record in scanned if "broken" in record.id)
    assert 16 <= broken.frames < 200
    assert broken.reason == f"{200 - broken.frames} of 200 frames could not be decoded"


def test_a_manifest_is_read_again_and_is_no_prepared_folder(folder: Path, tmp_path: Path) -> None:
    manifest = scan(folder, tmp_path / "scan.parquet", ONE)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.parquet"]
    again = Manifest.read(tmp_path / "scan.parquet")
    assert (again.records, again.source) == (manifest.records, manifest.source)
    assert not is_prepared(tmp_path)


def test_a_glance_sees_the_same_where_nothing_is_wrong(folder: Path, tmp_path: Path) -> None:
    whole = scan(folder, tmp_path / "scan.parquet", ONE)
    quick = scan(folder, tmp_path / "quick.parquet", ScanOptions(workers=1, quick=True))
    for one, other in zip(whole, quick, strict=True):
        same = set(vars(one)) - {"fingerprint", "duration"}
        assert {name: vars(one)[name] for name in same} == {name: vars(other)[name] for name in same}, one.id
        assert one.duration == pytest.approx(other.duration, abs=0.05)


def test_a_glance_does_not_decode_all(tmp_path: Path) -> None:
    path = Clip(frames=2000, options={"g": "25"}).write(tmp_path / "long.mp4")
    damaged = zeroed(Clip(frames=2000, options={"g": "25"}).write(tmp_path / "damaged.mp4"), 0.25, 0.26)
    assert examine_file(path, True).facts is not None
    facts = [examine_file(damaged, quick).facts for quick in (False, True)]
    assert facts[0] is not None
    assert facts[1] is not None
    assert facts[0].frames < facts[1].frames == 2000  # what lies between the pieces is not seen: the price of a glance


@pytest.mark.data
def test_real_videos_in_their_official_formats(tmp_path: Path) -> None:
    manifest = scan(real_data("named"), tmp_path / "scan.parquet", ONE)
    assert (len(manifest.usable), len(manifest.skipped)) == (11, 0)
    record = next(record for record in manifest if "cartwheel" in record.id)
    assert (record.frames, record.codec, record.constant_rate) == (83, "mpeg4", True)


def test_official_lists_and_lists_of_paths(tmp_path: Path) -> None:
    for name in UCF101:
        Clip(frames=17).write(tmp_path / f"videos/{name}.avi")
    lists = write_ucf101(tmp_path / "ucfTrainTestlist", UCF101)
    official = scan(tmp_path / "videos", tmp_path / "official.parquet", ScanOptions(workers=1, layout="ucf101"))
    assert {name: len(videos) for name, videos in official.parts("1").items()} == {"test": 3, "train": 2}
    (tmp_path / "list.txt").write_text(
        "".join(f"videos/{name}.avi x\n" for name in list(UCF101)[:2]) + "videos/z.avi\n"
    )
    options = ScanOptions(workers=1, layout="ucf101", lists=lists)
    listed = scan(tmp_path / "list.txt", tmp_path / "listed.parquet", options)
    assert [(record.id, record.splits["1"]) for record in listed.usable] == [
        (f"videos/{name}.avi", splits["1"]) for name, (_, splits) in list(UCF101.items())[:2]
    ]
    assert [(record.id, record.reason) for record in listed.skipped] == [
        ("videos/z.avi", "cannot be opened: no such file or directory")
    ]
    assert len(listed.missing) == len(UCF101) - 2


def test_an_interrupted_scan_goes_on_where_it_was(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scan(folder, tmp_path / "whole.parquet", ONE)
    out, seen = tmp_path / "scan.parquet", 0
    advance = ProgressBar.advance

    def interrupt(bar: ProgressBar, steps: int = 1, note: str | None = None) -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            raise KeyboardInterrupt
        advance(bar, steps, note)

    with monkeypatch.context() as patch:
        patch.setattr(ProgressBar, "advance", interrupt)
        with pytest.raises(KeyboardInterrupt):
            scan(folder, out, ONE)
    assert not out.exists()
    assert len((tmp_path / "scan.parquet.unfinished").read_text().split()) >= 3
    handed_out = 0
    run = executor.Executor.run

    def counting(engine: executor.Executor, work: object, tasks: list[tuple[object, ...]]) -> object:
        nonlocal handed_out
        handed_out = len(tasks)
        return run(engine, work, tasks)  # type: ignore[arg-type]

    monkeypatch.setattr(executor.Executor, "run", counting)
    assert scan(folder, out, ONE).records == whole.records
    assert handed_out == 8 - 3  # all but the empty file, which need not be opened
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"scan.parquet", "whole.parquet"}


def test_nothing_is_overwritten(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "scan.parquet"
    out.write_text("precious")
    with pytest.raises(OverwriteError, match="exists already"):
        scan(folder, out, ONE)
    assert out.read_text() == "precious"


def test_a_place_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        scan(folder, tmp_path / "file/scan.parquet", ONE)
    assert str(caught.value) == f"{tmp_path / 'file/scan.parquet'} cannot be written: File exists. Name another place."
