"""Runs in real processes, started as users start them: the same run in any number, and what becomes of a killed one."""

import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import Clip, picture
from jaxtyping import Float64, UInt8
from running import states_of_session
from safetensors.numpy import load_file

from unreel.checkpoint import load_checkpoint
from unreel.checkpoint.state import checkpoints, step_of
from unreel.engine.watchdog import EXIT_CODE
from unreel.training.metrics import read_metrics
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

SLOW = pytest.mark.slow
pytestmark = pytest.mark.alone
SCRIPT = str(Path(__file__).parents[1] / "support" / "processes_script.py")
ALONE = [sys.executable]
TWO = ["--devices", "2", "--accelerator", "cpu"]
SOON = 30.0  # seconds
STEPS = 50
SMALL = "--recipe hdc --encoder c3d --width 0.0625 --size 24 --clip-length 8 --batch-size 8 --knn-every 0 --log-every 1"
GOES_ON = "The same command resumes from there."


def torchrun(processes: int, *options: str) -> list[str]:
    """Python's words for that many processes."""
    return [*ALONE, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", *options]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared videos, of which no two show the same."""
    folder = tmp_path_factory.mktemp("processes")
    for number in range(24):

        def pictures(frame: int, width: int, height: int, start: int = 37 * number) -> UInt8[np.ndarray, "h w 3"]:
            return picture(start + frame, width, height)

        Clip(width=40, height=32, frames=16 + number % 5, pictures=pictures).write(folder / "in" / f"{number}.mp4")
    return prepare(folder / "in", folder / "out", PrepareOptions(28)).root


@contextmanager
def started(
    videos: Path, run: Path, *words: str, by: Sequence[str] = ALONE, events: str = ""
) -> Iterator["subprocess.Popen[str]"]:
    """`unreel pretrain` in a session of its own, beside `run`."""
    process = subprocess.Popen(
        [*by, SCRIPT, "pretrain", str(videos), *SMALL.split(), "--loader-workers", "0", "--out", str(run), *words],
        cwd=run.parent,
        env={**os.environ, "EVENTS": events, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()  # torchrun then ends its processes, which it starts in sessions of their own
        process.communicate(timeout=100)


def pretrain(videos: Path, run: Path, *words: str, **options: Any) -> tuple[int, str]:
    """Exit code and errors of `unreel pretrain`, when it has ended by itself."""
    with started(videos, run, *words, **options) as process:
        _, errors = process.communicate(timeout=150)
        return process.returncode, errors


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that a process does soon."""
    deadline = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def measured(run: Path) -> int:
    """The last step whose figures are written."""
    rows = read_metrics(run)
    return int(rows[-1]["step"]) if rows else 0


def losses(run: Path, steps: int = STEPS) -> Float64[np.ndarray, " steps"]:
    """The loss of every step."""
    rows = read_metrics(run)
    assert [row["step"] for row in rows] == list(range(1, steps + 1))
    return np.array([row["loss"] for row in rows])


def weights(run: Path) -> Float64[np.ndarray, " weights"]:
    """All final weights, in one row."""
    return np.concatenate([each.ravel() for _, each in sorted(load_file(run / "weights.safetensors").items())])


PRECISE = ["--steps", str(STEPS), "--learning-rate", "0.01"]


@pytest.fixture(scope="module")
def alone(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in float64 in one process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    assert pretrain(videos, run, *PRECISE, events="precise") == (0, "")
    return run


@SLOW
@pytest.mark.parametrize(
    ("by", "words"),
    [(torchrun(2), []), (torchrun(4), []), (ALONE, [*TWO, "--accumulate", "2"])],
    ids=["two", "four", "two devices, in parts"],
)
def test_more_processes_are_the_same_run(
    videos: Path, alone: Path, tmp_path: Path, by: list[str], words: list[str]
) -> None:
    code, errors = pretrain(videos, tmp_path / "run", *PRECISE, *words, by=by, events="precise")
    assert code == 0, errors
    expected, found = losses(alone), losses(tmp_path / "run")
    assert expected[:5].mean() - expected[-5:].mean() > 0.1  # something is learnt
    assert abs(found - expected).max() < 1e-9
    assert abs(weights(tmp_path / "run") - weights(alone)).max() < 1e-9


# In float32 a rounding grows with every step: at three times this rate to 1e-3 within 50.
MILD = [f"--augmentation.no-{each}" for each in ("colour-jitter", "channel-replication", "scale-jitter", "flip")]
MILD += ["--steps", str(STEPS), "--learning-rate", "0.001"]


@SLOW
def test_more_processes_are_the_same_run_in_float32_where_roundings_stay_small(videos: Path, tmp_path: Path) -> None:
    runs = [tmp_path / "one", tmp_path / "two"]
    for run, by in zip(runs, (ALONE, torchrun(2)), strict=True):
        assert pretrain(videos, run, *MILD, by=by)[0] == 0
    one, two = map(losses, runs)
    assert one[:12].mean() - one[-12:].mean() > 0.01  # something is learnt
    assert abs(two - one).max() < 1e-4


def told(errors: str) -> list[str]:
    """What the processes themselves said; there is no traceback but torchrun's own."""
    own = re.findall(r"^torch\.distributed\.elastic\.\S+(?:ChildFailedError|SignalException): ", errors, re.MULTILINE)
    assert errors.count("Traceback (most recent call last)") == len(own) <= 1, errors
    assert "frame #" not in errors
    return [line.removeprefix("unreel: ") for line in errors.splitlines() if line.startswith("unreel: ")]


KILLED = ["--steps", "9", "--checkpoint-every", "3"]


@SLOW
@pytest.mark.parametrize(
    ("by", "words", "rank", "ends"),
    [(torchrun(2), [], 1, 1), (ALONE, TWO, 0, -signal.SIGKILL), (ALONE, TWO, 1, 2)],
    ids=["torchrun", "devices, the first", "devices"],
)
def test_a_killed_process_ends_the_others(
    videos: Path, tmp_path: Path, by: list[str], words: list[str], rank: int, ends: int
) -> None:
    event = f"kill={rank}@5"
    code, errors = pretrain(videos, tmp_path / "run", *KILLED, *words, by=by, events=event)
    assert time.time() - (tmp_path / event).stat().st_mtime < SOON
    gone = r"another process of this run is gone \([^()]*Connection [^()]*\)\. See what it said; the same command "
    for reason in told(errors):
        assert re.fullmatch(gone + r"resumes from the newest checkpoint\.|ended by SIGTERM", reason)
    if by == ALONE:
        assert len(told(errors)) == 1
    else:  # torchrun says it, and may end the other process before that can
        assert "Signal 9 (SIGKILL) received" in errors
    assert code == ends
    assert load_checkpoint(tmp_path / "run" / "checkpoints" / "step-000003").step == 3


@SLOW
def test_a_process_that_waits_for_nobody_ends_with_a_word_too(videos: Path, tmp_path: Path) -> None:
    code, errors = pretrain(videos, tmp_path / "run", *KILLED, *TWO, events="absent=0@4 kill=1@4")
    assert time.time() - (tmp_path / "kill=1@4").stat().st_mtime < SOON
    silent = "process 1 has said nothing for 15 s: it was killed, stopped or is cut off"
    assert told(errors) == [f"process 0 of 2 ends: {silent}. Start all again to resume."]
    assert code == EXIT_CODE


@SLOW
def test_a_run_that_is_stopped_and_killed_is_the_run_that_was_not(videos: Path, tmp_path: Path) -> None:
    words = ["--steps", "9", "--checkpoint-every", "4"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert pretrain(videos, whole, *words, *TWO)[0] == 0
    with started(videos, broken, *words, by=torchrun(2), events="late=1@3") as process:
        until(lambda: measured(broken) == 2)
        process.terminate()
        _, errors = process.communicate(timeout=60)
    (after,) = {step_of(each) for each in checkpoints(broken / "checkpoints")}
    assert after in (2, 3)
    assert set(told(errors)) == {f"stopped by SIGTERM after step {after} of 9; all is saved in {broken}. {GOES_ON}"}
    code, errors = pretrain(videos, broken, *words, by=torchrun(2, "--max-restarts=3"), events="kill=0@8")
    assert code == 0, errors
    log = (broken / "log.txt").read_text()
    assert [line.rpartition(" ")[2] for line in log.splitlines() if "resuming after" in line] == [str(after), "4"]
    assert (broken / "weights.safetensors").read_bytes() == (whole / "weights.safetensors").read_bytes()
    assert losses(broken, 9).tolist() == losses(whole, 9).tolist()


ENDLESS = ["--steps", "1000000"]


@SLOW
def test_a_run_belongs_to_one_command_which_stops_at_a_signal(videos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with started(videos, run, *ENDLESS, *TWO) as process:
        until(lambda: measured(run) >= 2)
        code, errors = pretrain(videos, run, *ENDLESS)
        (rejection,) = told(errors)
        assert code == 2
        assert rejection.startswith(
            f"{run} is being trained by another process. Wait for it, stop it, or write to another"
        )
        assert process.poll() is None
        process.terminate()
        _, errors = process.communicate(timeout=60)
        assert not states_of_session(process.pid)  # the other process has ended first
    done = measured(run)
    assert process.returncode == 75
    assert sorted(told(errors)) == sorted(stopped(by, done, run) for by in ("SIGTERM", "a signal to another process"))
    with started(videos, run, *ENDLESS, "--loader-workers", "1") as process:
        until(lambda: measured(run) > done)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, told(errors)) == (130, [stopped("SIGINT", measured(run), run)])


def stopped(by: str, step: int, run: Path) -> str:
    """What a stopped run says."""
    return f"stopped by {by} after step {step} of 1000000; all is saved in {run}. {GOES_ON}"


@SLOW
@pytest.mark.parametrize("most_bytes", [300_000, 0], ids=["for a checkpoint", "for anything"])
def test_a_disk_that_is_full(videos: Path, tmp_path: Path, most_bytes: int) -> None:
    run = tmp_path / "run"
    first = run / "checkpoints" / "step-000002"
    with started(videos, run, *ENDLESS, "--checkpoint-every", "2", "--keep", "100") as process:
        until(first.exists)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
        _, errors = process.communicate(timeout=60)
    (reason,) = told(errors)
    assert process.returncode == 2
    assert re.search(r"cannot be written: .*[Ff]ile too large", reason)
    assert "run the same command again, to resume from the newest of them." in reason
    left = checkpoints(run / "checkpoints")
    assert first in left
    assert all(load_checkpoint(each) for each in left)
    assert [each.name for each in (run / "checkpoints").iterdir() if each not in left] == []
    done = step_of(left[-1])
    code, errors = pretrain(videos, run, "--steps", str(done + 1))
    assert (code, told(errors)) == (0, [])
    assert [row["step"] for row in read_metrics(run)] == list(range(1, done + 2))


@SLOW
def test_a_loss_that_is_no_number(videos: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    code, errors = pretrain(videos, run, "--steps", "9", "--checkpoint-every", "1", events="broken=0@2")
    (reason,) = told(errors)
    assert code == 2
    assert reason.startswith("the loss of step 2 is nan, expected a finite number. The last good checkpoint is ")
    assert str(run / "checkpoints" / "step-000001") in reason
    (batch,) = re.findall(r"The batch was: (.*?)\. Look at these videos", reason)
    assert len(set(batch.split(", ")) & {f"{number}.mp4" for number in range(24)}) == 8
