"""Fresh processes that do not run the user's script again.

`multiprocessing` imports the main module anew in every process that it spawns, for the functions that may lie there: a
script without `if __name__ == "__main__":` begins again in each of them. Nothing that unreel sends to a process lies
there, so these processes start without it (as joblib's loky starts its own).
"""

import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from multiprocessing.context import BaseContext, SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from threading import RLock, Thread
from types import ModuleType
from typing import Any, Literal, final

from unreel.engine.signals import SIGNALS
from unreel.errors import UnreelError

_launching = RLock()  # one at a time: each hides what belongs to all threads


def context(method: Literal["spawn", "forkserver"]) -> BaseContext:
    """Starts processes as `multiprocessing.get_context(method)` does, but without the main module.

    Those of "forkserver" (where the system has none: of "spawn") do not feel SIGTERM, SIGINT and SIGUSR1. Terminals,
    torchrun and SLURM send these to every process of a run, but the main one answers, and needs the others until it has
    stopped. Their `terminate` is `kill`.

    Raises:
        UnreelError: shared memory is full; or, when a process is started with something of the main module, which it
            could not find.
    """
    if sys.platform != "win32":
        with _stopping_blocked():  # of SIGUSR1 the tracker would die: it ignores the other two only
            resource_tracker.ensure_running()
    fresh = _CONTEXTS[method]()
    if method == "spawn":
        try:
            fresh.Lock()  # as pools have: it lies in shared memory
        except OSError as error:
            raise UnreelError(
                f"no processes can be started: shared memory (/dev/shm) cannot be written ({error.strerror}). Free "
                "some of it, or give the container more of it (docker run --shm-size 1g)."
            ) from error
    return fresh


def check_importable(value: object) -> None:
    """Reject what a process that starts without the main module could not find.

    Raises:
        UnreelError: a function or class in it is of the main module, or of no module at all (a lambda).
    """
    with _main_hidden():
        pickle.dumps(value)


def end_with_parent() -> None:
    """Have this process end when the one that started it does, however that ends and whatever is done here.

    A fork server lives as long as its processes and would not tell them; the pool's own would wait for their next task.
    """
    parent = parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=follow, daemon=True).start()


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Put an empty module in place of the main one: no path to import, and no name of it can be pickled."""
    with _launching:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        except (pickle.PicklingError, AttributeError) as error:
            raise UnreelError(
                "a new process does not run the script again and cannot be given what is defined there. Move it into a "
                f"file beside the script and import it from there ({error})."
            ) from error
        finally:
            sys.modules["__main__"] = main


@final
class _Spawned(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:
        with _main_hidden():
            return SpawnProcess._Popen(process_obj)


@final
class _Spawning(SpawnContext):
    Process = _Spawned


_CONTEXTS: dict[str, Callable[[], BaseContext]] = {"spawn": _Spawning, "forkserver": _Spawning}

if sys.platform != "win32":
    from multiprocessing import resource_tracker
    from multiprocessing.context import ForkServerContext, ForkServerProcess

    @final
    class _Forked(ForkServerProcess):
        @staticmethod
        def _Popen(process_obj: BaseProcess) -> Any:
            with _main_hidden(), _stopping_blocked():
                popen: Any = ForkServerProcess._Popen(process_obj)
            popen.terminate = popen.kill
            return popen

    @final
    class _Forking(ForkServerContext):
        Process = _Forked

    @contextmanager
    def _stopping_blocked() -> Iterator[None]:
        """What is started inherits the blocked signals: the server, and through it every process that it forks."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    _CONTEXTS["forkserver"] = _Forking
