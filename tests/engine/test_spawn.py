"""Processes that start without the user's script: real scripts, run in every way that Python has."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from textwrap import indent
from threading import Thread
from typing import Any, Literal

import pytest
from misbehave import square
from running import states_of_session

from unreel.engine.executor import Executor
from unreel.engine.signals import SIGNALS
from unreel.engine.spawn import check_importable, context
from unreel.errors import UnreelError

IMPORTS = """
from pathlib import Path
from unreel.engine.executor import Executor
from unreel.engine.read_ahead import read_ahead
from unreel.engine.signals import stop_requests
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.moving_shapes.synth import MovingShapes, render_collection
"""
# Moving Shapes are rendered by an executor's pool, prepared by pebble's, and range(9) is read by DataLoader's workers.
WORK = """
print("runs")
shapes = render_collection(Path("shapes"), MovingShapes(videos=2, frames=16, side=32), workers=2)
print(len(prepare(shapes, Path("out"), PrepareOptions(side=32, workers=1)).usable))
print(list(read_ahead(range(9), [3, 1], 1, yielding=False)))
"""
EXPECTED = "runs\n2\n[3, 1]\n"


def run(folder: Path, *words: str, script: str = "", typed: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Python with these words in a folder that holds `script.py`; `typed` is its standard input."""
    (folder / "script.py").write_text(IMPORTS + script)
    return subprocess.run(
        [sys.executable, "-W", "error", *words], input=typed, cwd=folder, capture_output=True, text=True, timeout=100
    )


@pytest.mark.parametrize(
    ("words", "typed", "guarded"),
    [
        (["script.py"], None, False),
        pytest.param(["script.py"], None, True, marks=pytest.mark.slow),
        pytest.param(["-m", "script"], None, False, marks=pytest.mark.slow),
        (["-c", IMPORTS + WORK], None, False),
        pytest.param(["-"], IMPORTS + WORK, False, marks=pytest.mark.slow),
        (["-i", "-q"], IMPORTS + WORK, False),
    ],
    ids=["file", "guarded file", "module", "command", "standard input", "typed"],
)
def test_a_script_runs_once(words: list[str], typed: str | None, guarded: bool, tmp_path: Path) -> None:
    script = f'if __name__ == "__main__":\n{indent(WORK, "    ")}' if guarded else WORK
    ran = run(tmp_path, *words, script=script, typed=typed)
    assert ran.stdout == EXPECTED
    assert ran.stderr.replace(">>> ", "").strip() == ""
    assert ran.returncode == 0


OWN = """
print("runs")
class Own:
    def __getitem__(self, key):
        return key
def own(number):
    return number
"""


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("list(read_ahead(Own(), [3, 1], 2, yielding=False))", "<class '__main__.Own'>"),
        ("list(Executor(workers=2).run(own, [(1,), (2,)]))", "<function own at "),
    ],
)
def test_what_the_script_defines_is_refused_at_once(call: str, named: str, tmp_path: Path) -> None:
    ran = run(tmp_path, "script.py", script=OWN + call)
    assert ran.stdout == "runs\n"
    assert ran.stderr.splitlines()[-1].startswith(
        "unreel.errors.UnreelError: a new process does not run the script again and cannot be given what is defined "
        f"there. Move it into a file beside the script and import it from there (Can't pickle {named}"
    )
    assert ran.returncode == 1


def test_what_no_module_holds_is_skipped() -> None:
    with pytest.raises(UnreelError, match="cannot be given what is defined there"):
        Executor(workers=1).run(lambda: None, [()])
    check_importable((square, [1, "two", Path("three")]))


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_processes_and_threads_keep_the_main_module(method: Literal["spawn", "forkserver"]) -> None:
    main, codes = sys.modules["__main__"], []

    def start() -> None:
        process: Any = context(method).Process(target=square, args=(2,))  # type: ignore[attr-defined]
        process.start()
        process.join()
        codes.append(process.exitcode)

    threads = [Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0, 0]
    assert sys.modules["__main__"] is main
    assert get_context(method).Process is not context(method).Process  # type: ignore[attr-defined]


def test_a_worker_without_signals_can_be_ended() -> None:
    process: Any = context("forkserver").Process(target=time.sleep, args=(600,))  # type: ignore[attr-defined]
    process.start()
    for number in SIGNALS:
        os.kill(process.pid, number)
    process.join(1.0)
    assert process.is_alive()
    process.terminate()
    process.join(10.0)
    assert process.exitcode == -signal.SIGKILL


READING = """
with stop_requests() as stop:
    after = 0
    for number in read_ahead(range(10**9), range(10**9), 2, yielding=False):
        if number == 0:
            print("reads", flush=True)
        after += stop.requested is not None
        if after == 2000:
            break
print(stop.requested.name)
"""


def reading(folder: Path) -> "subprocess.Popen[str]":
    """A script in a session of its own, that reads ahead."""
    (folder / "script.py").write_text(IMPORTS + READING)
    words = [sys.executable, "-W", "error", "script.py"]
    process = subprocess.Popen(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "reads\n"
    return process


def test_reading_goes_on_when_all_processes_are_asked_to_stop(tmp_path: Path) -> None:
    process = reading(tmp_path)
    for number in SIGNALS:
        os.killpg(process.pid, number)
    told, errors = process.communicate(timeout=60)
    assert told.strip() in {number.name for number in SIGNALS}
    assert errors == ""
    assert process.returncode == 0


def test_nothing_outlives_a_killed_reader(tmp_path: Path) -> None:
    process = reading(tmp_path)
    assert len(states_of_session(process.pid)) >= 3
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 20
    while states_of_session(process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not states_of_session(process.pid)
