"""What is known of a file from an earlier run, so that it need not be looked at again."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import final

from unreel.engine.limits import Limits
from unreel.engine.worker_pool import Lost
from unreel.errors import CollectionError
from unreel.reading import FileSchema, checked
from unreel.video.collection.discover import CollectionFile
from unreel.video.collection.manifest import VideoRecord

_STALLED = "no progress for"
_OUT_OF_MEMORY = "needs more than"


@dataclass(frozen=True)
class Note:
    """What became of a file that had this size and time of change when it was given these limits.

    `prepared_size` is the size of the prepared file in bytes, 0 where there is none.
    """

    record: VideoRecord
    size: int
    mtime_ns: int
    seconds: float
    memory: int
    prepared_size: int = 0

    def stands(self, facts: os.stat_result, limits: Limits) -> bool:
        """Whether the file is as it was and is not to be given more than it had of what it lacked."""
        if (self.size, self.mtime_ns) != (facts.st_size, facts.st_mtime_ns):
            return False
        if self.record.reason.startswith(_STALLED):
            return self.seconds >= limits.seconds
        return not self.record.reason.startswith(_OUT_OF_MEMORY) or 0 < limits.memory <= self.memory

    def line(self) -> str:
        """The note as a line of JSON."""
        return json.dumps(asdict(self), default=bytes.hex) + "\n"

    @classmethod
    def parse(cls, line: str) -> "Note | None":
        """The note of a line, or None where it was not written to its end or by another version."""
        try:
            content = json.loads(line)
            facts = content["record"]
            facts |= {name: bytes.fromhex(facts[name]) for name in ("fingerprint", "times")}
            return checked(content, cls, Path(), FileSchema(CollectionError, ""))
        except (ValueError, LookupError, TypeError, RecursionError, CollectionError):
            return None


@final
class Journal:
    """The notes of a run in one file, for the next run if this one does not come to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        notes = [note for note in map(Note.parse, lines) if note is not None]
        self.notes = {note.record.id: note for note in notes}

    @contextmanager
    def open(self, keep: bool = False) -> Iterator["Journal"]:
        """Ready to be added to; the file is removed when all went well, unless it is to be kept."""
        with self._path.open("a", encoding="utf-8", buffering=1) as self._file:
            self._file.write("\n")  # the last line may be torn
            yield self
        if not keep:
            self._path.unlink()

    def add(self, note: Note) -> None:
        """Write a note down at once."""
        self._file.write(note.line())


def described(record: VideoRecord, file: CollectionFile, facts: os.stat_result | None = None) -> VideoRecord:
    """The record with the labels, the group, the splits and the time of change that its file has today."""
    modified = facts.st_mtime if facts else 0.0
    return replace(record, labels=file.labels, group=file.group, splits=file.splits, modified=modified)


def reason_of(lost: Lost, limits: Limits) -> str:
    """Why a file whose task was lost is skipped, and which option would give it more."""
    reasons = {
        "stalled": f"{_STALLED} {limits.seconds:g} s (see --seconds-per-file of unreel prepare)",
        "too long": f"takes longer than {limits.longest or 0:g} s",
        "out of memory": f"{_OUT_OF_MEMORY} {limits.in_words} of memory (see --memory-per-file of unreel prepare)",
        "crashed": "decoder crashed",
        "failed": f"decoder failed: {lost.error}",
    }
    return reasons[lost.how]
