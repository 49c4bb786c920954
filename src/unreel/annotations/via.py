"""Annotations of VIA 3, the VGG Image Annotator for video: its project (JSON) and both of its tables.

file: fid → fname, loc, src      view: vid → fid_list      attribute: aid → anchor_id, options: oid → text
metadata: mid → vid, z: [] the whole, [time] or [start, end] in seconds, xy: [] or a region, av: aid → oid or text

# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata
# CSV_HEADER = metadata_id,file_list,temporal_segment_start,temporal_segment_end,metadata
"""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from unreel.annotations.cells import cells, is_text, unreadable
from unreel.annotations.values import SCHEMA, MediaFacts, Segment, Segments, checked_segment, ended, fault, with_ends
from unreel.reading import brief, checked, parse_json
from unreel.text import as_json, quoted

_HEADER = re.compile(r"^# CSV_HEADER = (metadata_id,.*)$", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^# ATTRIBUTE = (\{.*)$", re.MULTILINE)
_LOCAL, _HTTP, _ON_DISK, _INLINE = "1", "2", "3", "4"
_IMAGE, _VIDEO, _CHECKBOX, _SELECT = 2, 4, 2, 4
_ANCHORS: Final = {0: "FILE1_Z0", 1: "FILE1_Z1", 2: "FILE1_Z2"}
_SEGMENT, _WHOLE = "1", "2"
_MARKS = {name: f"__VIA_{name.upper()}__" for name in ("project_id", "project_rev_id", "project_rev_timestamp")}

_JSON = (
    *("file_list", "temporal_coordinates", "spatial_coordinates"),
    *("temporal_segment_start", "temporal_segment_end", "metadata"),
)

Id = str | int


@dataclass(frozen=True)
class _Attribute:
    anchor_id: str = ""
    type: int = 1
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    fname: str
    type: int = _VIDEO
    loc: Id = _LOCAL
    src: str = ""


@dataclass(frozen=True)
class _View:
    fid_list: list[Id]


@dataclass(frozen=True)
class _Said:
    z: list[float]
    xy: list[Any]
    av: dict[str, Any]


@dataclass(frozen=True)
class _Metadata(_Said):
    vid: Id


@dataclass(frozen=True)
class _Row(_Said):
    file_list: list[str]


@dataclass(frozen=True)
class _Attributes:
    attribute: dict[str, _Attribute]


@dataclass(frozen=True)
class _Project:
    file: dict[str, _File]
    view: dict[str, _View]
    attribute: dict[str, _Attribute]
    metadata: dict[str, _Metadata]


def is_project(content: object) -> bool:
    """Whether what was read of JSON is a project."""
    return isinstance(content, dict) and {"file", "view", "attribute", "metadata"} <= content.keys()


def segments_of(source: Path, content: object) -> Segments:
    """The segments of a project: labels of times and of whole files, not those of regions in a picture.

    Raises:
        AnnotationError: it makes no sense.
    """
    project = checked(content, _Project, source, SCHEMA)
    return Segments(
        segment
        for id, metadata in project.metadata.items()
        for path in _paths(source, f"metadata {quoted(id)}", project, metadata)
        for segment in _segments(source, f"metadata {quoted(id)}", path, metadata, project.attribute)
    )


def table_segments_of(source: Path, text: str) -> Segments | None:
    """The segments of a table that VIA exports, or None where it is none.

    Raises:
        CollectionError: it makes no sense.
    """
    header = _HEADER.search(text)
    if header is None or not text.startswith("#"):
        return None
    attributes = _attributes(source, text)
    columns = header[1].strip().split(",")
    before = text.count("\n", 0, header.end()) + 1
    found: list[Segment] = []
    try:
        for number, row in enumerate(cells(text[header.end() :].lstrip("\r\n"), ","), start=before + 1):
            if row:
                found += _row(source, f"row {number}", dict(zip(columns, row, strict=False)), attributes)
    except csv.Error as error:
        raise unreadable(source, error) from error
    return Segments(found)


def project_text(segments: Segments, media: Mapping[str, MediaFacts]) -> str:
    """A project with a view for each video, one attribute for its segments and one for labels of the whole."""
    segments = ended(segments, media)
    whole = Segments(segment for segment in segments if segment.is_whole)
    timed = with_ends(Segments(segment for segment in segments if not segment.is_whole), media)
    vids = {path: str(number) for number, path in enumerate(sorted({*segments.paths, *media}), start=1)}
    metadata = [
        *_metadata(_SEGMENT, timed, [(vids[each.path], [each.start, each.end]) for each in timed]),
        *_metadata(_WHOLE, whole, [(vids[each.path], []) for each in whole]),
    ]
    project = {
        "pid": _MARKS["project_id"],
        "rev": _MARKS["project_rev_id"],
        "rev_timestamp": _MARKS["project_rev_timestamp"],
        "pname": "unreel",
        "data_format_version": "3.1.1",
        "creator": "unreel",
        "created": 0,
        "vid_list": list(vids.values()),
    }
    return as_json(
        {
            "project": project,
            "config": {
                "file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}},
                "ui": {
                    "file_content_align": "center",
                    "file_metadata_editor_visible": True,
                    "spatial_metadata_editor_visible": True,
                    "spatial_region_label_attribute_id": "",
                    "gtimeline_visible_row_count": "4",
                },
            },
            "attribute": {
                _SEGMENT: _attribute("label", "FILE1_Z2_XY0", timed.labels),
                _WHOLE: _attribute("class", "FILE1_Z0_XY0", whole.labels),
            },
            "file": {vid: _file(vid, media.get(path, MediaFacts()).address or path) for path, vid in vids.items()},
            "metadata": {f"{each['vid']}_{number:08d}": each for number, each in enumerate(metadata)},
            "view": {vid: {"fid_list": [vid]} for vid in vids.values()},
        }
    )


def _attributes(source: Path, text: str) -> dict[str, _Attribute]:
    """The attributes that a table names above its header."""
    said = _ATTRIBUTE.search(text)
    if said is None or not is_text(said[1]):
        return {}
    content = {"attribute": parse_json(said[1].strip(), object, source, SCHEMA)}
    return checked(content, _Attributes, source, SCHEMA).attribute


def _paths(source: Path, where: str, project: _Project, metadata: _Metadata) -> Iterator[str]:
    """The files of a view that are no pictures."""
    view = project.view.get(str(metadata.vid))
    files = [] if view is None else [project.file.get(str(fid)) for fid in view.fid_list]
    if not files or None in files:
        raise fault(source, where, f"is of the view {brief(metadata.vid)}, whose files are missing. Save it again.")
    for file in files:
        if file is not None and file.type != _IMAGE:
            yield file.src if str(file.loc) in (_HTTP, _ON_DISK) and file.src else file.fname


def _segments(
    source: Path, where: str, path: str, metadata: _Said, attributes: dict[str, _Attribute]
) -> Iterator[Segment]:
    """What is said of a time or the whole of a file."""
    times = metadata.z
    if metadata.xy:
        return
    if len(times) > max(_ANCHORS):
        raise fault(source, where, f"has {len(times)} times, expected a start and an end. Correct it in VIA.")
    labels = list(_labels(metadata, attributes, _ANCHORS[len(times)]))
    if not labels and not times:
        return  # a file without a label of the whole
    start, end = (times[0], times[-1]) if times else (0.0, math.inf)
    for label in labels or [""]:
        yield checked_segment(source, where, Segment(path, start, end, label))


def _labels(metadata: _Said, attributes: dict[str, _Attribute], anchor: str) -> Iterator[str]:
    """The chosen options of the attributes that belong to such times; texts where no attribute has options."""
    values = {
        aid: str(value)
        for aid, value in metadata.av.items()
        if str(value).strip() and (aid not in attributes or attributes[aid].anchor_id.startswith(anchor))
    }
    choices = [aid for aid in values if aid in attributes and attributes[aid].options]
    for aid in choices or values:
        attribute = attributes.get(aid, _Attribute())
        chosen = values[aid].split(",") if attribute.type == _CHECKBOX and attribute.options else [values[aid]]
        yield from (attribute.options.get(each, each) for each in chosen if each)


def _row(source: Path, where: str, row: dict[str, str], attributes: dict[str, _Attribute]) -> Iterator[Segment]:
    """The segments of a row of either table."""
    if not all(map(is_text, row.values())):
        raise fault(source, where, "is not in UTF-8. Export it again.")
    place = Path(f"{source}, {where}:")
    said: dict[str, Any] = {
        name: parse_json(cell, object, place, SCHEMA) for name, cell in row.items() if name in _JSON
    }
    times = [said.get(f"temporal_segment_{edge}") for edge in ("start", "end")]
    content = {
        "file_list": said.get("file_list"),
        "z": said.get("temporal_coordinates", times),
        "xy": said.get("spatial_coordinates", []),
        "av": said.get("metadata"),
    }
    metadata = checked(content, _Row, place, SCHEMA)
    for path in metadata.file_list:
        yield from _segments(source, where, path, metadata, attributes)


def _attribute(name: str, anchor: str, labels: list[str]) -> dict[str, Any]:
    options = {str(number): label for number, label in enumerate(labels)}
    return {
        "aname": name,
        "anchor_id": anchor,
        "type": _SELECT,
        "desc": "",
        "options": options,
        "default_option_id": "",
    }


def _file(fid: str, address: str) -> dict[str, Any]:
    location = _HTTP if re.match("https?://", address, re.IGNORECASE) else _ON_DISK
    return {"fid": fid, "fname": address, "type": _VIDEO, "loc": int(location), "src": address}


def _metadata(attribute: str, segments: Segments, places: list[tuple[str, list[float]]]) -> Iterator[dict[str, Any]]:
    """What is said of each view and its times, by the numbers of labels that `_attribute` gives."""
    numbers = {label: str(number) for number, label in enumerate(segments.labels)}
    for segment, (vid, times) in zip(segments, places, strict=True):
        yield {"vid": vid, "flg": 0, "z": times, "xy": [], "av": {attribute: numbers[segment.label]}}
