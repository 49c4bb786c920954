"""The one place whose processes open files nobody vouches for: with limits of memory and of time without progress."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from threading import Lock, Timer
from types import TracebackType
from typing import Any, Literal, TypeVar, final

from pebble import ProcessExpired, ProcessPool
from pebble.pool.process import PoolManager

from unreel.engine.cpus import keep_to_one_thread
from unreel.engine.limits import DEFAULT_LIMITS, OUT_OF_MEMORY, Limits, limit_memory, run_limited
from unreel.engine.spawn import context, end_with_parent
from unreel.errors import UnreelError

Result = TypeVar("Result")

_BROKEN = 5  # processes that end one after the other with no task at work
_LIFE = 500  # tasks of a process before another takes its place: libraries may leak


@dataclass(frozen=True)
class Lost:
    """A task without a result, and how it went: `error` is the type of the exception where it failed."""

    how: Literal["stalled", "too long", "out of memory", "crashed", "failed"]
    error: str = ""


@final
class WorkerPool:
    """`workers` processes for tasks that come one by one; a task whose process ends in mid-work harms no other.

    What makes no progress (see `unreel.engine.limits.progress`) or takes too much is given up. The processes are fresh
    ones, as a fork of one that computes can hang, and start with the first task; with `idle` they end when there was
    none for so many seconds, and start anew with the next. Use as a context manager.
    """

    def __init__(self, workers: int, limits: Limits = DEFAULT_LIMITS, idle: float | None = None) -> None:
        self.limits = limits
        self._workers, self._idle = workers, idle
        self._pool = self._new()
        self._lock, self._unfinished, self._ending = Lock(), 0, Timer(0, self._rest)

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._idle = None
            self._ending.cancel()
        if self._ending.is_alive():
            self._ending.join()
        _end(self._pool)

    def run(self, work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Result | Lost]]:
        """The number and the result of every task, in their order: in place of an `Executor`.

        Raises:
            UnreelError: a task has raised it, or the pool ends before.
            OSError: a task has raised it.
        """
        futures = [self.submit(work, *arguments) for arguments in tasks]
        return ((number, future.result()) for number, future in enumerate(futures))

    def submit(self, work: Callable[..., Result], *arguments: Any) -> "Future[Result | Lost]":
        """The result of `work`, to come; `work` is no function of the main module (see `unreel.engine.spawn`).

        The future fails with the UnreelError or OSError that `work` has raised, and with an UnreelError where the pool
        ends before the task.
        """
        told: Future[Result | Lost] = Future()
        told.set_running_or_notify_cancel()  # who waits no longer cannot cancel it for those who still do

        def tell(future: "Future[Any]") -> None:
            self._finished()
            try:
                told.set_result(_result_of(future))
            except (UnreelError, OSError) as error:
                told.set_exception(error)

        with self._lock:
            scheduled = self._pool.schedule(
                run_limited, (work, self.limits.seconds, arguments), timeout=self.limits.longest
            )
            self._ending.cancel()
            self._unfinished += 1
        scheduled.add_done_callback(tell)
        return told

    def _new(self) -> ProcessPool:
        pool = ProcessPool(
            self._workers, max_tasks=_LIFE, initializer=_begin, initargs=(self.limits.memory,), context=context("spawn")
        )
        pool._pool_manager = _Manager(pool._context, context("spawn"))
        return pool

    def _finished(self) -> None:
        """Count a task; after the last one the processes rest before long."""
        with self._lock:
            self._unfinished -= 1
            if self._idle is not None and not self._unfinished:
                self._ending = Timer(self._idle, self._rest)
                self._ending.daemon = True
                self._ending.start()

    def _rest(self) -> None:
        """End the processes where there is nothing to do."""
        with self._lock:
            if self._unfinished:
                return
            pool, self._pool = self._pool, self._new()
        _end(pool)


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()
    pool._pool_manager.task_manager.tasks_abort(BrokenProcessPool("stopped"))


class _Manager(PoolManager):
    """pebble looks for the task of a process that has ended once, and it may not yet have read that it took one.

    Then that task would never end, or with it the whole pool. Here its process is remembered.
    """

    alone = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.expired: dict[int, int] = {}

    def handle_worker_expiration(self, expiration: tuple[int, int]) -> None:
        """Tell what became of the task of a process that has ended; now, or later by `update_tasks`."""
        self.expired.update([expiration])
        at_work = any(task.worker_id for task in list(self.task_manager.tasks.values()))
        self.alone = 0 if at_work else self.alone + 1
        if at_work or self.alone > _BROKEN:  # none of them comes to work
            super().handle_worker_expiration(expiration)

    def update_tasks(self) -> None:
        """Tell of tasks whose process is known to have ended."""
        super().update_tasks()  # type: ignore[no-untyped-call]
        for task in list(self.task_manager.tasks.values()):
            if task.worker_id in self.expired and task.worker_id not in self.worker_manager.workers:
                super().handle_worker_expiration((task.worker_id, self.expired[task.worker_id]))


def _result_of(future: "Future[Result]") -> Result | Lost:
    """What the process of a finished task found, or what became of the process."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, TimeoutError):
        return Lost("too long")
    if isinstance(error, ProcessExpired):
        if error.exitcode == OUT_OF_MEMORY:
            return Lost("out of memory")
        return Lost("stalled" if error.exitcode == -getattr(signal, "SIGALRM", 0) else "crashed")
    if isinstance(error, BrokenProcessPool):
        raise UnreelError("the processes have ended before their work. Run this again to resume.") from error
    if isinstance(error, (UnreelError, OSError)):
        raise error
    return Lost("failed", type(error).__name__)


def _begin(memory: int) -> None:
    """There are as many processes as CPUs: threads of theirs would only be in each other's way."""
    end_with_parent()  # before the limit: its thread's stack is address space too
    keep_to_one_thread()
    limit_memory(memory)
