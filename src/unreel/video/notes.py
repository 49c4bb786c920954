"""What is known of a file from an earlier run, so that it need not be looked at again."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import final

from unreel.engine.pool import Lost
from unreel.errors import CollectionError
from unreel.reading import Wanted, checked
from unreel.video.collection import CollectionFile
from unreel.video.manifest import VideoRecord

_TIMED_OUT = "timed out after"


@dataclass(frozen=True)
class Note:
    """What became of a file that had this size and time of change when it was given these seconds.

    `prepared_size` is the size of the prepared file in bytes, 0 where there is none.
    """

    record: VideoRecord
    size: int
    mtime_ns: int
    seconds: float
    prepared_size: int = 0

    def stands(self, facts: os.stat_result, seconds: float) -> bool:
        """Whether the file is as it was and is not to be given more time than it had."""
        if (self.size, self.mtime_ns) != (facts.st_size, facts.st_mtime_ns):
            return False
        return not self.record.reason.startswith(_TIMED_OUT) or self.seconds >= seconds

    def line(self) -> str:
        """The note as a line of JSON."""
        return json.dumps(asdict(self), default=bytes.hex) + "\n"

    @classmethod
    def parse(cls, line: str) -> "Note | None":
        """The note of a line, or None where it was not written to its end or by another version."""
        try:
            content = json.loads(line)
            content["record"]["fingerprint"] = bytes.fromhex(content["record"]["fingerprint"])
            return checked(content, cls, Path(), Wanted(CollectionError, ""))
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
    def open(self) -> Iterator["Journal"]:
        """Ready to be added to; the file is removed when all went well."""
        with self._path.open("a", encoding="utf-8", buffering=1) as self._file:
            self._file.write("\n")  # the last line may be torn
            yield self
        self._path.unlink()

    def add(self, note: Note) -> None:
        """Write a note down at once."""
        self._file.write(note.line())


def described(record: VideoRecord, file: CollectionFile) -> VideoRecord:
    """The record with the labels, the group and the splits that its file has today."""
    return replace(record, labels=file.labels, group=file.group, splits=file.splits)


def reason_of(lost: Lost, seconds: float) -> str:
    """Why a file whose task was lost is refused."""
    if lost.how == "timed out":
        return f"{_TIMED_OUT} {seconds:g} s"
    return "decoder crashed" if lost.how == "crashed" else f"decoder failed: {lost.error}"
