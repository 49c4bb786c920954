"""How much of the machine is ours, and whether we are one of several."""

import math
import os
from pathlib import Path

from threadpoolctl import threadpool_limits

MOST_WORKERS = 16

_GROUP = ("SLURM_", "SLURMD_", "SRUN_", "TORCHELASTIC_", "PMI_", "PMIX_", "OMPI_", "JSM_", "HYDRA_")
_MEMBER = {
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "NODE_RANK", "ROLE_NAME", "MASTER_ADDR", "MASTER_PORT"),
    *("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE"),
}
_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")


def cores() -> int:
    """The CPUs that this process may keep busy: those it may run on, fewer where its container has less time."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(allowed, quota())))


def cores_per_process() -> int:
    """The same, shared fairly with the training processes beside this one (torchrun's LOCAL_WORLD_SIZE)."""
    beside = os.environ.get("LOCAL_WORLD_SIZE", "1")
    return max(1, cores() // max(1, int(beside) if beside.isdecimal() else 1))


def keep_to_one_thread() -> None:
    """One thread for every numerical library of this process, of those to be loaded yet too."""
    os.environ |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    threadpool_limits(1)


def environment_of_its_own() -> dict[str, str]:
    """This process's environment without what tells it that it is one of several: for one that is not."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_GROUP) and name not in _MEMBER}


def default_workers(device: str) -> int:
    """How many processes read videos where nobody says, by the type of the device that computes.

    Where the CPUs compute, reading takes some percent of their time: one worker for each 8. A GPU leaves them to
    the workers, all but the one of the training loop.
    """
    own = cores_per_process()
    return max(1, own // 8) if device == "cpu" else min(max(1, own - 1), MOST_WORKERS)


def quota(membership: Path = _MEMBERSHIP, root: Path = _CGROUPS) -> float:
    """Seconds of CPU time per second that the control groups (Linux) of this process grant; infinite if none.

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
