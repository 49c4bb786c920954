"""Three real processes: when one dies, is stopped or fails, the others end with a message; otherwise none does."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from torch.distributed import DistBackendError, DistNetworkError

from unreel.engine.watchdog import EXIT_CODE, connection_lost, watched_peers

WORLD = 3
SILENCE = 4.0  # a busy machine may leave a process no time for as long as 2
SLOW = pytest.mark.slow
pytestmark = pytest.mark.alone
SOON = 30.0  # seconds, on a busy machine
PROGRAM = f"""
import sys, time
import torch
from torch import distributed
from unreel.engine.watchdog import connection_lost, watched_peers

rank, meeting, work = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.set_num_threads(1)
distributed.init_process_group("gloo", "file://" + meeting, rank=rank, world_size={WORLD})
with watched_peers(silence={SILENCE}):
    print("works", flush=True)
    if sys.stdin.readline():  # all of them work
        try:
            exec(work)
        except RuntimeError as error:
            print("lost" if connection_lost(error) else "failed", flush=True)
            raise
print("done", flush=True)
"""
VICTIM_ABSENT = "distributed.barrier() if rank != {victim} else time.sleep(600)"


class Group:
    """The processes of one group, by their ranks, each doing `work`."""

    def __init__(self, folder: Path, work: str) -> None:
        words = [sys.executable, "-W", "error", "-c", PROGRAM]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.processes = [
            subprocess.Popen([*words, str(rank), str(folder / "meeting"), work], text=True, **pipes)  # type: ignore[call-overload]
            for rank in range(WORLD)
        ]
        for each in self.processes:
            assert each.stdout.readline() == "works\n", each.communicate()[1]
        for each in self.processes:
            each.stdin.write("go\n")
            each.stdin.flush()
        time.sleep(0.5)
        self._started = time.monotonic()

    def send(self, number: signal.Signals, *ranks: int) -> None:
        """A signal to some of them."""
        for rank in ranks:
            os.kill(self.processes[rank].pid, number)

    def ends(self, *ranks: int) -> list[tuple[int, str, str]]:
        """Exit code, output and last line of the errors of these, which must end soon."""
        try:
            texts = [self.processes[rank].communicate(timeout=SOON) for rank in ranks]
            assert time.monotonic() - self._started < SOON
        finally:
            for each in self.processes:
                each.kill()
                each.communicate()
        codes = [self.processes[rank].returncode for rank in ranks]
        last = [errors.splitlines()[-1] if errors else "" for _, errors in texts]
        return [(code, output, line) for code, (output, _), line in zip(codes, texts, last, strict=True)]


def _others(victim: int) -> list[int]:
    return [rank for rank in range(WORLD) if rank != victim]


@pytest.mark.parametrize("victim", [0, *(pytest.param(each, marks=SLOW) for each in (1, 2))])
def test_a_killed_process_ends_those_that_do_not_wait_for_it(victim: int, tmp_path: Path) -> None:
    group = Group(tmp_path, "time.sleep(600)")
    group.send(signal.SIGKILL, victim)
    reason = "has ended." if victim == 0 else "has said nothing for 4 s: it was killed, stopped or is cut off."
    assert group.ends(*_others(victim)) == [
        (EXIT_CODE, "", f"unreel: process {rank} of 3 ends: process {victim} {reason} Start all again to resume.")
        for rank in _others(victim)
    ]


@SLOW
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_ends_those_that_wait_for_it(victim: int, tmp_path: Path) -> None:
    group = Group(tmp_path, VICTIM_ABSENT.format(victim=victim))
    group.send(signal.SIGKILL, victim)
    for code, output, line in group.ends(*_others(victim)):
        assert (code, output) == (1, "lost\n")  # gloo notices by itself
        assert "Connection" in line


@pytest.mark.parametrize(
    ("victim", "reason"),
    [
        pytest.param(0, "process 0 does not answer since 4 s: it was stopped or is cut off.", marks=SLOW),
        (1, "process 1 has said nothing for 4 s: it was killed, stopped or is cut off."),
    ],
)
def test_a_stopped_process_ends_those_that_wait_for_it(victim: int, reason: str, tmp_path: Path) -> None:
    group = Group(tmp_path, VICTIM_ABSENT.format(victim=victim))
    group.send(signal.SIGSTOP, victim)
    assert group.ends(*_others(victim)) == [
        (EXIT_CODE, "", f"unreel: process {rank} of 3 ends: {reason} Start all again to resume.")
        for rank in _others(victim)
    ]


@SLOW
def test_no_time_passes_while_all_are_stopped(tmp_path: Path) -> None:
    group = Group(tmp_path, "time.sleep(1)")
    group.send(signal.SIGSTOP, *range(WORLD))
    time.sleep(2 * SILENCE)
    group.send(signal.SIGCONT, *range(WORLD))
    assert group.ends(*range(WORLD)) == [(0, "done\n", "")] * WORLD


@SLOW
@pytest.mark.parametrize("first", [0, 1])
def test_who_is_done_leaves_and_the_others_go_on(first: int, tmp_path: Path) -> None:
    group = Group(tmp_path, f"time.sleep({1.5 * SILENCE} if rank != {first} else 0)")
    assert group.ends(*range(WORLD)) == [(0, "done\n", "")] * WORLD


@SLOW
def test_who_computes_is_not_silent(tmp_path: Path) -> None:
    computing = (
        f"end = time.monotonic() + {1.5 * SILENCE}\nwhile rank == 1 and time.monotonic() < end: sum(range(10**5))"
    )
    assert Group(tmp_path, computing).ends(*range(WORLD)) == [(0, "done\n", "")] * WORLD


def test_a_failed_process_ends_the_others(tmp_path: Path) -> None:
    group = Group(tmp_path, "1 / 0 if rank == 1 else time.sleep(600)")
    reason = "process 1 has failed, for the reason that it gives."
    own, *others = group.ends(1, 0, 2)
    assert own == (1, "", "[rank1]: ZeroDivisionError: division by zero")
    assert others == [
        (EXIT_CODE, "", f"unreel: process {rank} of 3 ends: {reason} Start all again to resume.") for rank in (0, 2)
    ]


@SLOW
def test_who_fails_like_the_others_tells_its_own_reason(tmp_path: Path) -> None:
    for code, output, line in Group(tmp_path, "1 / 0").ends(*range(WORLD)):
        assert (code, output) == (1, "")
        assert line.endswith("ZeroDivisionError: division by zero")  # torch puts the rank before it


def test_a_process_alone_watches_nobody() -> None:
    before = threading.enumerate()
    with watched_peers():
        assert threading.enumerate() == before


GLOO = "[/pytorch/third_party/gloo/gloo/transport/tcp/"


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (lambda: DistNetworkError("The client socket has failed to connect"), True),
        (lambda: DistBackendError("NCCL error: remote process exited or there was a network error"), True),
        (lambda: RuntimeError(f"{GLOO}pair.cc:537] Read error [127.0.0.1]:1: Connection reset by peer."), True),
        (lambda: RuntimeError(f"{GLOO}unbound_buffer.cc:81] Timed out waiting 1800000ms for recv"), True),
        (lambda: RuntimeError(f"[enforce fail at {GLOO}pair.cc:456] op.preamble.length <= op.nbytes. 668 vs 4"), False),
        (lambda: RuntimeError("Connection reset by peer"), False),
        (lambda: ConnectionResetError(104, "Connection reset by peer: gloo"), False),
        (KeyboardInterrupt, False),
    ],
)
def test_a_lost_connection_is_told_from_other_errors(error: Callable[[], BaseException], lost: bool) -> None:
    assert connection_lost(error()) is lost
