"""Jobs in real processes: in order, side by side, failing, stopped, killed, and gone on with."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from unreel.engine.locks import locked
from unreel.errors import OverwriteError, RunError, SettingsError, Stopped
from unreel.reproduction import runner
from unreel.reproduction.jobs import Record, ReproductionJob, progress_of, read_record, write_record
from unreel.reproduction.runner import run

WORKER = Path(__file__).parents[1] / "support" / "job_script.py"
PATIENCE = 30.0  # seconds


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "PROGRAM", (sys.executable, str(WORKER)))
    monkeypatch.setattr(runner, "LOOK_EVERY", 0.02)


def _job(out: Path, name: str, kind: str = "make", *needs: str, how: tuple[str, ...] = ()) -> ReproductionJob:
    result = out / "runs" / f"{name}.txt"
    return ReproductionJob(name, (kind, str(result)), result, needs, how)


def _wait_for(holds: Callable[[], bool]) -> None:
    until = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < until, "waited in vain"
        sleep(0.02)


def _alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_jobs_are_run_once_and_leave_their_words_and_their_logs(tmp_path: Path) -> None:
    jobs, said = [_job(tmp_path, "a"), _job(tmp_path, "b", "make", "a", how=("--here",))], list[str]()
    report = run(jobs, tmp_path, [""], said.append)
    assert (set(report.seconds), report.failed) == ({"a", "b"}, {})
    assert said == [f"[1 of 2] {jobs[0].command}", f"[2 of 2] {jobs[1].command}"]
    assert jobs[1].result.read_text() == "--here"
    assert (tmp_path / "logs" / "b.txt").read_text() == f"$ {jobs[1].command}\n"
    made = [job.result.stat().st_mtime_ns for job in jobs]
    said.clear()
    assert run(jobs, tmp_path, [""], said.append) == report
    assert said == ["2 of 2 jobs are finished already"]
    assert [job.result.stat().st_mtime_ns for job in jobs] == made


def test_a_failing_job_is_named_with_its_log_and_only_those_that_need_it_are_left_out(tmp_path: Path) -> None:
    names = [("a", "fail"), ("b", "make", "a"), ("c", "make", "b"), ("d", "make"), ("e", "lazy")]
    said: list[str] = []
    report = run([_job(tmp_path, *each) for each in names], tmp_path, [""], said.append)
    log = tmp_path / "logs" / "a.txt"
    assert report.failed["a"] == f"exit code 3; {log} ends: one line / what went wrong"
    assert report.failed["b"] == "needs a, which failed"
    assert report.failed["c"] == "needs b, which failed"
    assert report.failed["e"].startswith(f"no {tmp_path / 'runs' / 'e.txt'}; ")
    assert list(report.seconds) == ["d"]
    assert f"failed: unreel fail {tmp_path / 'runs' / 'a.txt'}" in "\n".join(said)


def test_every_gpu_has_a_job_of_its_own(tmp_path: Path) -> None:
    jobs = [_job(tmp_path, name, "linger" if name in "ab" else "make") for name in "abc"]

    def release() -> None:  # both linger at once: each makes its result when it is begun again
        _wait_for(lambda: all(job.result.with_suffix(".begun").exists() for job in jobs[:2]))
        for job in jobs[:2]:
            os.kill(int(job.result.with_suffix(".begun").read_text()), signal.SIGTERM)

    thread = Thread(target=release)
    thread.start()
    report = run(jobs, tmp_path, ["4", "7"], lambda _: None)
    thread.join()
    assert set(report.failed) == {"a", "b"}
    assert jobs[2].result.read_text() in ("4", "7")
    report = run(jobs, tmp_path, ["4", "7"], lambda _: None)
    assert {job.result.read_text() for job in jobs[:2]} == {"4", "7"}
    assert not report.failed


def test_processors_run_several_jobs_at_a_time_each_with_its_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "cores", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    begun: list[dict[str, str]] = []

    def noted(*arguments: object, env: dict[str, str], **options: object) -> object:
        begun.append(env)
        return subprocess.Popen(*arguments, env=env, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(runner, "Popen", noted)
    run([_job(tmp_path, name) for name in "ab"], tmp_path, ["", ""], lambda _: None)
    assert [(each["OMP_NUM_THREADS"], each["LOCAL_WORLD_SIZE"]) for each in begun] == [("3", "2")] * 2
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run([_job(tmp_path, "c")], tmp_path, ["", ""], lambda _: None)
    assert begun[-1]["OMP_NUM_THREADS"] == "1"


def test_a_result_of_another_command_is_never_taken_for_this_one(tmp_path: Path) -> None:
    job = _job(tmp_path, "a")
    run([job], tmp_path, [""], lambda _: None)
    other = ReproductionJob("a", (*job.words, "--more"), job.result)
    with pytest.raises(
        SettingsError, match=r"(?s)a\.txt is there, but of another command.*now:   unreel make .* --more"
    ):
        run([other], tmp_path, [""], lambda _: None)
    elsewhere = ReproductionJob("a", job.words, job.result, how=("--accelerator", "cuda"))
    assert not run([elsewhere], tmp_path, [""], lambda _: None).failed
    (tmp_path / "jobs" / "a.json").unlink()
    with pytest.raises(SettingsError, match="there: no job that is known here"):
        run([job], tmp_path, [""], lambda _: None)


def test_a_folder_of_something_else_and_a_second_runner_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("…")
    with pytest.raises(OverwriteError, match="exists already and nothing is overwritten"):
        run([_job(tmp_path, "a")], tmp_path, [""])
    out = tmp_path / "out"
    run([], out, [""])
    with locked(out / "lock"), pytest.raises(RunError, match=r"another process runs jobs in .*name another --out"):
        run([], out, [""])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_a_request_to_stop_is_passed_on_and_the_next_start_goes_on(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    jobs = [_job(tmp_path, "a"), _job(tmp_path, "b", "linger", "a"), _job(tmp_path, "c", "make", "b")]
    begun = jobs[1].result.with_suffix(".begun")

    def stop() -> None:
        _wait_for(begun.exists)
        os.kill(os.getpid(), number)

    thread = Thread(target=stop)
    thread.start()
    with pytest.raises(Stopped, match=f"stopped by {number.name} while b ran; all is saved in .*resumes") as stopped:
        run(jobs, tmp_path, [""], lambda _: None)
    thread.join()
    assert stopped.value.exit_code == code
    assert not _alive(int(begun.read_text()))
    assert not jobs[2].result.exists()
    report = run(jobs, tmp_path, [""], lambda _: None)
    assert (set(report.seconds), report.failed) == ({"a", "b", "c"}, {})


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc; on other systems jobs outlive their runner")
def test_jobs_end_with_a_runner_that_is_killed_and_the_next_start_goes_on(tmp_path: Path) -> None:
    jobs = [_job(tmp_path, "a"), _job(tmp_path, "b", "linger", "a")]
    begun = jobs[1].result.with_suffix(".begun")
    script = f"""
import sys
from pathlib import Path
from unreel.reproduction import runner
from unreel.reproduction.jobs import ReproductionJob
runner.PROGRAM = (sys.executable, {str(WORKER)!r})
jobs = [ReproductionJob(name, words, Path(words[1]), needs) for name, words, needs in
        {[(j.name, j.words, j.needs) for j in jobs]}]
runner.run(jobs, Path({str(tmp_path)!r}), [""])
"""
    killed = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL)
    _wait_for(lambda: begun.exists() and bool(begun.read_text()))
    killed.kill()
    killed.wait()
    _wait_for(lambda: not _alive(int(begun.read_text())))
    report = run(jobs, tmp_path, [""], lambda _: None)
    assert (set(report.seconds), report.failed) == ({"a", "b"}, {})


def test_records_come_back_and_damaged_ones_are_none(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    write_record(tmp_path, Record("a", ("prepare", "x y"), 12.34))
    assert read_record("a", tmp_path) == Record("a", ("prepare", "x y"), 12.3)
    (tmp_path / "jobs" / "a.json").write_text("{")
    assert read_record("a", tmp_path) is None
    assert read_record("b", tmp_path) is None


def test_how_far_a_job_has_come_is_read_from_its_newest_metrics(tmp_path: Path) -> None:
    job = ReproductionJob("tune", (), tmp_path / "finetune.json")
    assert progress_of(job) == "tune"
    (tmp_path / "fold-1").mkdir()
    (tmp_path / "fold-1" / "metrics.csv").write_text("step,loss\n")
    assert progress_of(job) == "tune"
    (tmp_path / "fold-1" / "metrics.csv").write_text("step,loss\n10,2.5\n20,2.25\n3")
    assert progress_of(job) == "tune, step 20"
