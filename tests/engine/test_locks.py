"""Locks: who waits says for whom, and ends on a signal."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from unreel.engine.locks import is_locked, locked
from unreel.errors import OutputError, RunError

WAITER = """
import sys
from pathlib import Path
from unreel import cli
from unreel.engine.locks import locked
lock = Path(sys.argv[1])
def verb(_):
    with locked(lock):
        print("held")
cli.import_module = lambda _: type("", (), {"main": verb})
sys.argv = ["unreel", "scan"]
cli.main()
"""


def test_who_waits_says_for_what_and_ends_on_a_signal_or_gets_it(tmp_path: Path) -> None:
    lock = tmp_path / "prepared.lock"
    words = [sys.executable, "-c", WAITER, str(lock)]
    with locked(lock):
        first, second = (
            subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
        )
        for waiter in (first, second):
            assert waiter.stderr is not None
            assert waiter.stderr.readline() == f"unreel: waiting for {lock}, which process {os.getpid()} holds\n"
        first.send_signal(signal.SIGTERM)
        assert first.communicate(timeout=60) == ("", "unreel: ended by SIGTERM\n")
        assert first.returncode == 128 + signal.SIGTERM
        assert second.poll() is None
    assert second.communicate(timeout=60) == ("held\n", "")
    assert second.returncode == 0
    assert not lock.exists()


def test_one_at_a_time_and_nothing_is_left(tmp_path: Path) -> None:
    lock, inside, most = tmp_path / "new" / "lock", [0], [0]

    def work() -> None:
        for _ in range(20):
            with locked(lock):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert not lock.exists()


def test_who_does_not_wait_is_refused_and_who_looks_is_told(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    assert not is_locked(lock)
    with locked(lock):
        assert is_locked(lock)
        with pytest.raises(RunError, match="is being trained"), locked(lock, RunError("it is being trained")):
            pass
    lock.write_text("1 elsewhere")  # left by a process that was killed
    assert not is_locked(lock)
    with locked(lock, RunError("held")):
        assert lock.read_text().startswith(f"{os.getpid()} ")


def test_a_place_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    expected = r"lock cannot be locked \(No locks available\), expected a file system that has locks"
    with pytest.raises(OutputError, match=expected), locked(tmp_path / "lock"):
        pass
    (tmp_path / "file").touch()
    no_place = pytest.raises(OutputError, match=r"out cannot be written: (File exists|Not a directory)")
    with no_place, locked(tmp_path / "file" / "lock", of=tmp_path / "file" / "out"):
        pass
