"""A job is one `unreel` command: what somebody could type, with what it leaves and what it needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import join


@dataclass(frozen=True)
class Job:
    """`words` stand behind `unreel`; `result` is there when the job is finished; `needs` are names of other jobs.

    `work` is the estimated number of floating-point operations, `size` the bytes it leaves, at the most.
    """

    name: str
    words: tuple[str, ...]
    result: Path
    needs: tuple[str, ...] = ()
    work: float = 0.0
    size: int = 0

    @property
    def command(self) -> str:
        """The command as it is typed."""
        return join(("unreel", *self.words))


def in_order(jobs: Sequence[Job]) -> list[Job]:
    """Every job once, behind what it needs, otherwise as given.

    Two jobs of one name must be one job.
    """
    known: dict[str, Job] = {}
    for job in jobs:
        assert known.setdefault(job.name, job) == job, f"two jobs are called {job.name}"
    placed: dict[str, Job] = {}
    while len(placed) < len(known):
        ready = [job for job in known.values() if job.name not in placed and all(each in placed for each in job.needs)]
        assert ready, f"jobs need each other: {', '.join(known.keys() - placed.keys())}"
        placed |= {job.name: job for job in ready}
    return list(placed.values())
