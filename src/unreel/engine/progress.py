"""Progress bars with the time left: shown on a terminal only, and only for work that lasts longer than two seconds."""

import sys
from collections.abc import Iterable, Iterator, Sized
from time import monotonic
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from unreel.console import terminal
from unreel.text import one_line

T = TypeVar("T")

PATIENCE_SECONDS = 2.0


class ProgressBar:
    """One progress bar on standard error; `advance` is cheap and silent until the patience is over.

    Use as a context manager. `note` is free text at the end of the line (the loss, say); `of_bytes` counts bytes.
    """

    def __init__(
        self, description: str, total: int | None, console: Console | None = None, *, of_bytes: bool = False
    ) -> None:
        console = console or terminal(sys.stderr)
        self._shown = console.is_terminal
        self._started_at = monotonic()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(20),
            *((DownloadColumn(), TransferSpeedColumn()) if of_bytes else (MofNCompleteColumn(),)),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn(
                "{task.fields[note]}", markup=False, table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
            ),
            console=console,
            transient=True,
            expand=True,
        )
        self._task: TaskID = self._progress.add_task(one_line(description), total=total, note="")
        self._running = False

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._running:
            self._progress.stop()

    def advance(self, steps: int = 1, note: str | None = None) -> None:
        """Count `steps` more items as done."""
        if not self._shown:
            return
        if not self._running and monotonic() - self._started_at > PATIENCE_SECONDS:
            self._progress.start()
            self._running = True
        self._progress.advance(self._task, steps)
        if note is not None:
            self._progress.update(self._task, note=one_line(note))


def track(items: Iterable[T], description: str, total: int | None = None) -> Iterator[T]:
    """`items` again, with a bar."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with ProgressBar(description, total) as bar:
        for item in items:
            yield item
            bar.advance()
