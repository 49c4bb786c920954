"""A job is one `unreel` command: what somebody could type, with what it leaves and what it needs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import join

from unreel.settings.encoder import EncoderSettings


@dataclass(frozen=True)
class Effort:
    """What a job has to do, for an estimate: it learns from `clips` with an encoder, or decodes `size` bytes of video.

    To embed a clip is a third of learning from it.
    """

    encoder: EncoderSettings | None = None
    clips: float = 0.0
    size: int = 0


@dataclass(frozen=True)
class ReproductionJob:
    """`words` stand behind `unreel` and say what is computed, `how` follow them and say where only.

    `result` is written last and whole: it is there when the job is finished. `needs` are names of other jobs, `size`
    are the bytes that it leaves, estimated.
    """

    name: str
    words: tuple[str, ...]
    result: Path
    needs: tuple[str, ...] = ()
    how: tuple[str, ...] = ()
    effort: Effort = field(default=Effort())
    size: int = 0

    @property
    def command(self) -> str:
        """The command as it is typed."""
        return join(("unreel", *self.words, *self.how))


def in_order(jobs: Sequence[ReproductionJob]) -> tuple[ReproductionJob, ...]:
    """Every job once, behind what it needs, otherwise as given.

    Two jobs of one name must be one job.
    """
    known: dict[str, ReproductionJob] = {}
    for job in jobs:
        assert known.setdefault(job.name, job) == job, f"two jobs are called {job.name}"
    placed: dict[str, ReproductionJob] = {}

    def place(job: ReproductionJob) -> None:
        for need in job.needs:
            if need not in placed:
                place(known[need])
        placed[job.name] = job

    for job in known.values():
        if job.name not in placed:
            place(job)
    return tuple(placed.values())
