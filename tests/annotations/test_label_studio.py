"""Label Studio 1.13 and later: JSON and JSON-MIN as it exports them, predictions as it imports them.

After its documentation of tasks, predictions and `TimelineLabels`, and `TimelineRegion.js`, `Video.js`.
"""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from annotated import Rows, made, read, rejection, rows
from hypothesis import given

from unreel.annotations import label_studio
from unreel.annotations.segments import MediaFacts, Segment, Segments, read_segments, write_segments
from unreel.errors import SettingsError

VIDEO = "/data/upload/3/1f0e2d3c-a.mp4"
TIMELINE = {
    "id": "x1",
    "from_name": "label",
    "to_name": "video",
    "type": "timelinelabels",
    "origin": "manual",
    "value": {"ranges": [{"start": 26, "end": 50}], "timelinelabels": ["run"]},
}
SOUND = TIMELINE | {"type": "labels", "value": {"start": 0.5, "end": 2.5, "channel": 0, "labels": ["talk", "laugh"]}}
CHOICE = TIMELINE | {"type": "choices", "value": {"choices": ["park"]}}
BOX = TIMELINE | {"type": "videorectangle", "value": {"framesCount": 99, "sequence": [{"frame": 1}], "labels": ["dog"]}}


def export(*results: Any, data: dict[str, Any] | None = None, **task: Any) -> str:
    """An export of one task with one annotation."""
    annotation = {"id": 7, "completed_by": 1, "result": list(results), "was_cancelled": False, "lead_time": 3.1}
    return json.dumps(
        [{"id": 1, "data": data or {"video": VIDEO}, "annotations": [annotation], "predictions": []} | task]
    )


def test_frames_count_from_one_and_the_last_one_belongs_to_the_segment(tmp_path: Path) -> None:
    assert read(tmp_path, export(TIMELINE, BOX), 25.0) == (Segment(VIDEO, 1.0, 2.0, "run"),)
    assert read(tmp_path, export(TIMELINE, data={"video": VIDEO, "fps": 50}), 25.0)[0].end == 1.0


def test_seconds_and_choices_need_no_frame_rate(tmp_path: Path) -> None:
    assert read(tmp_path, export(SOUND, CHOICE)) == (
        Segment(VIDEO, 0.0, float("inf"), "park"),
        Segment(VIDEO, 0.5, 2.5, "laugh"),
        Segment(VIDEO, 0.5, 2.5, "talk"),
    )


def test_predictions_stand_in_where_nobody_has_annotated(tmp_path: Path) -> None:
    predictions = [{"model_version": "m", "score": 0.5, "result": [SOUND | {"score": 0.9}, CHOICE]}]
    cancelled = [{"result": [CHOICE], "was_cancelled": True}]
    found = read(tmp_path, export(annotations=cancelled, predictions=predictions))
    assert [(each.label, each.confidence) for each in found] == [("park", 0.5), ("laugh", 0.9), ("talk", 0.9)]
    assert read(tmp_path, export(CHOICE, predictions=predictions)).labels == ["park"]


def test_the_reduced_export_is_read_by_the_places_of_its_names(tmp_path: Path) -> None:
    task = {
        "video": VIDEO,
        "fps": 25,
        "note": "mine",
        "id": 4,
        "behaviour": [{"ranges": [{"start": 26, "end": 50}], "timelinelabels": ["run"]}],
        "scene": "park",
        "weather": {"choices": ["rain", "wind"]},
        "annotator": 1,
        "annotation_id": 2,
        "created_at": "2024-05-01T10:00:00Z",
        "lead_time": 3.1,
    }
    assert [(each.start, each.end, each.label) for each in read(tmp_path, json.dumps([task]))] == [
        (0.0, float("inf"), "park"),
        (0.0, float("inf"), "rain"),
        (0.0, float("inf"), "wind"),
        (1.0, 2.0, "run"),
    ]


def test_nothing_exported_is_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "[]") == ()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (export(TIMELINE), "task 1: gives frames, and the frame rate is not known. Name the frames a second."),
        (
            export(SOUND | {"value": {"start": 2.5, "end": 0.5, "labels": ["talk"]}}),
            "task 1: ends at 0.5 s, before its",
        ),
        (export(SOUND | {"value": {"labels": ["talk"]}}), "task 1: 'talk' has no times. Give it some."),
        (export(SOUND | {"value": {"start": 1, "end": 2}}), "task 1: has no label. Give it one, or take it away."),
        (export(SOUND | {"value": 5}), "given cannot be used ("),
        (export(CHOICE, data={"a": "x", "b": "y"}), "task 1: has the data {'a': 'x', 'b': 'y'}, expected one 'video'."),
        (export(data={"n": 1}), "task 1: has the data {'n': 1}, expected one 'video'. Call the address so."),
        ('[{"image": "a.png"}]', "task 1: is no task of Label Studio. Export the annotations as JSON or JSON-MIN."),
        ("[1, 2]", "given is JSON with a list of no tasks. Expected a table"),
        ('{"images": [], "categories": []}', "given is JSON with the names 'images', 'categories'. Expected a table"),
        ("{", "given cannot be used (Invalid JSON: EOF"),
        ("[" * 100_000, "given cannot be used (Invalid JSON: recursion limit exceeded"),
        (b'["\xff"]', "given is not in UTF-8."),
    ],
)
def test_what_is_wrong_is_explained(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert message in rejection(tmp_path, content)


@given(drawn=rows(longest=100_000))
def test_predictions_are_read_as_they_were(drawn: Rows) -> None:
    timed = made(drawn, 25.0, confident=True, moments=False)
    segments = Segments([*timed, Segment("a.mp4", 0.0, float("inf"), "all", 0.5)])
    media = {path: MediaFacts(frame_rate=25.0) for path in segments.paths}
    assert (
        label_studio.segments_of(Path("p"), json.loads(label_studio.predictions_text(segments, media)), None)
        == segments
    )


def test_predictions_are_for_the_interface_that_is_printed(tmp_path: Path) -> None:
    segments = Segments([Segment("a.mp4", 1.0, 1.0, 'a "b" <c>', 0.5), Segment("a.mp4", 0.0, float("inf"), "park")])
    write_segments(tmp_path / "p.json", segments, media={"a.mp4": MediaFacts(None, 25.0)}, format="label-studio")
    interface = ElementTree.fromstring(label_studio.label_studio_config(segments.labels))
    controls = {tag.attrib["name"]: tag for tag in interface}
    (task,) = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert controls["video"].attrib == {"name": "video", "value": "$video", "frameRate": "$fps"}
    assert {"video", "fps"} <= task["data"].keys()
    for result in task["predictions"][0]["result"]:
        control = controls[result["from_name"]]
        assert control.tag.lower() == result["type"]
        assert control.attrib["toName"] == result["to_name"]
        assert set(result["value"][result["type"]]) <= {each.attrib["value"] for each in control}
    assert read_segments(tmp_path / "p.json")[1] == Segment("a.mp4", 1.0, 1.04, 'a "b" <c>', 0.5)


def test_frames_cannot_be_written_without_their_rate(tmp_path: Path) -> None:
    segments = Segments([Segment("a.mp4", 1.0, 2.0, "run")])
    with pytest.raises(SettingsError, match=r"the frame rate of 'a.mp4' is not known, and Label Studio counts frames"):
        write_segments(tmp_path / "p.json", segments, media={}, format="label-studio")
