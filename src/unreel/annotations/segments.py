"""Segments of videos in files of all formats: read by what the file holds, written as its suffix says."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

from unreel.annotations import tables
from unreel.annotations.cells import decode
from unreel.annotations.values import SCHEMA, MediaFacts, Rate, Segment, Segments
from unreel.engine.files import check_free, write_whole
from unreel.errors import SettingsError
from unreel.reading import read_bytes
from unreel.text import quoted

__all__ = ["Format", "MediaFacts", "Segment", "Segments", "read_segments", "write_segments"]

Format = Literal["table"]
"""What is written: the names of tools, or `table` for unreel's own CSV."""


def read_segments(path: Path, *, frame_rate: Rate | None = None) -> Segments:
    """The segments of a file in any known format, with the names of videos that it has (see `match_media`).

    `frame_rate`, frames a second or the time of each frame, is needed where times are frames.

    Raises:
        CollectionError: it cannot be read, has no known format, or says what makes no sense.
        SettingsError: the frame rate is none.
    """
    if isinstance(frame_rate, float | int) and not 0 < frame_rate < math.inf:
        raise SettingsError(f"got the frame rate {frame_rate}, expected frames a second. Give a positive number.")
    content = read_bytes(path, SCHEMA)
    try:
        text = decode(content)
    except ValueError as error:
        raise SCHEMA.error_for(path, f"cannot be read ({error})") from None
    found = tables.segments_of(path, text, frame_rate)
    if found is None:
        first = "".join(text.lstrip().splitlines()[:1])
        raise SCHEMA.error_for(path, f"begins with {quoted(first)}")
    return found


def write_segments(
    path: Path, segments: Segments, *, media: Mapping[str, MediaFacts], format: Format | None = None
) -> None:
    """Write segments as a new file that the tool of this format opens; default: the format of the suffix.

    `media` says what is known of videos by their names; those without segments are in the file too, where it can.

    Raises:
        SettingsError: no format has this suffix, or it cannot hold what is to be written.
        OverwriteError, OutputError: it is there, or cannot be written.
    """
    text = _WRITERS[format or _format_of(path)](segments, media)
    check_free(path)
    write_whole(path, text)


def _format_of(path: Path) -> Format:
    found = _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise SettingsError(
            f"{path}: no format alone has this suffix, expected {', '.join(_SUFFIXES)}. Name the file so, or name the "
            f"format: {', '.join(_WRITERS)}."
        )
    return found


_SUFFIXES: Final[dict[str, Format]] = {".csv": "table"}
_WRITERS: Final[dict[Format, Callable[[Segments, Mapping[str, MediaFacts]], str]]] = {"table": tables.table_text}
