"""Processes that stand ready for tasks which come one by one, each with limits of time and memory."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from multiprocessing import parent_process
from threading import Thread
from types import TracebackType
from typing import Any, TypeVar, final

from pebble import ProcessPool

from unreel.engine.pool import Lost, one_thread, result_of
from unreel.engine.starting import context
from unreel.errors import UnreelError

Result = TypeVar("Result")

_LIFE = 500  # tasks of a process before another takes its place: libraries may leak


@final
class StandingPool:
    """`workers` processes; a task may take `seconds`, and each process `memory` bytes.

    The memory is address space, that of the libraries included (about 0.5 GB); 0 sets no limit, and neither does
    Windows. The processes are started with the first task. Use as a context manager.
    """

    def __init__(self, workers: int, seconds: float, memory: int = 0) -> None:
        self.seconds = seconds
        self._pool = ProcessPool(
            workers, max_tasks=_LIFE, initializer=_limit, initargs=(memory,), context=context("spawn")
        )

    def __enter__(self) -> "StandingPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    def run(self, work: Callable[..., Result], tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Result | Lost]]:
        """The number and the result of every task, in their order: in place of an `Engine`.

        Raises:
            UnreelError: a task has raised it, or the pool ends before.
            OSError: a task has raised it.
        """
        futures = [self.submit(work, *arguments) for arguments in tasks]
        return ((number, future.result()) for number, future in enumerate(futures))

    def submit(self, work: Callable[..., Result], *arguments: Any) -> "Future[Result | Lost]":
        """The result of `work`, to come; `work` is no function of the main module (see `unreel.engine.starting`).

        The future fails with the UnreelError or OSError that `work` has raised, and with an UnreelError where the pool
        ends before the task.
        """
        told: Future[Result | Lost] = Future()
        told.set_running_or_notify_cancel()  # who waits no longer cannot cancel it for those who still do

        def tell(future: "Future[Any]") -> None:
            try:
                told.set_result(result_of(future))
            except (UnreelError, OSError) as error:
                told.set_exception(error)

        self._pool.schedule(work, arguments, timeout=self.seconds).add_done_callback(tell)
        return told


def _limit(memory: int) -> None:
    Thread(target=_end_with_parent, daemon=True).start()  # before the limit: its stack is address space too
    one_thread()
    if memory and sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with_parent() -> None:
    """End this process when the one that started it does, however that ends and whatever is done here."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
