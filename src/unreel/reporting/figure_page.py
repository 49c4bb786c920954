"""A page of its own for one figure: the same pieces as in a report, moving, in one self-contained file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unreel.reporting.classes import ClassTable
from unreel.reporting.confusion import Confusion
from unreel.reporting.correspondence_maps import Looks
from unreel.reporting.coverage import MissingVideos
from unreel.reporting.document import write_document
from unreel.reporting.previews import clips_of
from unreel.reporting.side_by_side import SideBySide
from unreel.reporting.strips import Strip

_NO_DATA: Mapping[str, Any] = {"videos": [], "maps": [], "charts": []}


def write_side_by_side(figure: SideBySide, out: Path) -> Path:
    """Queries and what every encoder finds for them.

    Raises:
        RunError: there is no writing to `out`, here and below.
    """
    count = f"{len(figure.rows)} {'query' if len(figure.rows) == 1 else 'queries'}, {len(figure.encoders)} encoders"
    return _write(
        "side_by_side", ("Nearest videos", count), {"figure": figure}, clips_of(figure.previews.values()), out
    )


def write_confusions(confusions: Sequence[Confusion], out: Path) -> Path:
    """Confusion matrices, one shown at a time."""
    names = ", ".join(each.name for each in confusions)
    return _write("confusions", ("Confusion", names), {"confusions": confusions}, {}, out)


def write_classes(table: ClassTable, remarks: Sequence[str], shortfalls: Sequence[MissingVideos], out: Path) -> Path:
    """Figures class by class."""
    content = {"table": table, "remarks": remarks, "shortfalls": shortfalls}
    return _write("classes", (table.title, ", ".join(table.columns)), content, {}, out)


def write_looks(figure: Looks, out: Path) -> Path:
    """Where an encoder sees that two clips are alike."""
    strips = [strip for clip in figure.clips for strip in clip.strips]
    subtitle = " and ".join(clip.video for clip in figure.clips)
    return _write("looks", ("Where it looks", subtitle), {"figure": figure}, dict(enumerate(strips)), out)


def _write(
    kind: str, titles: tuple[str, str], content: Mapping[str, Any], clips: Mapping[int, Strip], out: Path
) -> Path:
    title, subtitle = titles
    frame = {"kind": kind, "title": title, "subtitle": subtitle, "data": _NO_DATA}
    return write_document("figure.html", {**frame, **content}, clips, out)
