"""A run that does nothing but measure, in this process or as `python tracked.py RUN START STEPS END TRACKERS…`."""

import logging
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from running import children

from unreel.settings.model import Settings
from unreel.training.trackers import open_trackers

LOG = logging.getLogger("unreel.test")


class Inner(Settings):
    flip: bool = True


class Tracked(Settings):
    trackers: tuple[str, ...] = ()
    steps: int = 9
    augmentation: Inner = Inner()


def write(run: Path, steps: Iterable[int], *trackers: str, start: int, end: str = "finish") -> None:
    """Measure some steps; then finish, stop, or be killed; or go on after all processes started here were killed."""
    with open_trackers(run, Tracked(trackers=trackers), LOG, start) as opened:
        for step in steps:
            opened.write(step, {"loss": 1 / (1 + step)})
            if end == "lose services":
                for process in children():
                    os.kill(process, signal.SIGKILL)
                    os.waitpid(process, 0)
        if end == "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if end == "finish":
            (run / "weights.safetensors").touch()


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    run, start, steps, end, *trackers = sys.argv[1:]
    write(Path(run), map(int, steps.split()), *trackers, start=int(start), end=end)
