"""Stands for `Popen` in tests of many jobs: does what a command says in this process, and has ended at once."""

from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from io import TextIOWrapper
from subprocess import Popen
from typing import BinaryIO, final

from unreel.errors import UnreelError
from unreel.reproduction.runner import PROGRAM


@final
class Inside(Popen[bytes]):
    """A job that has ended when it has begun."""

    pid = 1 << 30  # no process has it

    def __init__(self, command: Sequence[str], *, stdout: BinaryIO, **_: object) -> None:
        verb, *words = command[len(PROGRAM) :]
        self.returncode = 0
        said = TextIOWrapper(stdout, encoding="utf-8")
        try:
            with redirect_stdout(said), redirect_stderr(said):
                import_module(f"unreel.cli.{verb}").main(words)
        except UnreelError as error:
            said.write(f"unreel: {error}\n")
            self.returncode = error.exit_code
        said.flush()
        said.detach()

    def poll(self) -> int:
        """It has ended."""
        return self.returncode
