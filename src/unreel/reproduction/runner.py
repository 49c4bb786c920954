"""Runs jobs as processes of their own: one on each GPU, or so many at a time on CPUs.

    OUT/
    ├── lock                held by the process that runs jobs here
    ├── jobs/NAME.json      the command of a job, whether it is finished, and how long it took
    └── logs/NAME.txt       what it said

A job whose result is there is finished: results are written whole. One that was stopped resumes where it was, as its
command does by itself. A job that fails ends those that need it; the others go on.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired
from time import monotonic, sleep
from typing import Any

from unreel.console import say
from unreel.engine.cpus import cores, environment_of_its_own
from unreel.engine.files import check_free, writing
from unreel.engine.locks import locked
from unreel.engine.progress import ProgressBar
from unreel.engine.signals import Stop, stop_requests
from unreel.errors import RunError, SettingsError, Stopped
from unreel.reproduction.jobs import Record, ReproductionJob, progress_of, read_record, write_record

LOOK_EVERY = 0.2
"""Seconds between looks at the jobs that run."""
NOTE_EVERY = 5.0
"""Seconds between looks at how far they have come."""
PATIENCE = 120.0
"""Seconds that a job has to save itself when all is stopped."""
PROGRAM = (sys.executable, "-m", "unreel")
LAST_LINES = 3
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class RunnerReport:
    """How the jobs ended: why some failed or could not begin, and `seconds` of all that are finished, whenever."""

    seconds: Mapping[str, float]
    failed: Mapping[str, str]


@dataclass
class _Running:
    job: ReproductionJob
    device: str
    process: "Popen[bytes]"
    started: float


@dataclass
class _State:
    jobs: Sequence[ReproductionJob]
    out: Path
    tell: Callable[[str], None]
    free: list[str]
    shared: int
    done: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    running: list[_Running] = field(default_factory=list)


def run(
    jobs: Sequence[ReproductionJob], out: Path, devices: Sequence[str], tell: Callable[[str], None] = say
) -> RunnerReport:
    """Run what is not finished; `devices` are the names of GPUs, or "" once for each job that the
    CPUs run at a time.

    Raises:
        OverwriteError: `out` holds something else.
        RunError: another process runs jobs in `out`.
        SettingsError: `out` holds the result of a job by another command.
        Stopped: on SIGTERM or Ctrl-C, when the jobs that ran have saved themselves.
    """
    with _claimed(out), stop_requests() as stop:
        check_results(jobs, out)
        state = _State(jobs, out, tell, list(devices), len(devices))
        state.done = {job.name for job in jobs if job.result.exists()}
        if state.done:
            tell(f"{len(state.done)} of {len(jobs)} jobs are finished already")
        try:
            _work(state, stop)
        except KeyboardInterrupt:  # the second Ctrl-C: at once
            _end(state, patience=0.0)
            raise
        finally:
            _end(state)
        return RunnerReport({job.name: _seconds(job, out) for job in jobs if job.name in state.done}, state.failed)


def check_results(jobs: Sequence[ReproductionJob], out: Path) -> None:
    """Do not mix: a result that is there must be of the same command.

    Raises:
        SettingsError: one is not.
    """
    for job in jobs:
        record = read_record(job.name, out)
        if not job.result.exists() or (record and record.words == job.words):
            continue
        made = f"unreel {' '.join(record.words)}" if record else "no job that is known here"
        raise SettingsError(
            f"{job.result} is there, but of another command, and a table is never made of both:",
            f"  there: {made}",
            f"  now:   unreel {' '.join(job.words)}",
            "Give the same options as before, or another --out.",
        )


def _work(state: _State, stop: Stop) -> None:
    """Begin what can begin, until nothing runs any more."""
    with ProgressBar("jobs", len(state.jobs)) as bar:
        bar.advance(len(state.done))
        looked = monotonic()
        while True:
            _end_those_without_hope(state)
            _start_what_is_ready(state)
            if not state.running:
                return
            sleep(LOOK_EVERY)
            if stop.requested is not None:
                raise _stopped(state, stop)
            bar.advance(_gather(state))
            if monotonic() - looked > NOTE_EVERY:
                looked = monotonic()
                bar.advance(0, note=" · ".join(progress_of(each.job) for each in state.running))


def _end_those_without_hope(state: _State) -> None:
    for job in state.jobs:
        need = next((need for need in job.needs if need in state.failed), None)
        if need is not None and job.name not in state.failed:
            state.failed[job.name] = f"needs {need}, which failed"


def _start_what_is_ready(state: _State) -> None:
    taken = state.done | state.failed.keys() | {each.job.name for each in state.running}
    for job in state.jobs:
        if state.free and job.name not in taken and state.done.issuperset(job.needs):
            state.running.append(_begin(state, job, state.free.pop(0)))


def _begin(state: _State, job: ReproductionJob, device: str) -> _Running:
    number = len(state.done) + len(state.failed) + len(state.running) + 1
    state.tell(f"[{number} of {len(state.jobs)}]{f' on GPU {device}' if device else ''} {job.command}")
    write_record(state.out, Record(job.name, job.words, _seconds(job, state.out)))
    environment = environment_of_its_own()
    if device:  # each job sees one GPU
        environment |= {"CUDA_VISIBLE_DEVICES": device}
    if state.shared > 1:  # … and takes its share of the CPUs
        threads = str(max(1, cores() // state.shared))
        environment = {"OMP_NUM_THREADS": threads} | environment | {"LOCAL_WORLD_SIZE": str(state.shared)}
    with _log(job, state.out).open("ab") as log:
        log.write(f"$ {job.command}\n".encode())
        log.flush()
        process = Popen(
            [*PROGRAM, *job.words, *job.how],
            stdin=DEVNULL,
            stdout=log,
            stderr=STDOUT,
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


def _gather(state: _State) -> int:
    """Take note of the jobs that have ended; how many."""
    ended = [each for each in state.running if each.process.poll() is not None]
    for each in ended:
        state.running.remove(each)
        state.free.append(each.device)
        _note_time(state, each)
        code = each.process.returncode
        if code == 0 and each.job.result.exists():
            state.done.add(each.job.name)
            continue
        log = _log(each.job, state.out)
        why = f"exit code {code}" if code else f"no {each.job.result}"
        state.failed[each.job.name] = f"{why}; {log} ends: {_end_of(log)}"
        state.tell(f"failed: {each.job.command}")
        state.tell(f"  {state.failed[each.job.name]}")
    return len(ended)


def _note_time(state: _State, each: _Running) -> None:
    before = _seconds(each.job, state.out)
    write_record(state.out, Record(each.job.name, each.job.words, before + monotonic() - each.started))


def _stopped(state: _State, stop: Stop) -> Stopped:
    """Pass the request on and wait until the jobs have saved themselves."""
    names = [each.job.name for each in state.running]
    _end(state)
    assert stop.requested is not None
    stopped = Stopped(
        f"stopped by {stop.requested.name} while {', '.join(names)} ran; all is saved in {state.out}. The same command "
        "resumes from there."
    )
    if stop.requested is signal.SIGINT:
        stopped.exit_code = 130
    return stopped


def _end(state: _State, patience: float = PATIENCE) -> None:
    """Ask all jobs to stop; kill those that do not, and what they have started."""
    for each in state.running:
        each.process.terminate()
    until = monotonic() + patience
    for each in state.running:
        with suppress(TimeoutExpired):
            each.process.wait(max(0.0, until - monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(each.process.pid, signal.SIGKILL)
        each.process.wait()
        _note_time(state, each)
    state.running.clear()


@contextmanager
def _claimed(out: Path) -> Iterator[None]:
    """`out` made ours if it is new or empty, and kept from other processes meanwhile."""
    if not (out / "jobs").is_dir():
        check_free(out)
    held = RunError(f"another process runs jobs in {out}. Wait for it, stop it, or name another --out.")
    with writing(out):
        for folder in ("jobs", "logs"):
            (out / folder).mkdir(parents=True, exist_ok=True)
        with locked(out / "lock", held, of=out):
            yield


def _seconds(job: ReproductionJob, out: Path) -> float:
    record = read_record(job.name, out)
    return record.seconds if record else 0.0


def _log(job: ReproductionJob, out: Path) -> Path:
    return out / "logs" / f"{job.name}.txt"


def _end_of(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").split("\n")]
    said = [line for line in lines[-2 * LAST_LINES :] if line and not line.startswith("$ ")]
    return " / ".join(said[-LAST_LINES:]) or "(nothing)"
