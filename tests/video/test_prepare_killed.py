"""Preparing is killed without warning, again and again, and runs out of disk: what is made is the same in the end."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clips import Clip, cut
from folders import checksums
from running import states_of_session

KILLS = 20
CLIPS = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collection")
    for number in range(CLIPS):
        frames = 40 + 10 * number
        Clip(frames=frames, width=160, height=120, options={"preset": "ultrafast"}).write(folder / f"{number}.mp4")
    cut(Clip(frames=60, codec="mpeg4").write(folder / "cut.avi"), 0.6)
    (folder / "text.mp4").write_text("hello")
    return folder


def prepare(folder: Path, out: Path, before: str = "") -> "subprocess.Popen[str]":
    """`unreel prepare` by two processes, in a session of its own; `before` is done first in its first process."""
    program = f"import sys; {before or 'pass'}; from unreel.cli import main; main()"
    words = [sys.executable, "-c", program, "prepare", str(folder), str(out), "--workers", "2", "--side", "64"]
    return subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def finished(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Its exit code and what it complained of."""
    _, errors = process.communicate()
    return process.returncode, errors


@pytest.fixture(scope="module")
def undisturbed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], float]:
    """The files of a run that nobody disturbs, and how long it takes."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    started = time.monotonic()
    assert finished(prepare(folder, out)) == (0, "")
    return checksums(out), time.monotonic() - started


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(
    folder: Path, undisturbed: tuple[dict[str, str], float], tmp_path: Path
) -> None:
    expected, seconds = undisturbed
    chance = random.Random(0)
    kills, rounds = 0, 0
    while kills < KILLS:
        out = tmp_path / str(rounds)
        rounds += 1
        while True:
            process = prepare(folder, out)
            try:
                process.wait(chance.uniform(0.2, 1.0) * seconds if kills < KILLS else None)
                break
            except subprocess.TimeoutExpired:
                kills += 1
                if kills % 2:
                    process.kill()  # only the first process: those that decode must notice by themselves
                else:
                    os.killpg(process.pid, signal.SIGKILL)
                finished(process)
        assert finished(process) == (0, "")
        assert checksums(out) == expected
        deadline = time.monotonic() + 20
        while states_of_session(process.pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not states_of_session(process.pid)
    assert kills == KILLS


@pytest.mark.slow
def test_a_full_disk_is_told_and_what_was_made_before_stays(
    folder: Path, undisturbed: tuple[dict[str, str], float], tmp_path: Path
) -> None:
    expected, _ = undisturbed
    out = tmp_path / "out"
    sizes = sorted(path.stat().st_size for path in folder.glob("*.mp4"))
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({sizes[len(sizes) // 2]},) * 2)"
    code, errors = finished(prepare(folder, out, limit))
    assert code == 2
    assert "Traceback" not in errors
    assert errors.startswith(f"unreel: {out}")
    assert "cannot be written" in errors
    assert "Free some space" in errors or "Name another folder" in errors
    assert not list(out.rglob("*.unfinished"))
    made = {name: digest for name, digest in checksums(out).items() if name.endswith(".mp4")}
    assert made.items() <= expected.items()
    assert finished(prepare(folder, out)) == (0, "")
    assert checksums(out) == expected
