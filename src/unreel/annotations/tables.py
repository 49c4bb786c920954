"""Segments as a table: `path,start,end,label`, in any order and by the names that people use.

    path,start,end,label,confidence         video;onset;duration;behavior       file,start_frame,end_frame,class
    clips/a.mp4,1.5,4,run,0.93              a.mp4;0:01:02,5;4,0;run             a.mp4,30,75,run

Times are seconds, `hh:mm:ss.mmm`, milliseconds (`start_ms`) or frames counted from 0 (`start_frame`); a column `unit`
says it for each row. A segment in frames ends when its last number is shown.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unreel.annotations.cells import CellTable, is_text, table_of, word_of
from unreel.annotations.values import MediaFacts, Rate, Segment, Segments, checked_segment, ended, fault, frame_time
from unreel.errors import AnnotationError
from unreel.text import comma_separated, quoted, undefused

_STARTS, _ENDS, _LENGTHS = "start begin onset from in tmin", "end stop offset to out tmax", "duration length"
_ROLE = {name: names for names in (_STARTS, _ENDS, _LENGTHS) for name in names.split()}
_COLUMN = re.compile(
    rf"(?P<prefix>t|time|clip|video|segment|frame)?(?P<edge>{'|'.join(_ROLE)})"
    "(?P<unit>time|s|sec|secs|seconds|ms|msec|milliseconds|frames?)?"
)
_UNITS = {"ms": "ms", "msec": "ms", "milliseconds": "ms", "frame": "frames", "frames": "frames"}
_SECONDS = frozenset({"s", "sec", "secs", "second", "seconds", "time"})
_LABEL = re.compile("(label|class|behaviou?r|action|activity|annotation|event|category)(name)?")
_CONFIDENCE = frozenset({"confidence", "score", "probability"})
_CLOCK = re.compile(r"(?:([0-9]+):(?=[0-5]?[0-9]:))?([0-9]+):([0-5]?[0-9](?:\.[0-9]*)?)")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?|inf", re.IGNORECASE)


@dataclass(frozen=True)
class TimeColumn:
    """A column of times: whether it has the start, the end or the length of segments, and in which unit, if it says."""

    name: str
    role: str
    unit: str


@dataclass(frozen=True)
class _Columns:
    start: TimeColumn
    end: TimeColumn
    label: str


def time_columns(header: Sequence[str]) -> list[TimeColumn]:
    """The columns of a header that give times; `begin` or `duration` are times only where a start and an end meet."""
    found = [(name, match) for name in header if (match := _COLUMN.fullmatch(word_of(name)))]
    roles = {_ROLE[match["edge"]] for _, match in found}
    times = [(name, match) for name, match in found if (_STARTS in roles and len(roles) > 1) or _is_sure(match)]
    return [TimeColumn(name, _ROLE[match["edge"]], _unit_of(match)) for name, match in times]


def segments_of(source: Path, text: str, rate: Rate | None) -> Segments | None:
    """The segments of a table with this text, or None where its header has no column of paths.

    Raises:
        CollectionError: it makes no sense.
    """
    table = table_of(source, text)
    if table is None:
        return None
    columns = _columns(source, table)
    return Segments(_segment(source, number, _named(table, row), columns, rate) for number, row in table.rows)


def table_text(segments: Segments, media: Mapping[str, MediaFacts]) -> str:
    """The segments as a table, which `segments_of` reads as they are."""
    optional: dict[str, Callable[[Segment], object]] = {
        "confidence": lambda segment: segment.confidence,
        "split": lambda segment: segment.split or None,
        "group": lambda segment: segment.group or None,
    }
    said = [name for name, value in optional.items() if any(value(segment) is not None for segment in segments)]
    rows = (
        [segment.path, segment.start, segment.end, segment.label, *(optional[name](segment) for name in said)]
        for segment in ended(segments, media)
    )
    return comma_separated(["path", "start", "end", "label", *said], rows)


def clock_seconds(text: str) -> float | None:
    """The seconds that a number, `mm:ss.mmm` or `hh:mm:ss.mmm` says, with a point or a comma; None of other texts."""
    text = text.strip().replace(",", ".")
    if _NUMBER.fullmatch(text):
        return float(text)
    clock = _CLOCK.fullmatch(text)
    return None if clock is None else int(clock[1] or 0) * 3600.0 + int(clock[2]) * 60.0 + float(clock[3])


def _is_sure(match: re.Match[str]) -> bool:
    """Whether a column can be nothing but a time, whatever others there are."""
    edge, said = match["edge"], match["prefix"] or match["unit"]
    return edge in ("start", "end") or (edge in ("begin", "stop", "onset") and said is not None)


def _unit_of(match: re.Match[str]) -> str:
    if match["prefix"] == "frame":
        return "frames"
    return _UNITS.get(match["unit"], "s") if match["unit"] else ""


def _columns(source: Path, table: CellTable) -> _Columns:
    """Which columns have the times and the label; seconds where there are frames too, an end where there is a length.

    Raises:
        AnnotationError: there are none, or several may be.
    """
    header = [name for place, name in enumerate(table.header) if place != table.place]
    times = time_columns(header)
    start = _one_of(source, [time for time in times if time.role == _STARTS], table.header)
    ends = [time for time in times if time.role == _ENDS] or [time for time in times if time.role == _LENGTHS]
    used = {time.name for time in times}
    others = [name for name in header if name not in used and not _is_fact(name)]
    return _Columns(start, _one_of(source, ends, table.header), _label_column(source, others, table.header))


def _one_of(source: Path, times: list[TimeColumn], header: list[str]) -> TimeColumn:
    units = {unit: [time for time in times if time.unit == unit] for unit in ("s", "", "ms", "frames")}
    best = next((times for times in units.values() if times), [])
    if len(best) != 1:
        raise AnnotationError(
            f"{source} has the header {quoted(','.join(header))}, expected one column 'start' and one 'end' (or "
            "'duration'), in seconds, or 'start_frame' and 'end_frame'. Name them so."
        )
    return best[0]


def _label_column(source: Path, others: list[str], header: list[str]) -> str:
    known = [name for name in others if word_of(name) == "label"]
    known = known or [name for name in others if _LABEL.fullmatch(word_of(name))] or others
    if len(known) != 1:
        raise AnnotationError(
            f"{source} has the header {quoted(','.join(header))}, expected one column 'label'. Name it so."
        )
    return known[0]


def _is_fact(name: str) -> bool:
    return word_of(name) in _CONFIDENCE or word_of(name) in ("unit", "split", "group")


def _named(table: CellTable, row: list[str]) -> dict[str, str]:
    """The cells of a row by the names of their columns; what is said besides by its plain word."""
    named = {name: undefused(cell.strip()) for name, cell in zip(table.header, row, strict=True)}
    facts = {word_of(name): cell for name, cell in named.items() if _is_fact(name)}
    return facts | named | {"": named[table.header[table.place]]}


def _segment(source: Path, number: int, row: dict[str, str], columns: _Columns, rate: Rate | None) -> Segment:
    where = f"row {number}"
    if not all(map(is_text, row.values())):
        raise fault(source, where, "is not in UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8).")
    timing = _Timing(source, where, row, rate)
    start, end = timing.seconds(columns.start), timing.end(columns)
    confidence = next((row[name] for name in sorted(_CONFIDENCE) if row.get(name)), None)
    segment = Segment(
        row[""],
        start,
        end,
        row[columns.label],
        None if confidence is None else timing.number("confidence", confidence),
        row.get("split", ""),
        row.get("group", ""),
    )
    return checked_segment(source, where, segment)


@dataclass(frozen=True)
class _Timing:
    """The times of one row."""

    source: Path
    where: str
    row: dict[str, str]
    rate: Rate | None

    def seconds(self, column: TimeColumn) -> float:
        return self._shown(self.number(column.name, self.row[column.name]), self._unit(column))

    def end(self, columns: _Columns) -> float:
        """The end, of its own column or after the start."""
        if columns.end.role == _ENDS:
            return self.seconds(columns.end)
        units = {self._unit(column) for column in (columns.start, columns.end)}
        start, length = (self.number(column.name, self.row[column.name]) for column in (columns.start, columns.end))
        if units == {"frames"}:
            return self._shown(start + length, "frames")
        return self.seconds(columns.start) + self.seconds(columns.end)

    def number(self, name: str, text: str) -> float:
        """The number in a cell.

        Raises:
            AnnotationError: there is none.
        """
        number = clock_seconds(text)
        if number is None:
            raise fault(self.source, self.where, f"got {quoted(text)} as {name}, expected seconds or hh:mm:ss.mmm.")
        return number

    def _unit(self, column: TimeColumn) -> str:
        said = word_of(self.row.get("unit", ""))
        if column.unit or not said or said in _SECONDS:
            return column.unit or "s"
        if said not in _UNITS:
            raise fault(self.source, self.where, f"got the unit {quoted(said)}, expected s, ms or frames.")
        return _UNITS[said]

    def _shown(self, number: float, unit: str) -> float:
        if unit == "frames" and number != math.inf:
            return frame_time(self.source, self.where, self.row[""], number, self.rate)
        return number / 1000 if unit == "ms" else number
