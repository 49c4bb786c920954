"""Commands that are killed, stopped or find the disk full at a chosen moment of their lives (Linux).

A moment is a call by which a command is about to change something in its folder: the first is 1. Commands run in forks
of one process that has imported everything, so that the hundreds that a sweep needs take little time each.
"""

import ctypes
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, final

IMPORTS = (
    *("unreel.cli.synth", "unreel.cli.fetch", "unreel.cli.pretrain", "unreel.cli.finetune", "unreel.cli.evaluate"),
    *("unreel.cli.embed", "unreel.cli.curate", "unreel.cli.export", "unreel.cli.report", "unreel.cli.figure"),
    *(
        "unreel.cli.duplicates",
        "unreel.cli.dedupe",
        "unreel.cli.scan",
        "unreel.video.moving_shapes.synth",
        "unreel.video.collection.scan",
        "unreel.api",
    ),
    *("unreel.training.pretrain", "unreel.training.finetune", "unreel.training.loop", "unreel.search.update"),
    *("unreel.search.exporting", "unreel.search.coreset", "unreel.search.table", "unreel.reporting.report"),
    *(
        "unreel.reporting.paper_figure",
        "unreel.evaluation.evaluator",
        "unreel.video.collection.prepare",
        "unreel.search.index",
    ),
    *("unreel.reporting.projection", "rarfile", "requests", "torch.utils.tensorboard", "sklearn.manifold"),
)
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "os.chmod", "os.truncate", "fcntl.flock"}
CLONE_NEWNS = 0x00020000
SECONDS = 120


@dataclass(frozen=True)
class Ended:
    """How a command ended (negative: by a signal), what it said, and how many moments it had."""

    code: int
    out: str
    errors: str
    moments: int


@final
class Killer:
    """Runs commands; use as a context manager."""

    def __enter__(self) -> "Killer":
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, words: Sequence[str], folder: Path, **how: int) -> Ended:
        """Run `unreel WORDS` in a folder.

        at=N, by=SIGNAL     sends itself a signal at the N-th moment
        bytes=N             no file can have more bytes
        free=N              `folder` is on a disk of that many bytes (root only), which is gone when this ends
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"words": list(words), "folder": str(folder)} | how) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


def files_in(folder: Path, *others: str) -> dict[str, str]:
    """The SHA-256 of every file, and where every link leads, but for files of these names."""
    return {
        path.relative_to(folder).as_posix(): str(path.readlink())
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if not any(part in others for part in path.relative_to(folder).parts) and (path.is_symlink() or path.is_file())
    }


def leftovers(folder: Path) -> list[str]:
    """What no command leaves behind."""
    ends = (".unfinished", ".lock", ".begun", ".partial", ".part", ".unpacking")
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.name.endswith(ends)]


def _served() -> None:
    """Run what is asked for on standard input, one after the other."""
    for name in IMPORTS:
        import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        pipes = [os.pipe() for _ in range(3)]
        child = os.fork()
        if child == 0:
            _live(asked, [writes for _, writes in pipes])
        for _, writes in pipes:
            os.close(writes)
        said = [_all_of(reads) for reads, _ in pipes]
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        moments = int(said[2] or 0)
        print(json.dumps({"code": code, "out": said[0], "errors": said[1], "moments": moments}), flush=True)


def _all_of(descriptor: int) -> str:
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        return file.read()


def _live(asked: dict[str, Any], pipes: Sequence[int]) -> NoReturn:
    os.setsid()
    for number, descriptor in enumerate(pipes[:2], 1):
        os.dup2(descriptor, number)
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
    signal.alarm(SECONDS)
    if "free" in asked:
        _small_disk(asked["folder"], asked["free"])
    os.chdir(asked["folder"])
    if "bytes" in asked:
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["bytes"],) * 2)
    life = _Life(asked["folder"], asked.get("at", 0), asked.get("by", signal.SIGKILL))
    sys.addaudithook(life.see)
    sync = os.fsync

    def noticed(fd: Any) -> None:
        life.moment()
        sync(fd)

    os.fsync = noticed
    sys.argv = ["unreel", *asked["words"]]
    code = 1
    try:
        from unreel.cli import main

        main()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    finally:
        if (error := sys.exc_info()[1]) is not None and not isinstance(error, SystemExit):
            sys.excepthook(type(error), error, error.__traceback__)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os.write(pipes[2], str(life.count).encode())
        os._exit(code)


def _small_disk(folder: str, size: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    size -= size % 4096
    for failed in (
        library.unshare(CLONE_NEWNS),
        library.mount(b"none", b"/", None, 0x4000 | 0x40000, None),  # what is mounted here is seen here only
        library.mount(b"tmpfs", folder.encode(), b"tmpfs", 0, f"size={max(size, 4096)}".encode()),
    ):
        if failed:
            raise OSError(ctypes.get_errno(), "no disk of one's own")
    if size < 4096:
        Path(folder, "full").write_bytes(bytes(4096))


@final
class _Life:
    """Counts the moments of a command, and ends it at one."""

    def __init__(self, folder: str, at: int, by: int) -> None:
        self.count, self._folder, self._at, self._by = 0, folder, at, by

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event == "fcntl.flock" or ((writes or event in CHANGES) and self._is_ours(arguments[0])):
            self.moment()

    def _is_ours(self, path: object) -> bool:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        name = os.fsdecode(path)
        return not name.startswith("/") or name.startswith(self._folder)

    def moment(self) -> None:
        self.count += 1
        if self.count == self._at:
            os.kill(os.getpid(), self._by)


if __name__ == "__main__":
    _served()
