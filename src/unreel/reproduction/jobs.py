"""A job is one `unreel` command: what somebody could type, with what it leaves and what it needs.

What is known of it between executions is kept in OUT/jobs.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from shlex import join

from unreel.engine.files import write_whole
from unreel.errors import RunError
from unreel.reading import FileSchema, read_json
from unreel.settings.encoder import EncoderSettings
from unreel.training.metrics import FILE as METRICS

TAIL = 1 << 14


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


@dataclass(frozen=True)
class Record:
    """The words by which a job was begun, and the seconds that it has run, in all executions together."""

    name: str
    words: tuple[str, ...]
    seconds: float = 0.0


def write_record(out: Path, record: Record) -> None:
    """Keep a record in OUT/jobs, whole or not at all."""
    content = asdict(replace(record, seconds=round(record.seconds, 1)))
    write_whole(_path(record.name, out), json.dumps(content, indent=1))


def read_record(name: str, out: Path) -> Record | None:
    """The record of a job; None where there is none that can be read."""
    try:
        return read_json(_path(name, out), Record, FileSchema(RunError, "Remove it."))
    except RunError:
        return None


def progress_of(job: ReproductionJob) -> str:
    """The job's name, and the step that it is at where it trains."""
    place = job.result.parent
    files = [path for pattern in (METRICS, f"*/{METRICS}") for path in place.glob(pattern)]
    if not files:
        return job.name
    newest = max(files, key=lambda path: path.stat().st_mtime)
    with newest.open("rb") as file:  # a long run has long metrics: its end will do
        file.seek(max(0, newest.stat().st_size - TAIL))
        lines = file.read().decode("utf-8", "replace").split("\n")
    step = lines[-2].partition(",")[0] if len(lines) > 2 else ""
    return f"{job.name}, step {step}" if step.isdecimal() else job.name


def _path(name: str, out: Path) -> Path:
    return out / "jobs" / f"{name}.json"
