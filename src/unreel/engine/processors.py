"""How much of the machine is ours, and processes that read ahead on it."""

import math
import os
import signal
from collections.abc import Generator, Iterable
from functools import partial
from multiprocessing import active_children
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from unreel.errors import CollectionError

AHEAD = 2  # results that wait for each worker
MOST_WORKERS = 16

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def cores() -> int:
    """The processors that this process may keep busy: those it may run on, fewer where its container has less time."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, quota())))


def cores_per_process() -> int:
    """The same, shared fairly with the training processes beside this one (torchrun's LOCAL_WORLD_SIZE)."""
    beside = os.environ.get("LOCAL_WORLD_SIZE", "1")
    return max(1, cores() // max(1, int(beside) if beside.isdecimal() else 1))


def default_workers(device: str) -> int:
    """How many processes read videos where nobody says, by the type of the device that computes.

    Where the processors compute, reading takes some percent of their time: one worker for each 8. A GPU leaves them to
    the workers, all but the one of the training loop.
    """
    own = cores_per_process()
    return max(1, own // 8) if device == "cpu" else min(max(1, own - 1), MOST_WORKERS)


def quota(membership: Path = _MEMBERSHIP, root: Path = _CGROUPS) -> float:
    """Seconds of processor time per second that the control groups (Linux) of this process grant; infinite if none.

    Neither `os.cpu_count` nor the affinity know of `docker run --cpus 2` or of a Kubernetes limit.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return math.inf
    grants = [math.inf]
    for line in lines:  # number:controllers:path, the path as the host sees it, which may not exist in the container
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = root / "cpu" if controllers else root  # version 1, version 2
        group = mount / path.strip("/")
        grants += [_granted(folder) for folder in (group, *group.parents) if folder.is_relative_to(mount)]
    return min(grants)


def _granted(group: Path) -> float:
    """What one group grants: microseconds per period, `max` or −1 where it does not say."""
    try:
        if (group / "cpu.max").exists():
            allowed, period = (group / "cpu.max").read_text().split()
        else:
            allowed = (group / "cpu.cfs_quota_us").read_text()
            period = (group / "cpu.cfs_period_us").read_text()
        return int(allowed) / int(period) if int(allowed) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


@runtime_checkable
class Readable(Protocol):
    """What a process can be sent, to read in it."""

    def __getitem__(self, key: Any, /) -> Any:
        """What it holds under a key; it takes a while."""
        ...


def read_ahead(source: Readable, keys: Iterable[Any], workers: int, *, yielding: bool) -> Generator[Any, None, None]:
    """What `source` holds under each of the keys, in their order, read by workers that live as long as this does.

    Each worker has one thread. `yielding` ones run when the training leaves a processor free, or waits for them. With 0
    workers this process reads, when it is asked.

    Raises:
        CollectionError: a worker has died.
    """
    if workers == 0:
        yield from (source[key] for key in keys)
        return
    from torch.utils.data import DataLoader  # here, as processes that only want to know the cores need no torch

    loader: DataLoader[Any] = DataLoader(
        source,  # type: ignore[arg-type]  # torch asks for its own class and needs no more than this
        sampler=keys,
        batch_size=None,
        collate_fn=_unchanged,
        num_workers=workers,
        prefetch_factor=AHEAD,
        # Forking a process whose threads already compute can hang: a fresh process cannot.
        multiprocessing_context="forkserver" if os.name == "posix" else "spawn",
        worker_init_fn=partial(_settle, yielding),
    )
    others = set(active_children())
    iterator: Any = iter(loader)
    processes = set(active_children()) - others
    try:
        yield from iterator
    except (RuntimeError, OSError, EOFError) as error:
        death = _death(processes)
        if death is None:
            raise
        raise death from error
    finally:
        iterator._shutdown_workers()  # now, and not when the last traceback that holds the iterator is gone


def _death(processes: Iterable[BaseProcess]) -> CollectionError | None:
    """What became of the worker that has died, if one has."""
    wait([each.sentinel for each in processes], timeout=1)
    code = next((each.exitcode for each in processes if each.exitcode is not None), None)
    if code is None:
        return None
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    advice = {
        "SIGKILL": "Systems do so when memory runs out: try fewer --loader-workers or a smaller --batch-size.",
        "SIGBUS": "Shared memory is full: give the container more of it (docker run --shm-size 1g).",
        "code 1": 'Its own words are above. A script must read videos under: if __name__ == "__main__":',
    }
    words = next((words for end, words in advice.items() if how.endswith(end)), "A video may have crashed its decoder.")
    return CollectionError(f"a process that reads videos {how}. {words} With --loader-workers 0 there is none.")


def _settle(yielding: bool, _: int) -> None:
    """One thread for every library; Ctrl-C is the main process's."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if yielding and hasattr(os, "nice"):
        os.nice(19)


def _unchanged(value: Any) -> Any:
    return value
