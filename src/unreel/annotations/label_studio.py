"""Annotations of Label Studio: its exports JSON and JSON-MIN, and predictions that it imports.

    [{"data": {"video": URL, "fps": 25}, "annotations": [{"result": [RESULT, …]}], "predictions": [{"result": …}]}, …]
    RESULT: "type": "timelinelabels", "value": {"ranges": [{"start": 1, "end": 25}], "timelinelabels": ["run"]}
            "type": "labels",         "value": {"start": 0.5, "end": 2.5, "labels": ["run"]}
            "type": "choices",        "value": {"choices": ["run"]}

Frames are counted from 1, the last one belongs to the segment, and their rate is that of the labelling interface
(`frameRate` of `<Video>`), whatever the file has. JSON-MIN has the values alone, under names of the user's.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from unreel.annotations.values import (
    SCHEMA,
    MediaFacts,
    Rate,
    Segment,
    Segments,
    as_float,
    checked_segment,
    ended,
    fault,
    frame_time,
    with_ends,
)
from unreel.errors import SettingsError
from unreel.reading import brief, checked
from unreel.text import as_json, quoted

MODEL: Final = "unreel"
_LABELS: Final = {"timelinelabels": "timelinelabels", "labels": "labels", "choices": "choices"}
_AFTER = ("annotator", "annotation_id")  # what JSON-MIN says after the user's names; before them is the id
_MEDIA = "video"


@dataclass(frozen=True)
class _Range:
    start: int
    end: int


@dataclass(frozen=True)
class _Value:
    ranges: list[_Range] | None = None
    start: float | None = None
    end: float | None = None
    timelinelabels: list[str] | None = None
    labels: list[str] | None = None
    choices: list[str] | None = None

    @property
    def names(self) -> list[str]:
        return self.timelinelabels or self.labels or self.choices or []


@dataclass(frozen=True)
class _Result:
    type: str
    value: Any
    score: float | None = None


@dataclass(frozen=True)
class _Annotation:
    result: list[_Result]
    score: float | None = None
    was_cancelled: bool | None = None


@dataclass(frozen=True)
class _Task:
    data: dict[str, Any]
    annotations: list[_Annotation] = field(default_factory=list)
    predictions: list[_Annotation] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """Where in a file something is said of which video, shown at which rate."""

    source: Path
    where: str
    path: str
    rate: Rate | None


def is_export(content: object) -> bool:
    """Whether what was read of JSON are tasks, full or reduced ones."""
    return isinstance(content, list) and all(isinstance(task, dict) for task in content)


def segments_of(source: Path, content: list[dict[str, Any]], rate: Rate | None) -> Segments:
    """The segments of all annotations that were not skipped, or where a task has none of its predictions.

    Raises:
        AnnotationError: it makes no sense.
    """
    found: list[Segment] = []
    for number, task in enumerate(content, start=1):
        where = f"task {number}"
        if "data" in task:
            found += _of_task(source, where, checked(task, _Task, source, SCHEMA), rate)
        elif set(_AFTER) <= task.keys():
            found += _of_reduced(source, where, task, rate)
        else:
            raise fault(source, where, "is no task of Label Studio. Export the annotations as JSON or JSON-MIN.")
    return Segments(found)


def predictions_text(segments: Segments, media: Mapping[str, MediaFacts]) -> str:
    """Tasks with predictions to import into a project with the labels of `label_studio_config`.

    Raises:
        SettingsError: the frame rate of a video with segments is not known.
    """
    segments = ended(segments, media)
    by_path = segments.by_path()
    tasks = (
        _task(path, by_path.get(path, Segments()), media.get(path, MediaFacts())) for path in sorted({*by_path, *media})
    )
    return as_json(list(tasks))


def label_studio_config(classes: Iterable[str]) -> str:
    """The labelling interface (XML) for these classes, to paste into Label Studio: of times and of whole videos."""
    names = [quoteattr(name) for name in classes]
    lines = [
        "<View>",
        '  <Video name="video" value="$video" frameRate="$fps"/>',
        '  <TimelineLabels name="label" toName="video">',
        *(f"    <Label value={name}/>" for name in names),
        "  </TimelineLabels>",
        '  <Choices name="class" toName="video">',
        *(f"    <Choice value={name}/>" for name in names),
        "  </Choices>",
        "</View>",
    ]
    return "\n".join(lines) + "\n"


def _of_task(source: Path, where: str, task: _Task, rate: Rate | None) -> Iterator[Segment]:
    place = _Place(source, where, _path(source, where, task.data), _rate(task.data, rate))
    kept = [annotation for annotation in task.annotations if not annotation.was_cancelled] or task.predictions
    for annotation in kept:
        for result in annotation.result:
            if result.type in _LABELS:
                value = checked(result.value, _Value, source, SCHEMA)
                score = annotation.score if result.score is None else result.score
                yield from _segments(place, value, score)


def _of_reduced(source: Path, where: str, task: dict[str, Any], rate: Rate | None) -> Iterator[Segment]:
    """The segments of a task of JSON-MIN: a text that is no data is a choice."""
    names = list(task)
    first = names.index("id") + 1 if "id" in names else 0
    said = names[first : names.index("annotator")]
    data = {name: task[name] for name in names[:first]} or task
    place = _Place(source, where, _path(source, where, data), _rate(data, rate))
    for name in said:
        values = task[name] if isinstance(task[name], list) else [task[name]]
        for value in values:
            if isinstance(value, str) and first:
                yield from _segments(place, _Value(choices=[value]), None)
            elif isinstance(value, dict) and _LABELS.keys() & value.keys():
                yield from _segments(place, checked(value, _Value, source, SCHEMA), None)


def _path(source: Path, where: str, data: dict[str, Any]) -> str:
    """The video of a task: what is called so, or the only text."""
    texts = [value for value in data.values() if isinstance(value, str)]
    named = [data[name] for name in (_MEDIA, "video_url", "url", "audio") if isinstance(data.get(name), str)]
    if not named and len(texts) != 1:
        raise fault(source, where, f"has the data {brief(data)}, expected one '{_MEDIA}'. Call the address so.")
    path: str = (named or texts)[0]
    return path


def _rate(data: dict[str, Any], rate: Rate | None) -> Rate | None:
    """The frame rate that a task gives (as `frameRate="$fps"` takes it), or else the one that is known."""
    said = data.get("fps")
    return float(said) if isinstance(said, int | float) and 0 < said < 1000 else rate


def _segments(place: _Place, value: _Value, score: float | None) -> Iterator[Segment]:
    for start, end in _times(place, value):
        for label in value.names or [""]:
            yield checked_segment(place.source, place.where, Segment(place.path, start, end, label, score))


def _times(place: _Place, value: _Value) -> Iterator[tuple[float, float]]:
    """From when to when something is said; choices are of the whole."""
    if value.ranges is not None:
        for each in value.ranges:
            start, end = (
                frame_time(place.source, place.where, place.path, as_float(frame), place.rate)
                for frame in (each.start - 1, each.end)
            )
            yield start, end
    elif value.start is not None and value.end is not None:
        yield value.start, value.end
    elif value.choices is not None:
        yield 0.0, math.inf
    else:
        raise fault(place.source, place.where, f"{quoted(', '.join(value.names))} has no times. Give it some.")


def _task(path: str, segments: Segments, facts: MediaFacts) -> dict[str, Any]:
    rate = facts.frame_rate
    if rate is None and any(segment.end < math.inf for segment in segments):
        raise SettingsError(
            f"the frame rate of {quoted(path)} is not known, and Label Studio counts frames. Write another format."
        )
    data = {_MEDIA: facts.address or path, **({} if rate is None else {"fps": rate})}
    result = [_result(f"r{number}", segment, rate) for number, segment in enumerate(segments, start=1)]
    return {"data": data, "predictions": [{"model_version": MODEL, "result": result}]}


def _result(id: str, segment: Segment, rate: float | None) -> dict[str, Any]:
    """A result: frames where it ends, a choice where it is of the whole."""
    score = {} if segment.confidence is None else {"score": segment.confidence}
    if segment.is_whole:
        value: dict[str, Any] = {"choices": [segment.label]}
        return {"id": id, "from_name": "class", "to_name": _MEDIA, "type": "choices", "value": value} | score
    with_ends(Segments([segment]), {})
    first = round(segment.start * (rate or 1.0)) + 1
    last = max(first, round(segment.end * (rate or 1.0)))
    value = {"ranges": [{"start": first, "end": last}], "timelinelabels": [segment.label]}
    return {"id": id, "from_name": "label", "to_name": _MEDIA, "type": "timelinelabels", "value": value} | score
