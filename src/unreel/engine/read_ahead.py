"""Processes that read ahead, so that whoever computes need not wait."""

import os
import signal
from collections.abc import Generator, Iterable
from functools import partial
from multiprocessing import active_children, parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from threading import Thread
from typing import Any, Protocol, runtime_checkable

from threadpoolctl import threadpool_limits
from torch.utils.data import DataLoader

from unreel.engine.starting import context
from unreel.engine.stopping import SIGNALS
from unreel.errors import CollectionError

AHEAD = 2  # results that wait for each worker


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
        UnreelError: the workers could not find `source`, as its class is of the main module.
    """
    if workers == 0:
        yield from (source[key] for key in keys)
        return
    loader: DataLoader[Any] = DataLoader(
        source,  # type: ignore[arg-type]  # torch asks for its own class and needs no more than this
        sampler=keys,
        batch_size=None,
        collate_fn=_unchanged,
        num_workers=workers,
        prefetch_factor=AHEAD,
        # Forking a process whose threads already compute can hang: a fresh process cannot.
        multiprocessing_context=context("forkserver"),
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
        "code 1": "Its own words are above.",
    }
    words = next((words for end, words in advice.items() if how.endswith(end)), "A video may have crashed its decoder.")
    return CollectionError(f"a process that reads videos {how}. {words} With --loader-workers 0 there is none.")


def _settle(yielding: bool, _: int) -> None:
    """One thread for every library; what asks the run to stop is the main process's, and its end is this one's."""
    threadpool_limits(1)
    for number in SIGNALS:  # a server that somebody else has started does not block them
        signal.signal(number, signal.SIG_IGN)
    Thread(target=_end_with, args=[parent_process()], daemon=True).start()
    if yielding and hasattr(os, "nice"):
        os.nice(19)


def _end_with(main: Any) -> None:
    """DataLoader's own watchdog watches the fork server, which itself lives as long as its workers."""
    main.join()
    os._exit(1)


def _unchanged(value: Any) -> Any:
    return value
