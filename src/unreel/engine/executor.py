"""Work on many things by processes that may end in mid-work: on this machine, or on a Ray cluster.

What hangs is stopped after its time and what crashes harms no other: each of them is a `Lost` in place of a result.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import Any, Literal, TypeVar, get_args

from unreel.engine.cpus import cores
from unreel.engine.limits import DEFAULT_LIMITS, Limits
from unreel.engine.spawn import check_importable
from unreel.engine.worker_pool import Lost, WorkerPool
from unreel.errors import SettingsError, UnreelError
from unreel.extras import require

Result = TypeVar("Result")
EngineName = Literal["local", "ray"]

_WAITING = 4  # tasks of each process that are handed out before their turn: enough to keep it busy
_CHUNK = 16  # tasks that a Ray worker takes at a time, at the most: its process must be started for each chunk


@dataclass(frozen=True)
class Executor:
    """Where to work: with `workers` processes (default: one for each CPU), each with its limits.

    Raises:
        SettingsError: a value that makes no sense.
    """

    name: str = "local"
    workers: int | None = None
    limits: Limits = DEFAULT_LIMITS

    def __post_init__(self) -> None:
        if self.name not in get_args(EngineName):
            raise SettingsError(f"engine is {self.name!r}, expected one of: {', '.join(get_args(EngineName))}.")
        if self.workers is not None and self.workers < 1:
            raise SettingsError(f"workers is {self.workers}, expected at least 1.")

    def run(self, work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Result | Lost]]:
        """The number and the result of every task (the arguments of `work`), as they get ready.

        Raises:
            UnreelError: a task has raised it, the processes could not be started, or `work` is of the main module.
            OSError: a task has raised it.
            MissingExtraError: Ray is wanted and not installed.
        """
        if not tasks:
            return iter(())
        numbered = enumerate(tasks)
        if self.name == "ray":
            return _on_cluster(work, numbered, len(tasks), self)
        check_importable((work, tasks[0]))  # a task that its process cannot read would never end
        return _in_processes(work, numbered, min(self.workers or cores(), len(tasks)), self.limits)


def _in_processes(
    work: Callable[..., Result], tasks: Iterable[tuple[int, tuple[Any, ...]]], workers: int, limits: Limits
) -> Iterator[tuple[int, Result | Lost]]:
    numbers: dict[Future[Result | Lost], int] = {}

    def finished() -> Iterator[tuple[int, Result | Lost]]:
        for future in wait(numbers, return_when=FIRST_COMPLETED).done:
            yield numbers.pop(future), future.result()

    with WorkerPool(workers, limits) as pool:
        for number, arguments in tasks:
            numbers[pool.submit(work, *arguments)] = number
            if len(numbers) >= _WAITING * workers:
                yield from finished()
        while numbers:
            yield from finished()


def _on_cluster(
    work: Callable[..., Result], tasks: Iterator[tuple[int, tuple[Any, ...]]], count: int, engine: Executor
) -> Iterator[tuple[int, Result | Lost]]:
    """Chunks of tasks on the cluster of RAY_ADDRESS, on the one that runs on this machine, or on a new one.

    A chunk whose node dies is done again elsewhere; inside, each task has a process of its own as it has locally.
    """
    with cluster() as ray:
        remote = ray.remote(num_cpus=1, max_retries=-1)(_chunk)
        cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
        size = max(1, min(_CHUNK, count // (_WAITING * cpus)))
        chunks = iter(lambda: list(islice(tasks, size)), [])
        most = engine.workers or 2 * cpus
        running: list[Any] = []
        while True:
            for chunk in islice(chunks, most - len(running)):
                running.append(remote.remote(work, chunk, engine.limits))
            if not running:
                return
            done, running = ray.wait(running)
            for reference in done:
                try:
                    yield from ray.get(reference)
                except ray.exceptions.RayTaskError as error:
                    raise error.cause if isinstance(error.cause, (UnreelError, OSError)) else error from None


def _chunk(
    work: Callable[..., Result], tasks: list[tuple[int, tuple[Any, ...]]], limits: Limits
) -> list[tuple[int, Result | Lost]]:
    return list(_in_processes(work, tasks, 1, limits))


@contextmanager
def cluster() -> Iterator[ModuleType]:
    """Ray, connected: to the cluster of RAY_ADDRESS, to the one that runs on this machine, or to a new one."""
    ray = require("ray", "ray")
    if ray.is_initialized():
        yield ray
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what Ray warns of otherwise; no GPU is used here
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers
    ray.init(log_to_driver=False, logging_level="error")
    try:
        yield ray
    finally:
        ray.shutdown()
