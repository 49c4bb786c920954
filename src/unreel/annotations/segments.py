"""Segments of videos in files of all formats: read by what the file holds, written as its suffix says."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from unreel.annotations import boris_events, boris_projects, elan, label_studio, tables, via
from unreel.annotations.cells import decode, is_text, table_of
from unreel.annotations.values import SCHEMA, MediaFacts, Rate, Segment, Segments
from unreel.engine.files import check_free, write_whole
from unreel.errors import SettingsError
from unreel.reading import parse_json, read_bytes
from unreel.text import first_of, quoted

__all__ = [
    "Format",
    "MediaFacts",
    "Segment",
    "Segments",
    "check_media",
    "format_of",
    "gives_times",
    "read_segments",
    "write_segments",
]

Format = Literal["table", "boris", "boris-events", "elan", "via", "label-studio"]
"""What is written: the names of tools, `boris-events` for a table of BORIS, `table` for unreel's own."""

_SHOWN = 5


def read_segments(path: Path, *, frame_rate: Rate | None = None) -> Segments:
    """The segments of a file in any known format, with the names of videos that it has (see `media.match_media`).

    `frame_rate`, frames a second or the time of each frame, is needed where times are frames.

    Raises:
        CollectionError: it cannot be read, has no known format, or says what makes no sense.
        SettingsError: the frame rate is none.
    """
    if isinstance(frame_rate, float | int) and not 0 < frame_rate < math.inf:
        raise SettingsError(f"got the frame rate {frame_rate}, expected frames a second. Give a positive number.")
    content = read_bytes(path, SCHEMA)
    if elan.is_document(content):
        return elan.segments_of(path, content)
    try:
        text = decode(content)
    except ValueError as error:
        raise SCHEMA.error_for(path, f"cannot be read ({error})") from None
    if text.lstrip().startswith(("{", "[")):
        return _of_json(path, text, frame_rate)
    found = via.table_segments_of(path, text)
    found = boris_events.segments_of(path, text) if found is None else found
    found = tables.segments_of(path, text, frame_rate) if found is None else found
    if found is not None:
        return found
    first = "".join(text.lstrip().splitlines()[:1])
    raise SCHEMA.error_for(path, f"begins with {quoted(first)}")


def gives_times(path: Path) -> bool:
    """Whether a file that could be a table of labels gives times in videos: segments, in whatever format.

    Raises:
        CollectionError: it cannot be read, or is a table that makes no sense.
    """
    content = read_bytes(path, SCHEMA)
    if content.lstrip()[:1] in (b"<", b"{", b"[") or elan.is_document(content):
        return True
    try:
        text = decode(content)
    except ValueError:
        return False  # whoever reads it as labels says why not
    if via.table_segments_of(path, text) is not None or boris_events.segments_of(path, text) is not None:
        return True
    table = table_of(path, text)
    return table is not None and bool(tables.time_columns(table.header))


def check_media(path: Path, media: Mapping[str, MediaFacts], format: Format | None = None) -> None:
    """Tell before a long computation that a format cannot hold these videos.

    Raises:
        SettingsError: it cannot, or no format has this suffix.
    """
    _WRITERS[format_of(path, format)](Segments(), media)


def write_segments(
    path: Path, segments: Segments, *, media: Mapping[str, MediaFacts], format: Format | None = None
) -> None:
    """Write segments as a new file that the tool of this format opens; default: the format of the suffix.

    `media` says what is known of videos by their names; those without segments are in the file too, where it can.

    Raises:
        SettingsError: no format has this suffix, or it cannot hold what is to be written.
        AnnotationError: a segment lasts to the end of a video of unknown length, and the format has no such.
        OverwriteError, OutputError: it is there, or cannot be written.
    """
    text = _WRITERS[format_of(path, format)](segments, media)
    check_free(path)
    write_whole(path, text)


def _of_json(path: Path, text: str, rate: Rate | None) -> Segments:
    if not is_text(text):
        raise SCHEMA.error_for(path, "is not in UTF-8")
    content: Any = parse_json(text, object, path, SCHEMA)
    if boris_projects.is_project(content):
        return boris_projects.segments_of(path, content)
    if via.is_project(content):
        return via.segments_of(path, content)
    if label_studio.is_export(content):
        return label_studio.segments_of(path, content, rate)
    holds = f"the names {first_of(list(content), _SHOWN)}" if isinstance(content, dict) else "a list of no tasks"
    raise SCHEMA.error_for(path, f"is JSON with {holds}")


def format_of(path: Path, format: Format | None = None) -> Format:
    """The format to write: the one that is asked for, or that of the suffix.

    Raises:
        SettingsError: no format has this suffix.
    """
    found = format or _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise SettingsError(
            f"{path}: no format alone has this suffix, expected {', '.join(_SUFFIXES)}. Name the file so, or name the "
            f"format: {', '.join(_WRITERS)}."
        )
    return found


_SUFFIXES: Final[dict[str, Format]] = {".csv": "table", ".boris": "boris", ".eaf": "elan"}
_WRITERS: Final[dict[Format, Callable[[Segments, Mapping[str, MediaFacts]], str]]] = {
    "table": tables.table_text,
    "boris": boris_projects.project_text,
    "boris-events": boris_events.events_text,
    "elan": elan.document_text,
    "via": via.project_text,
    "label-studio": label_studio.predictions_text,
}
