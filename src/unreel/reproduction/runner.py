"""Runs jobs as processes of their own: one on each GPU, or one at a time on processors.

    OUT/
    ├── lock                held by the process that runs jobs here
    ├── done/NAME.json      the command of a finished job
    └── logs/NAME.txt       what it said

A job that is finished is not run again. One that was stopped goes on where it was, as its command does by itself. A job
that fails ends those that need it; the others go on.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from filelock import FileLock, Timeout

from unreel.engine.files import write_whole
from unreel.engine.stopping import Stop, stop_requests
from unreel.errors import RunError, Stopped
from unreel.reproduction.jobs import Job

LOOK_EVERY = 0.2
"""Seconds between looks at the jobs that run."""
PATIENCE = 120.0
"""Seconds that a job has to save itself when all is stopped."""
LAST_LINES = 3
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Report:
    """How the jobs ended: `seconds` of those that were run now, and why others failed or could not begin."""

    seconds: Mapping[str, float]
    failed: Mapping[str, str]


@dataclass
class _Running:
    job: Job
    device: str
    process: subprocess.Popen[bytes]
    started: float


@dataclass
class _State:
    jobs: Sequence[Job]
    out: Path
    tell: Callable[[str], None]
    free: list[str]
    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    running: list[_Running] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def run(jobs: Sequence[Job], out: Path, devices: Sequence[str], tell: Callable[[str], None] = print) -> Report:
    """Run what is not finished; `devices` are the numbers of GPUs, or one "" for the processors.

    Raises:
        RunError: another process runs jobs in `out`.
        Stopped: on SIGTERM or Ctrl-C, when the jobs that ran have saved themselves.
    """
    for folder in ("logs", "done"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    with _locked(out), stop_requests() as stop:
        state = _State(jobs, out, tell, list(devices))
        state.done = {job.name for job in jobs if is_done(job, out)}
        if state.done:
            tell(f"{len(state.done)} of {len(jobs)} jobs are finished already")
        try:
            while True:
                _end_those_without_hope(state)
                _start_what_is_ready(state)
                if not state.running:
                    return Report(state.seconds, state.failed)
                if stop.requested is not None:
                    raise _stopped(state, stop)
                sleep(LOOK_EVERY)
                _gather(state)
        finally:
            _end(state)


def is_done(job: Job, out: Path) -> bool:
    """Whether a job has been finished by the same command, and what it left is still there."""
    try:
        known = json.loads(_record(job, out).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(known.get("command") == list(job.words)) and job.result.exists()


def _end_those_without_hope(state: _State) -> None:
    for job in state.jobs:
        for need in job.needs:
            if job.name not in state.failed and need in state.failed:
                state.failed[job.name] = f"needs {need}, which failed"


def _start_what_is_ready(state: _State) -> None:
    taken = state.done | state.failed.keys() | {each.job.name for each in state.running}
    for job in state.jobs:
        if not state.free:
            return
        if job.name not in taken and state.done.issuperset(job.needs):
            state.running.append(_begin(state, job, state.free.pop(0)))


def _begin(state: _State, job: Job, device: str) -> _Running:
    where = f" on GPU {device}" if device else ""
    state.tell(f"[{len(state.done) + len(state.running) + 1} of {len(state.jobs)}]{where} {job.command}")
    environment = os.environ | ({"CUDA_VISIBLE_DEVICES": device} if device else {})
    with _log(job, state.out).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "unreel", *job.words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # a Ctrl-C comes to this process alone, which passes it on
            **_ending_with_this_process(),
        )
    return _Running(job, device, process, monotonic())


def _ending_with_this_process() -> dict[str, Any]:
    """On Linux a job is killed when this process is: it would else hold its run against the next start."""
    if sys.platform != "linux":
        return {}
    library = ctypes.CDLL(None)
    return {"preexec_fn": lambda: library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)}


def _gather(state: _State) -> None:
    for each in list(state.running):
        code = each.process.poll()
        if code is None:
            continue
        state.running.remove(each)
        state.free.append(each.device)
        seconds = monotonic() - each.started
        if code == 0 and each.job.result.exists():
            write_whole(_record(each.job, state.out), json.dumps({"command": each.job.words, "seconds": seconds}))
            state.done.add(each.job.name)
            state.seconds[each.job.name] = seconds
        else:
            log = _log(each.job, state.out)
            why = f"exit code {code}" if code else f"no {each.job.result}"
            state.failed[each.job.name] = f"{why}; {log} ends: {_end_of(log)}"
            state.tell(f"failed: {each.job.command}\n  {state.failed[each.job.name]}")


def _stopped(state: _State, stop: Stop) -> Stopped:
    """Pass the request on and wait until the jobs have saved themselves."""
    names = [each.job.name for each in state.running]
    _end(state)
    assert stop.requested is not None
    stopped = Stopped(
        f"stopped by {stop.requested.name} while {', '.join(names)} ran; all is saved in {state.out}. The same command "
        "goes on from there."
    )
    if stop.requested is signal.SIGINT:
        stopped.exit_code = 130
    return stopped


def _end(state: _State) -> None:
    """Ask all jobs to stop; kill those that do not."""
    for each in state.running:
        each.process.terminate()
    until = monotonic() + PATIENCE
    for each in state.running:
        with suppress(subprocess.TimeoutExpired):
            each.process.wait(max(0.0, until - monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(each.process.pid, signal.SIGKILL)  # and what it has started
        each.process.wait()
    state.running.clear()


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    lock = FileLock(out / "lock")
    try:
        lock.acquire(timeout=2)
    except Timeout:
        raise RunError(f"another process runs jobs in {out}. Wait for it, stop it, or name another --out.") from None
    try:
        yield
    finally:
        lock.release()


def _record(job: Job, out: Path) -> Path:
    return out / "done" / f"{job.name}.json"


def _log(job: Job, out: Path) -> Path:
    return out / "logs" / f"{job.name}.txt"


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return " / ".join([line.strip() for line in lines if line.strip()][-LAST_LINES:]) or "(nothing)"
