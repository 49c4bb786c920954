"""From one command to the processes that compute: here, or as torchrun or SLURM have started them."""

import atexit
import logging
import os
from collections.abc import Sequence
from datetime import timedelta
from subprocess import Popen, TimeoutExpired
from threading import Event, Thread
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import distributed

from unreel.engine import processes
from unreel.engine.processors import cores_per_process
from unreel.errors import SettingsError

# Who waits for others while the first process judges must not give up: `watched_peers` tells whether they live.
PATIENCE = timedelta(days=7)
LEAVING = 30.0
"""Seconds that the processes started here have to end after this one."""

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
    """Fabric on its devices, in as many processes; on processors each has its fair share of threads.

    Where neither torchrun nor SLURM has started the processes, this starts those of the other devices by the same
    command line. `all_used` says that every parameter takes part in every step.

    Raises:
        SettingsError: there are no such devices, or not that many processes were started.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells what it does, in many lines
    here, machines = _started()
    devices, nodes = devices or here, nodes or machines or 1
    where: Any = {"accelerator": accelerator, "devices": devices or "auto", "num_nodes": nodes, "precision": precision}
    try:
        fabric = Fabric(**where)
        if fabric.device.type == "cpu" and precision == "16-mixed":
            raise ValueError("processors train in 32-true or bf16-mixed")
        if fabric.world_size > 1:
            strategy = DDPStrategy(timeout=PATIENCE, find_unused_parameters=not all_used, gradient_as_bucket_view=True)
            fabric = Fabric(**where, strategy=strategy)
            _meet_again("nccl" if fabric.device.type == "cuda" else "gloo")
        given = "OMP_NUM_THREADS" in os.environ
        os.environ.setdefault("LOCAL_WORLD_SIZE", str(fabric.world_size // nodes))
        if here is None and os.environ.get("LOCAL_RANK", "0") != "0":
            Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
        fabric.launch()
        if processes.count() != fabric.world_size:
            raise ValueError(
                f"this script has begun with {processes.count()} processes; give all that it trains as many"
            )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise SettingsError(
            f"cannot compute with accelerator {accelerator!r}, devices {devices or 'auto'}, nodes {nodes} and "
            f"precision {precision!r}: {error}"
        ) from error
    if fabric.device.type == "cpu" and not given:
        torch.set_num_threads(cores_per_process())  # torch does not know of a container's share
    return fabric


def _meet_again(backend: str) -> None:
    """Join the processes that torchrun has started anew, in a part of its store that is theirs.

    torch takes that store for a new one: it would find the addresses of the processes before, and wait for these for
    ever. Machines may count restarts differently: several of them are left to torch.
    """
    restarts = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
    if restarts == "0" or os.environ.get("GROUP_WORLD_SIZE") != "1" or processes.count() > 1:
        return
    from torch.distributed import PrefixStore  # type: ignore[attr-defined]  # some builds of torch have none
    from torch.distributed.rendezvous import rendezvous

    store, rank, count = next(rendezvous("env://", timeout=PATIENCE))
    own = PrefixStore(f"restart {restarts}", store)
    distributed.init_process_group(backend, store=own, rank=rank, world_size=count, timeout=PATIENCE)


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
    """How many processes on this machine, and how many machines, torchrun or SLURM have started."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        return here, int(os.environ["WORLD_SIZE"]) // here
    if "SLURM_NTASKS" in os.environ and os.environ.get("SLURM_JOB_NAME") not in ("bash", "interactive"):
        machines = int(os.environ.get("SLURM_JOB_NUM_NODES") or os.environ.get("SLURM_NNODES") or 1)
        return max(1, int(os.environ["SLURM_NTASKS"]) // machines), machines
    return None, None


def first_here() -> bool:
    """Whether this process speaks for all; true where there is one only, and before others were started."""
    names = ("RANK", "SLURM_PROCID", "LOCAL_RANK")
    return next((os.environ[name] for name in names if name in os.environ), "0") == "0"
