"""From one command to the processes that compute: here, or as torchrun or SLURM have started them."""

import atexit
import logging
import os
import socket
from collections.abc import Sequence
from datetime import timedelta
from subprocess import Popen, TimeoutExpired
from threading import Event, Thread
from typing import Any, Literal, final

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import distributed

from unreel.engine import process_group
from unreel.engine.cpus import cores_per_process
from unreel.engine.waiting import Wait
from unreel.errors import SettingsError

# Who waits for others while the first process evaluates must not give up: `watched_peers` tells whether they live.
PATIENCE = timedelta(days=7)
LEAVING = 30.0
"""Seconds that the processes started here have to end after this one."""

MEETING = 600.0
"""Seconds that processes wait for each other to begin."""

_LOOK = 5.0  # seconds

_watched = Event()

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


def launched(
    accelerator: str,
    precision: Precision,
    devices: int | None = None,
    nodes: int | None = None,
    *,
    all_used: bool = True,
) -> Fabric:
    """Fabric on its devices, in as many processes; on CPUs each has its fair share of threads.

    Where neither torchrun nor SLURM has started the processes, this starts those of the other devices by the same
    command line. `all_used` says that every parameter takes part in every step.

    Raises:
        SettingsError: there are no such devices, or not that many processes were started.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells what it does, in many lines
    here, machines = _started()
    devices, nodes = devices or here, nodes or machines or 1
    where: Any = {"accelerator": accelerator, "devices": devices or "auto", "num_nodes": nodes, "precision": precision}
    if here is None and "SLURM_NTASKS" in os.environ:  # an allocation is no srun, but Fabric takes it for one
        where["plugins"] = LightningEnvironment()
    try:
        fabric = Fabric(**where)
        if fabric.device.type == "cpu" and precision == "16-mixed":
            raise ValueError("CPUs train in 32-true or bf16-mixed")
        if fabric.world_size > 1:
            strategy = _Meeting(timeout=PATIENCE, find_unused_parameters=not all_used, gradient_as_bucket_view=True)
            fabric = Fabric(**where, strategy=strategy)
        given = "OMP_NUM_THREADS" in os.environ
        os.environ.setdefault("LOCAL_WORLD_SIZE", str(fabric.world_size // nodes))
        if here is None and os.environ.get("LOCAL_RANK", "0") != "0":
            Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
        fabric.launch()
        if process_group.count() != fabric.world_size:
            raise ValueError(
                f"this script has begun with {process_group.count()} processes; give all that it trains as many"
            )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise SettingsError(
            f"cannot compute with accelerator {accelerator!r}, devices {devices or 'auto'}, nodes {nodes} and "
            f"precision {precision!r}: {error}"
        ) from error
    if fabric.device.type == "cpu" and not given:
        torch.set_num_threads(cores_per_process())  # torch does not know of a container's share
    return fabric


@final
class _Meeting(DDPStrategy):
    """Processes that meet with their eyes open: they say for whom they wait, end on a signal, and give up."""

    def setup_environment(self) -> None:
        self._set_world_ranks()
        if not distributed.is_initialized():
            _meet(self.cluster_environment, self._get_process_group_backend())
        super().setup_environment()


def _meet(environment: Any, backend: str) -> None:
    """Wait until all processes have come to the first one's store, then make them one group.

    A part of the store is theirs: one that torchrun holds knows the addresses of the processes before a restart, for
    which torch would wait for ever.

    Raises:
        ValueError: they have not come within `MEETING`.
    """
    from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]  # some builds of torch have none

    rank, count = environment.global_rank(), environment.world_size()
    address, port = environment.main_address, environment.main_port
    hosts = rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    wait = Wait(f"the first of {count} processes at {address}:{port}")
    store = None
    while store is None:
        try:
            if not hosts:  # asked before: torch logs what it tries
                socket.create_connection((address, port), _LOOK).close()
            store = TCPStore(address, port, is_master=hosts, wait_for_workers=False)
        except (OSError, distributed.DistError) as error:
            if hosts or wait.seconds > MEETING:
                raise ValueError(f"{wait.what} cannot be met within {wait.seconds:.0f} s: {error}") from error
            wait.look(1.0)
    own = PrefixStore(f"unreel {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
    own.set(f"{rank} is here", "")
    here = 0
    while (coming := [f"{each} is here" for each in range(count)]) and not own.check(coming):
        here = sum(own.check([each]) for each in coming)
        wait.what = f"{count - here} of {count} processes, which have not come to {address}:{port}"
        if wait.seconds > MEETING:
            raise ValueError(
                f"{here} of {count} processes have come to {address}:{port} within {wait.seconds:.0f} s. Start all of "
                "them (in SLURM by srun), or give --devices and --nodes as they are"
            )
        wait.look(0.2)
    own.set_timeout(timedelta(seconds=MEETING))
    distributed.init_process_group(backend, store=own, rank=rank, world_size=count, timeout=PATIENCE)
    if backend == "nccl":
        atexit.register(distributed.destroy_process_group)  # torch warns otherwise


def unobserved(fabric: Fabric) -> None:
    """From here on `watched_peers` watches the processes that `launched` has started, and this one ends after them.

    Until here Fabric does: when one has ended otherwise than with 0, it kills this process within 5 s and says nothing,
    even if all have saved themselves and are about to leave.
    """
    _watched.set()
    observed = getattr(fabric.strategy.launcher, "procs", [])
    atexit.register(_see_off, observed.copy())
    observed.clear()  # its observer ends when it has nothing to observe


def _end_with(starter: int) -> None:
    """End a process when the one that has started it is gone before all have met: nothing else would tell it."""
    while not _watched.wait(1):
        if os.getppid() != starter:
            os._exit(1)


def _see_off(started: Sequence[Popen[bytes]]) -> None:
    """Memory and devices are free for the next command when this one returns."""
    for process in started:
        try:
            process.wait(LEAVING)
        except TimeoutExpired:
            process.kill()


def _started() -> tuple[int | None, int | None]:
    """How many processes on this machine, and how many machines, torchrun or SLURM's srun have started.

    What sbatch says is what may be started: only a step of more than one task is srun's doing.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        return here, int(os.environ["WORLD_SIZE"]) // here
    tasks = _number("SLURM_STEP_NUM_TASKS")
    known = all(_number(name) is not None for name in ("SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID"))
    if tasks and tasks > 1 and known and os.environ.get("SLURM_JOB_NAME") not in ("bash", "interactive"):
        machines = _number("SLURM_STEP_NUM_NODES") or _number("SLURM_NNODES") or 1
        return max(1, tasks // machines), machines
    return None, None


def _number(name: str) -> int | None:
    value = os.environ.get(name, "")
    return int(value) if value.isdecimal() else None


def first_here() -> bool:
    """Whether this process speaks for all; true where there is one only, and before others were started."""
    names = ("RANK", *(["SLURM_PROCID"] if _started()[0] else []), "LOCAL_RANK")
    return next((os.environ[name] for name in names if name in os.environ), "0") == "0"
