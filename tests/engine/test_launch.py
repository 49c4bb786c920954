"""Which processes were started, and what becomes of those that wait for others."""

import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from unreel.engine.cpus import environment_of_its_own
from unreel.engine.launch import _started, first_here

SBATCH = {
    "SLURM_NTASKS": "4",
    "SLURM_JOB_ID": "77",
    "SLURM_JOB_NAME": "train",
    "SLURM_NNODES": "2",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
}
SRUN = SBATCH | {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "2", "SLURM_PROCID": "3"}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "1", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1"}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(environment_of_its_own()):
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("environment", "expected", "first"),
    [
        ({}, (None, None), True),
        (SBATCH, (None, None), True),
        (SBATCH | {"SLURM_PROCID": "1"}, (None, None), True),
        (SRUN, (2, 2), False),
        (SRUN | {"SLURM_PROCID": "0"}, (2, 2), True),
        (SRUN | {"SLURM_STEP_NUM_TASKS": "1"}, (None, None), True),
        (SRUN | {"SLURM_JOB_NAME": "interactive"}, (None, None), True),
        (TORCHRUN, (2, 2), False),
        (SBATCH | TORCHRUN, (2, 2), False),
    ],
)
def test_an_allocation_starts_nothing_and_srun_does(
    environment: dict[str, str], expected: tuple[int | None, int | None], first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert _started() == expected
    assert first_here() == first


def test_what_is_started_for_itself_is_told_of_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = environment_of_its_own()
    for name, value in (SRUN | TORCHRUN | {"OMPI_COMM_WORLD_SIZE": "2", "PMI_RANK": "1", "MASTER_ADDR": "a"}).items():
        monkeypatch.setenv(name, value)
    assert environment_of_its_own() == kept


ONE_OF_TWO = """
from unreel import cli
from unreel.engine import launch
def verb(_):
    launch.MEETING = {seconds}
    launch.Wait = lambda what: launch_wait(what, silence=0.5)
    launch.launched("cpu", "32-true")
from unreel.engine.waiting import Wait as launch_wait
cli.import_module = lambda _: type("", (), {{"main": verb}})
import sys; sys.argv = ["unreel", "pretrain"]
cli.main()
"""
TWO = SRUN | {"SLURM_NTASKS": "2", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "1", "SLURM_NNODES": "1"}


@pytest.mark.parametrize("rank", [0, 1])
def test_who_waits_for_a_process_that_never_comes_says_so_and_gives_up(rank: int) -> None:
    with _one_of_two(rank, seconds=3) as process:
        _, errors = process.communicate(timeout=100)
    waiting, rejection = errors.splitlines()
    assert re.match(r"unreel: waiting for (1 of 2 processes, which have|the first of 2 processes at) ", waiting)
    assert process.returncode == 2
    assert rejection.startswith("unreel: cannot compute with accelerator 'cpu', devices 2, nodes 1")
    assert "1 of 2 processes have come to localhost:" in rejection if rank == 0 else "cannot be met within" in rejection


@pytest.mark.parametrize("rank", [0, 1])
def test_who_waits_for_a_process_ends_on_a_signal(rank: int) -> None:
    with _one_of_two(rank, seconds=600) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("unreel: waiting for ")
        process.terminate()
        assert process.communicate(timeout=60)[1] == "unreel: ended by SIGTERM\n"
    assert process.returncode == 128 + signal.SIGTERM


def _one_of_two(rank: int, seconds: int) -> "subprocess.Popen[str]":
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    own = {"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank), "SLURM_NTASKS_PER_NODE": "2"}
    meeting = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    return subprocess.Popen(
        [sys.executable, "-c", ONE_OF_TWO.format(seconds=seconds)],
        env=os.environ | TWO | own | meeting,
        stderr=subprocess.PIPE,
        text=True,
    )
