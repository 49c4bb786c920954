"""Events that BORIS exports as tables: aggregated, a line a segment, or tabular, a line for each start and stop.

    Observation id,Source,…,Media duration (s),…,Subject,Behavior,…,Behavior type,Start (s),Stop (s),…,Media file name
    Observation id,Source,…,Media duration (s),…,Subject,Behavior,…,Behavior type,Time,Media file name,…

Version 7 calls columns otherwise and puts some lines before the header of tabular events.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from unreel.annotations.boris_media import Player, pieces
from unreel.annotations.cells import cells, is_text, unreadable
from unreel.annotations.tables import clock_seconds
from unreel.annotations.values import MediaFacts, Segment, Segments, fault, with_ends
from unreel.text import comma_separated, quoted, undefused

_MOST_BEFORE = 200  # lines before a header: as many as an observation has files and variables
_NO_FILE = ("", "NA", "Not found")
_PLAYER = re.compile(r"player #\d+: ?")
_COLUMNS: Final = (
    *("Observation id", "Observation date", "Description", "Observation type", "Source", "Time offset (s)"),
    *("Coding duration", "Media duration (s)", "FPS (frame/s)", "Subject"),
    *("Observation duration by subject by observation", "Behavior", "Behavioral category", "Behavior type"),
    *("Start (s)", "Stop (s)", "Duration (s)", "Media file name", "Image index start", "Image index stop"),
    *("Image file path start", "Image file path stop", "Comment start", "Comment stop"),
)


@dataclass(frozen=True)
class _Line:
    """A line below the header; `offset` is the time that its observation begins with."""

    source: Path
    number: int
    cells: dict[str, str]
    offset: float

    @property
    def where(self) -> str:
        return f"row {self.number}"

    def get(self, *names: str) -> str:
        """What the first of these columns that there is says."""
        return next((self.cells[name] for name in names if self.cells.get(name)), "")

    def seconds(self, name: str) -> float:
        """The time in a column, without the offset."""
        seconds = clock_seconds(self.get(name))
        if seconds is None:
            raise fault(self.source, self.where, f"got {quoted(self.get(name))} as {name}, expected seconds.")
        return round(seconds - self.offset, 3)

    @property
    def key(self) -> tuple[str, ...]:
        """What starts and stops that belong together share."""
        modifiers = (cell for name, cell in self.cells.items() if name.startswith("Modifier"))
        return (self.get("Observation id"), self.get("Subject"), self.get("Behavior"), *modifiers)


def segments_of(source: Path, text: str) -> Segments | None:
    """The segments of a table of events, or None where it is none.

    Raises:
        CollectionError: it makes no sense.
    """
    try:
        lines = _lines(source, text)
    except csv.Error as error:
        raise unreadable(source, error) from error
    if lines is None:
        return None
    found: list[Segment] = []
    files: dict[str, set[str]] = {}
    for line, start, stop in _aggregated(lines) if lines and "Start (s)" in lines[0].cells else _paired(lines):
        segment = Segment("", start, stop, line.get("Behavior"))
        player = _player(line)
        known = files.setdefault(line.get("Observation id"), set())
        known.update(player.files)
        if len(known) > 1 and None in player.lengths:
            player = Player(tuple(sorted(known)), (None,) * len(known))
        found += pieces(source, line.where, [player], segment)
    return Segments(found)


def events_text(segments: Segments, media: Mapping[str, MediaFacts]) -> str:
    """Aggregated events, as version 9 exports them: an observation for each video."""
    return comma_separated(_COLUMNS, (_row(segment, media) for segment in with_ends(segments, media)))


def _lines(source: Path, text: str) -> list[_Line] | None:
    for delimiter in "\t,;":
        try:
            before = list(islice(cells(text, delimiter), _MOST_BEFORE))
        except csv.Error:
            continue
        place = next((place for place, row in enumerate(before) if _is_header(row)), None)
        if place is not None:
            return list(_below(source, place, before, cells(text, delimiter)))
    return None


def _is_header(row: list[str]) -> bool:
    return "Behavior" in row and ("Time" in row or {"Start (s)", "Stop (s)"} <= set(row))


def _below(source: Path, place: int, before: list[list[str]], rows: Iterator[list[str]]) -> Iterator[_Line]:
    header = before[place]
    said = {row[0]: row[1] for row in before[:place] if len(row) > 1}
    for number, row in enumerate(islice(rows, place + 1, None), start=place + 2):
        if any(row):
            named = said | {name: undefused(cell.strip()) for name, cell in zip(header, row, strict=False)}
            if not all(map(is_text, named.values())):
                raise fault(source, f"row {number}", "is not in UTF-8. Export it again.")
            yield _Line(source, number, named, clock_seconds(named.get("Time offset (s)", "")) or 0.0)


def _aggregated(lines: list[_Line]) -> Iterator[tuple[_Line, float, float]]:
    return ((line, line.seconds("Start (s)"), line.seconds("Stop (s)")) for line in lines)


def _paired(lines: list[_Line]) -> Iterator[tuple[_Line, float, float]]:
    """Starts with their stops, and moments.

    Raises:
        AnnotationError: a start has no stop, or the other way round.
    """
    started: dict[tuple[str, ...], _Line] = {}
    for line in lines:
        kind, time = line.get("Behavior type", "Status"), line.seconds("Time")
        if kind == "POINT":
            yield line, time, time
        elif kind == "START" and line.key not in started:
            started[line.key] = line
        elif kind == "STOP" and line.key in started:
            before = started.pop(line.key)
            yield before, before.seconds("Time"), time
        else:
            raise _unpaired(line, kind)
    for line in started.values():
        raise _unpaired(line, "START")


def _unpaired(line: _Line, kind: str) -> Exception:
    if kind not in ("START", "STOP"):
        return fault(line.source, line.where, f"got the type {quoted(kind)}, expected START, STOP or POINT.")
    other = "stopped" if kind == "START" else "started"
    return fault(
        line.source,
        line.where,
        f"{quoted(line.get('Behavior'))} is never {other}. Add what is missing in BORIS (Observations > Fix unpaired "
        "events) and export again.",
    )


def _player(line: _Line) -> Player:
    """The files that the first player shows, or the one that is named."""
    lengths = [clock_seconds(part) for part in line.get("Media duration (s)").split("|")[0].split(";")]
    shown = _PLAYER.sub("", line.get("Source").split("|")[0], count=1)
    files = [shown] if len(lengths) == 1 else shown.split(";")
    file = line.get("Media file name", "Media file path", "Media file")
    if len(files) < 2 or len(files) != len(lengths):
        if file in _NO_FILE:
            raise fault(line.source, line.where, "names no video. Export observations of media files only.")
        return Player((file,), (lengths[0],))
    return Player(tuple(files), tuple(lengths))


def _row(segment: Segment, media: Mapping[str, MediaFacts]) -> list[object]:
    facts = media.get(segment.path, MediaFacts())
    file = facts.address or segment.path
    length = "NA" if facts.duration is None else f"{facts.duration:.3f}"
    is_moment = segment.start == segment.end
    values: dict[str, object] = {
        "Observation id": segment.path,
        "Observation type": "Media file",
        "Source": f"player #1:{file}",
        "Time offset (s)": "0.0",
        "Coding duration": length,
        "Media duration (s)": length,
        "FPS (frame/s)": "NA" if facts.frame_rate is None else f"{facts.frame_rate:.3f}",
        "Subject": "No focal subject",
        "Behavior": segment.label,
        "Behavioral category": "Not defined",
        "Behavior type": "POINT" if is_moment else "STATE",
        "Start (s)": f"{segment.start:.3f}",
        "Stop (s)": f"{segment.end:.3f}",
        "Duration (s)": "NA" if is_moment else f"{segment.end - segment.start:.3f}",
        "Media file name": file,
        "Comment start": "" if segment.confidence is None else f"confidence {segment.confidence:.3f}",
    }
    return [values.get(name, "") for name in _COLUMNS]
