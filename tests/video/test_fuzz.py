"""Every bad file there is: decoded or skipped with its reason, in time; nothing hangs, crashes, leaks or is mixed up.

UNREEL_FUZZ_SEEDS=500 tries 500 files with flipped bits in place of 60.
"""

import ctypes
import hashlib
import json
import os
import random
import re
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from clips import Clip, frames_of
from fuzz_corpus import write_corpus
from fuzz_pieces import Expected, decoded, numbered, shown, with_hole
from running import children
from running import pretrain_on as pretrain

from unreel.engine.limits import Limits
from unreel.settings.hdc import HDCSettings
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions, ScanOptions
from unreel.video.collection.prepare import prepare
from unreel.video.collection.scan import scan
from unreel.video.decoding.convert import plane_views

pytestmark = pytest.mark.slow

SIDE = 38
_FLIPS, _SEEDS = int(os.environ.get("UNREEL_FUZZ_SEEDS", "60")), 500
_LONGEST_REASON = 100
_EXCEPTION = re.compile(r"[A-Z]\w*(Error|Exception)|Traceback|\[Errno|decoder (failed|crashed)")


@dataclass(frozen=True)
class Traces:
    """What a process has: open files, child processes, and its temporary files."""

    descriptors: int
    children: tuple[int, ...]
    temporary: tuple[str, ...]

    @classmethod
    def now(cls) -> "Traces":
        temporary = sorted(path.name for path in Path(tempfile.gettempdir()).iterdir())
        return cls(len(list(Path("/proc/self/fd").iterdir())), tuple(sorted(children())), tuple(temporary))


@dataclass(frozen=True)
class Prepared:
    """The corpus, prepared twice, and what was seen before and after the second time."""

    source: Path
    expected: dict[str, Expected]
    first: Manifest
    second: Manifest
    states: tuple[dict[str, str], dict[str, str]]
    traces: tuple[Traces, Traces]

    @property
    def kept(self) -> Iterator[tuple[VideoRecord, Expected]]:
        """The usable videos with what was expected of them."""
        return ((record, self.expected[record.id]) for record in self.first.usable)


def state(folder: Path) -> dict[str, str]:
    """What kind every file below a folder is, its size and its content."""
    facts = {}
    for here, folders, names in os.walk(folder):
        for path in (Path(here, name) for name in folders + names):
            mode, size = path.lstat().st_mode, path.lstat().st_size
            content = (
                path.read_bytes() if stat.S_ISREG(mode) else os.fsencode(path.readlink()) if path.is_symlink() else b""
            )
            facts[str(path.relative_to(folder))] = f"{mode} {size} {hashlib.sha256(content).hexdigest()}"
    return facts


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """The whole corpus, prepared by two processes, twice."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "temporary").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder / "temporary"))
        patch.setattr(tempfile, "tempdir", None)
        seeds = random.Random(0).sample(range(max(_SEEDS, _FLIPS)), _FLIPS)
        expected = write_corpus(folder / "source", seeds)
        (folder / "source" / "notes.txt").write_text("no video, and not called one")
        before = state(folder / "source")
        options = PrepareOptions(side=SIDE, workers=2, limits=Limits(20.0))
        first = prepare(folder / "source", folder / "first", options)
        traces = Traces.now()
        second = prepare(folder / "source", folder / "second", options)
        yield Prepared(
            folder / "source", expected, first, second, (before, state(folder / "source")), (traces, Traces.now())
        )


def pictures(path: Path) -> list[tuple[int, int]]:
    """The numbers that the frames of a prepared file show."""
    return [shown(plane_views(frame)[0]) for frame in frames_of(path)]


def test_every_file_has_one_row(prepared: Prepared) -> None:
    assert len(prepared.expected) >= 200 + _FLIPS
    assert [record.id for record in prepared.first] == sorted(prepared.expected)
    assert prepared.first.ignored == 1


def test_every_file_is_evaluated_as_it_must_be(prepared: Prepared) -> None:
    wrong = {
        record.id: (record.status, record.reason)
        for record in prepared.first
        if prepared.expected[record.id].fate not in (record.status, "either")
    }
    assert wrong == {}


def test_reasons_are_short_sentences(prepared: Prepared) -> None:
    reasons = {record.id: record.reason for record in prepared.first}
    assert all(reasons[record.id] for record in prepared.first.skipped)
    bad = {
        name: reason for name, reason in reasons.items() if len(reason) > _LONGEST_REASON or _EXCEPTION.search(reason)
    }
    assert bad == {}


INTERLACED = "interlaced, which is not undone: what moves has combed edges"


def test_good_videos_keep_every_frame(prepared: Prepared) -> None:
    for record, expected in prepared.kept:
        if expected.fate == "ok":
            noted = INTERLACED if record.codec == "dvvideo" or "interlaced" in record.id else ""
            assert (record.id, record.frames, record.reason) == (
                record.id,
                expected.frames,
                noted,
            )
            if expected.video:
                own = [(number, expected.video) for number in range(expected.frames)]
                assert (record.id, pictures(prepared.first.file(record))) == (record.id, own)


def test_no_video_takes_the_place_of_another(prepared: Prepared) -> None:
    videos = {expected.video for expected in prepared.expected.values()} - {0}
    for record, expected in prepared.kept:
        seen = pictures(prepared.first.file(record))
        assert (record.id, len(seen)) == (record.id, record.frames)
        alike = {video for _, video in seen}
        if expected.video and len(alike) == 1 and alike < videos - {expected.video}:
            # damaged pictures may look like another video's, but then they do so in the file itself
            assert (record.id, seen) == (record.id, list(decoded(prepared.source / record.id)))


def test_a_video_that_breaks_off_is_kept_up_to_there(prepared: Prepared) -> None:
    cut = [(record, expected) for record, expected in prepared.kept if record.id.startswith("truncated/")]
    assert len(cut) > 40
    for record, expected in cut:
        seen = pictures(prepared.first.file(record))
        own = {(number, expected.video) for number in range(expected.frames)}
        damaged = [place for place, picture in enumerate(seen) if picture not in own]
        assert damaged in ([], [len(seen) - 1]), f"{record.id} shows {seen}"


def test_the_source_is_as_it_was(prepared: Prepared) -> None:
    before, after = prepared.states
    assert len(before) > len(prepared.expected)
    assert before == after


def test_nothing_is_left_behind(prepared: Prepared) -> None:
    before, after = prepared.traces
    assert before == after
    assert after.temporary == ()
    folder = prepared.first.root
    files = {path.relative_to(folder).as_posix() for path in folder.glob("videos/*/*") if path.suffix != ".json"}
    assert files == {record.path for record in prepared.first.usable}


def test_twice_is_the_same_to_the_byte(prepared: Prepared) -> None:
    first, second = prepared.first, prepared.second
    assert first.records == second.records
    different = [
        record.id for record in first.usable if first.file(record).read_bytes() != second.file(record).read_bytes()
    ]
    assert different == []
    assert (first.root / "manifest.parquet").read_bytes() == (second.root / "manifest.parquet").read_bytes()


def test_an_epoch_of_pretraining(prepared: Prepared, tmp_path: Path) -> None:
    long = [record for record in prepared.first.usable if record.frames >= 16]
    small = {"width": 0.0625, "size": 32, "clip_length": 16, "loader_workers": 1, "log_every": 10}
    settings = HDCSettings.model_validate(
        {"folder": prepared.first.root, "out": tmp_path / "run", "batch_size": 16, "steps": len(long) // 16, **small}
    )
    pretrain(settings, prepared.first)
    videos = json.loads((tmp_path / "run" / "videos.json").read_text())
    assert sorted(videos["used"]) == [record.id for record in long]
    assert sorted([*videos["used"], *videos["left_out"]]) == sorted(prepared.expected)


def test_scanning_says_the_same(prepared: Prepared, tmp_path: Path) -> None:
    scanned = scan(prepared.source, tmp_path / "scan.parquet", ScanOptions(workers=2, limits=Limits(20.0)))
    assert [(record.id, record.status, record.reason, record.frames) for record in scanned] == [
        (record.id, record.status, record.reason, record.frames) for record in prepared.first
    ]


def test_scanning_quickly_evaluates_every_file_in_words(prepared: Prepared, tmp_path: Path) -> None:
    scanned = scan(prepared.source, tmp_path / "scan.parquet", ScanOptions(workers=2, limits=Limits(20.0), quick=True))
    assert [record.id for record in scanned] == sorted(prepared.expected)
    for record in scanned:
        assert len(record.reason) <= _LONGEST_REASON and not _EXCEPTION.search(record.reason), record
        if prepared.expected[record.id].fate == "skipped":
            assert record.status == "skipped", record


def test_a_file_that_grows_meanwhile_is_done_again(tmp_path: Path) -> None:
    whole = Clip(frames=200, options={"g": "8"}, pictures=numbered(9)).write(tmp_path / "whole.ts").read_bytes()
    growing = tmp_path / "source" / "growing.ts"
    growing.parent.mkdir()
    begin = 188 * 60
    growing.write_bytes(whole[:begin])
    stop = threading.Event()

    def grow() -> None:
        with growing.open("ab", buffering=0) as file:
            for start in range(begin, len(whole), 188):
                if not stop.is_set():
                    time.sleep(0.01)
                file.write(whole[start : start + 188])

    writer = threading.Thread(target=grow)
    writer.start()
    options = PrepareOptions(side=SIDE, workers=1, limits=Limits(20.0))
    early = prepare(growing.parent, tmp_path / "out", options)
    assert writer.is_alive()  # it was still growing
    stop.set()
    writer.join()
    late = prepare(growing.parent, tmp_path / "out", options)
    (before,), (after,) = early, late
    assert 16 <= before.frames < 200 == after.frames
    assert pictures(late.file(after)) == [(number, 9) for number in range(200)]


_FORBIDDEN = """
import sys
from pathlib import Path
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]), PrepareOptions(side=38, workers=1))
"""


def _as_others() -> None:
    """Before a program starts: it may not read everything, not even if it is root's (capabilities 1 and 2 of Linux)."""
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


def test_what_may_not_be_read_is_skipped(tmp_path: Path) -> None:
    source, script = tmp_path / "source", tmp_path / "script.py"
    Clip().write(source / "good.mp4")
    Clip().write(source / "secret.mp4").chmod(0)
    Clip().write(source / "closed" / "inside.mp4").parent.chmod(0)
    script.write_text(_FORBIDDEN)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(script), str(source), str(tmp_path / "out")]
    try:
        probe = subprocess.run(["cat", source / "secret.mp4"], preexec_fn=_as_others, capture_output=True)
        if probe.returncode == 0:
            pytest.skip("this process reads everything and cannot give that up")
        subprocess.run(command, env=environment, preexec_fn=_as_others, check=True, timeout=60)
    finally:
        (source / "closed").chmod(0o700)
    assert {record.id: record.reason for record in Manifest.read(tmp_path / "out")} == {
        "closed": "a folder that cannot be read",
        "good.mp4": "",
        "secret.mp4": "cannot be opened: permission denied",
    }


def test_a_hole_of_five_gigabytes(tmp_path: Path) -> None:
    video = Clip(pictures=numbered(9)).write(tmp_path / "video.mp4").read_bytes()
    (tmp_path / "source").mkdir()
    with_hole(video, tmp_path / "source" / "hole.mp4")
    manifest = prepare(tmp_path / "source", tmp_path / "out", PrepareOptions(side=SIDE, workers=1))
    (record,) = manifest.usable
    assert record.size > 5 << 30
    assert pictures(manifest.file(record)) == [(number, 9) for number in range(24)]
