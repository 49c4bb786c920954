"""A server that ends itself at a chosen moment, for what was answered before to be compared with what is on the disk.

python web_kills.py FOLDER WORDS…      for each number read, a fork runs `unreel serve WORDS…` and is killed (SIGKILL)
                                       when it is about to change something in FOLDER for that time (0: never)

It prints the address and the number of the process, and `ended` when that has ended. Forks of one process that has
imported everything: the thirty servers of a sweep take a moment each.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import unreel.web.server
import unreel.web.site  # noqa: F401  # what `unreel serve` imports
from unreel.cli import serve

CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.chmod", "os.truncate", "shutil.copyfile"}


def main(folder: str, words: Sequence[str]) -> None:
    """Run a server for each number on standard input."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            serve_until(int(line), folder, words)
        os.waitpid(child, 0)
        print("ended", flush=True)


def serve_until(moment: int, folder: str, words: Sequence[str]) -> NoReturn:
    """Serve, and be killed at a moment."""
    count = 0

    def see(event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in CHANGES) and str(arguments[0]).startswith(folder):
            tick()

    def tick() -> None:
        nonlocal count
        count += 1
        if count == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def synced(fd: Any) -> None:
        tick()
        sync(fd)

    print(os.getpid(), end=" ")
    sync, os.fsync = os.fsync, synced
    sys.addaudithook(see)
    try:
        serve.main(words)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
