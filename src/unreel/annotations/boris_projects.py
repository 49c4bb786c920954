"""Project files of BORIS (`.boris`, JSON), read from version 4 of their format on and written as version 7 has them.

    observations: id → type, file: player → paths, media_info: length, offset, "time offset",
                       events: [[time, subject, behavior, modifiers, comment, frame], …]
    behaviors_conf: number → code, type ("State event", "Point event", either "with coding map")

A state's events are its starts and stops in turns, for each subject and modifier.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from unreel.annotations.boris_media import Player, pieces
from unreel.annotations.values import SCHEMA, MediaFacts, Segment, Segments, as_float, fault, layers, with_ends
from unreel.reading import brief, checked
from unreel.text import quoted

_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class _Behavior:
    code: str
    type: str


@dataclass(frozen=True)
class _MediaInfo:
    length: dict[str, float] = field(default_factory=dict)
    offset: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Observation:
    type: str
    events: list[list[Any]]
    file: dict[str, list[str]] | list[Any] = field(default_factory=dict)
    media_info: _MediaInfo = field(default_factory=_MediaInfo)
    offset: Annotated[float | None, Field(alias="time offset")] = None
    dated: Annotated[bool, Field(alias="media_creation_date_as_offset")] = False


@dataclass(frozen=True)
class _Project:
    behaviors_conf: dict[str, _Behavior]
    observations: dict[str, _Observation]


@dataclass(frozen=True)
class _Event:
    number: int
    time: float
    key: tuple[str, str, str]
    """Subject, behavior and modifiers."""


def is_project(content: object) -> bool:
    """Whether what was read of JSON is a project."""
    return isinstance(content, dict) and {"observations", "behaviors_conf"} <= content.keys()


def segments_of(source: Path, content: object) -> Segments:
    """The segments of all observations of media files in a project; live ones have no video.

    Raises:
        AnnotationError: it makes no sense.
    """
    project = checked(content, _Project, source, SCHEMA)
    states = {each.code for each in project.behaviors_conf.values() if each.type.startswith("State event")}
    return Segments(
        segment
        for id, observation in project.observations.items()
        if observation.type == "MEDIA"
        for segment in _segments(source, f"observation {quoted(id)}", observation, states)
    )


def project_text(segments: Segments, media: Mapping[str, MediaFacts]) -> str:
    """A project with an observation for each video; what overlaps under one label is of different subjects."""
    segments = with_ends(segments, media)
    states = {segment.label for segment in segments if segment.end > segment.start}
    by_path = segments.by_path()
    observations = {
        path: _observation(path, media.get(path, MediaFacts()), _with_subjects(by_path.get(path, Segments())), states)
        for path in sorted({*by_path, *media})
    }
    subjects = sorted({event[1] for each in observations.values() for event in each["events"] if event[1]})
    return json.dumps(  # in ASCII: BORIS reads it in the encoding of the system
        {
            "time_format": "hh:mm:ss",
            "project_date": "",
            "project_name": "unreel",
            "project_description": "",
            "project_format_version": "7.0",
            "subjects_conf": {
                str(number): {"key": "", "name": name, "description": ""} for number, name in enumerate(subjects)
            },
            "behaviors_conf": {
                str(number): _behavior(number, label, label in states) for number, label in enumerate(segments.labels)
            },
            "observations": observations,
            "behavioral_categories": [],
            "behavioral_categories_config": {},
            "independent_variables": {},
            "coding_map": {},
            "behaviors_coding_map": [],
            "converters": {},
        },
        indent=1,
    )


def _segments(source: Path, where: str, observation: _Observation, states: set[str]) -> Iterator[Segment]:
    players = _players(source, where, observation)
    for event, end in _paired(source, where, _events(source, where, observation), states):
        segment = Segment("", event.time, end, event.key[1])
        yield from pieces(source, f"{where}, event {event.number}", players, segment)


def _players(source: Path, where: str, observation: _Observation) -> list[Player]:
    if observation.dated:
        raise fault(source, where, "counts from the dates of its files. Export its events as a table instead.")
    files = observation.file if isinstance(observation.file, dict) else {}
    info = observation.media_info
    players = [
        Player(tuple(paths), tuple(map(info.length.get, paths)), info.offset.get(number, 0.0))
        for number, paths in sorted(files.items())
        if paths
    ]
    if not players:
        raise fault(source, where, "has no media file. Add it in BORIS, or delete the observation.")
    return players


def _events(source: Path, where: str, observation: _Observation) -> list[_Event]:
    found: list[_Event] = []
    for number, event in enumerate(observation.events, start=1):
        time, *words = event[:4] if event else [None]
        if not isinstance(time, int | float) or len(words) < 2 or not all(isinstance(word, str) for word in words):
            raise fault(source, where, f"event {number} is {brief(event)}, expected a time, a subject and a behavior.")
        subject, code, modifiers = (*words, "")[:3]
        found.append(_Event(number, round(as_float(time) - (observation.offset or 0.0), 3), (subject, code, modifiers)))
    return sorted(found, key=lambda event: (event.time, event.key[:2]))


def _paired(source: Path, where: str, events: list[_Event], states: set[str]) -> Iterator[tuple[_Event, float]]:
    """Each event that starts something and when that stops.

    Raises:
        AnnotationError: a state is never stopped.
    """
    started: dict[tuple[str, str, str], _Event] = {}
    for event in events:
        if event.key[1] not in states:
            yield event, event.time
        elif event.key in started:
            yield started.pop(event.key), event.time
        else:
            started[event.key] = event
    for event in started.values():
        raise fault(
            source,
            f"{where}, event {event.number}",
            f"{quoted(event.key[1])} starts at {event.time:g} s and is never stopped. Stop it in BORIS (Observations > "
            "Fix unpaired events).",
        )


def _with_subjects(segments: Segments) -> list[tuple[str, Segment]]:
    """The segments, each with a subject, so that none of one label and subject begins before another ends."""
    on_layer = layers((segment.label, segment.start, segment.end) for segment in segments)
    return [(f"also {layer + 1}" if layer else "", each) for layer, each in zip(on_layer, segments, strict=True)]


def _observation(path: str, facts: MediaFacts, segments: list[tuple[str, Segment]], states: set[str]) -> dict[str, Any]:
    file = facts.address or path
    return {
        "file": {"1": [file], **{str(number): [] for number in range(2, 9)}},
        "type": "MEDIA",
        "date": datetime.now().isoformat(timespec="seconds"),
        "description": "",
        "time offset": 0.0,
        "events": sorted(
            (event for subject, segment in segments for event in _rows(subject, segment, states)),
            key=lambda event: event[:3],
        ),
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "visualize_waveform": False,
        "media_creation_date_as_offset": False,
        "close_behaviors_between_videos": False,
        "media_info": {
            "length": {} if facts.duration is None else {file: facts.duration},
            "fps": {} if facts.frame_rate is None else {file: facts.frame_rate},
            "hasVideo": {file: True},
            "hasAudio": {file: False},
            "offset": {"1": 0.0},
        },
    }


def _rows(subject: str, segment: Segment, states: set[str]) -> list[list[Any]]:
    """The events that a segment is, at whole milliseconds as BORIS has them."""
    times = [segment.start, segment.end] if segment.label in states else [segment.start]
    comment = "" if segment.confidence is None else f"confidence {segment.confidence:.3f}"
    return [[round(time, 3), subject, segment.label, "", comment, "NA"] for time in times]


def _behavior(number: int, label: str, is_state: bool) -> dict[str, Any]:
    return {
        "type": "State event" if is_state else "Point event",
        "key": _KEYS[number] if number < len(_KEYS) else "",
        "code": label,
        "description": "",
        "color": "",
        "category": "",
        "modifiers": {},
        "excluded": "",
        "coding map": "",
    }
