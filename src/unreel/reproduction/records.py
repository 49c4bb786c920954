"""What is known of a job between executions, and how far a running one has come."""

import json
from dataclasses import dataclass
from pathlib import Path

from unreel.engine.files import write_whole
from unreel.errors import RunError
from unreel.reading import FileSchema, read_json
from unreel.reproduction.jobs import ReproductionJob
from unreel.training.metrics import FILE as METRICS

TAIL = 1 << 14


@dataclass(frozen=True)
class Record:
    """The words by which a job was begun, and the seconds that it has run, in all executions together."""

    name: str
    words: tuple[str, ...]
    seconds: float = 0.0


@dataclass(frozen=True)
class _Noted:
    words: tuple[str, ...]
    seconds: float


def write_record(out: Path, record: Record) -> None:
    """Keep a record in OUT/jobs, whole or not at all."""
    content = {"words": record.words, "seconds": round(record.seconds, 1)}
    write_whole(_path(record.name, out), json.dumps(content, indent=1))


def read_record(name: str, out: Path) -> Record | None:
    """The record of a job; None where there is none that can be read."""
    try:
        noted = read_json(_path(name, out), _Noted, FileSchema(RunError, "Remove it."))
    except RunError:
        return None
    return Record(name, noted.words, noted.seconds)


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
