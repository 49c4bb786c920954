"""BORIS: its tables of events as versions 7 and 9 export them, its projects as format 7.0 has them.

After `export_observation.py`, `export_events.py` and `project_functions.py` of version 9.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from annotated import Rows, made, read, rejection, rows
from hypothesis import given

from unreel.annotations import boris_events, boris_projects
from unreel.annotations.cells import decode
from unreel.annotations.segments import MediaFacts, Segment, Segments, read_segments, write_segments
from unreel.errors import AnnotationError

AGGREGATED = """Observation id,Observation date,Description,Observation type,Source,Time offset (s),Coding duration,\
Media duration (s),FPS (frame/s),Subject,Observation duration by subject by observation,Behavior,Behavioral category,\
Modifier #1,Behavior type,Start (s),Stop (s),Duration (s),Media file name,Image index start,Image index stop,\
Image file path start,Image file path stop,Comment start,Comment stop
one,2024-05-01 10:00:00,,Media file,player #1:/home/anna/a.mp4,0.0,60.000,60.000,25.000,No focal subject,9.5,run,\
Not defined,,STATE,1.500,4.000,2.500,/home/anna/a.mp4,,,,,,
one,2024-05-01 10:00:00,,Media file,player #1:/home/anna/a.mp4,0.0,60.000,60.000,25.000,No focal subject,9.5,hit,\
Not defined,,POINT,6.250,6.250,NA,/home/anna/a.mp4,,,,,,
two,2024-05-01 11:00:00,,Media file,player #1:b.mp4;c.mp4,10,30.000,10.000;20.000,25.000;25.000,Rex,9.5,run,\
Not defined,,STATE,18.000,24.000,6.000,b.mp4,,,,,,
"""
_BEFORE = "one\t2024-05-01 10:00:00\t\t60.000\tMedia file(s)\tplayer #1:a.mp4\t0.0\t60.000\t25.000"
TABULAR_9 = f"""Observation id\tObservation date\tDescription\tObservation duration\tObservation type\tSource\t\
Time offset (s)\tMedia duration (s)\tFPS\tSubject\tBehavior\tBehavioral category\tModifier #1\tBehavior type\tTime\t\
Media file name\tImage index\tImage file path\tComment
{_BEFORE}\t\trun\t\t\tSTART\t1.500\ta.mp4\t37\tNA\t
{_BEFORE}\tRex\trun\t\t\tSTART\t2.000\ta.mp4\t50\tNA\t
{_BEFORE}\t\trun\t\t\tSTOP\t4.000\ta.mp4\t100\tNA\t
{_BEFORE}\tRex\trun\t\t\tSTOP\t5.000\ta.mp4\t125\tNA\t
{_BEFORE}\t\thit\t\t\tPOINT\t6.250\ta.mp4\t156\tNA\t
"""
TABULAR_7 = """Observation id,one,,,,,,,\r
,,,,,,,,\r
Media file(s),,,,,,,,\r
,,,,,,,,\r
Player #1,a.mp4,,,,,,,\r
,,,,,,,,\r
Time offset (s),1.0,,,,,,,\r
,,,,,,,,\r
Time,Media file path,Total length,FPS,Subject,Behavior,Behavioral category,Comment,Status\r
2.500,a.mp4,60.000,25.0,,run,,,START\r
5.000,a.mp4,60.000,25.0,,run,,,STOP\r
"""


def project(observation: dict[str, Any]) -> str:
    """A project with one observation of files."""
    behaviors = [("run", "State event"), ("hit", "Point event"), ("turn", "State event with coding map")]
    conf = {
        str(number): {"type": type, "key": code[0], "code": code, "description": "", "modifiers": {}}
        for number, (code, type) in enumerate(behaviors)
    }
    defaults = {"type": "MEDIA", "date": "2024-05-01T10:00:00", "time offset": 0.0, "events": []}
    files = {"file": {"1": ["a.mp4"], "2": []}, "media_info": {"length": {"a.mp4": 60.0}, "offset": {"1": 0.0}}}
    return json.dumps(
        {
            "project_format_version": "7.0",
            "behaviors_conf": conf,
            "subjects_conf": {},
            "observations": {"one": defaults | files | observation},
        }
    )


def test_aggregated_events_are_segments_of_the_files_that_are_shown(tmp_path: Path) -> None:
    assert read(tmp_path, AGGREGATED) == (
        Segment("/home/anna/a.mp4", 1.5, 4.0, "run"),
        Segment("/home/anna/a.mp4", 6.25, 6.25, "hit"),
        Segment("b.mp4", 8.0, 10.0, "run"),
        Segment("c.mp4", 0.0, 4.0, "run"),
    )


def test_starts_and_stops_are_paired_by_subject(tmp_path: Path) -> None:
    assert read(tmp_path, TABULAR_9) == (
        Segment("a.mp4", 1.5, 4.0, "run"),
        Segment("a.mp4", 2.0, 5.0, "run"),
        Segment("a.mp4", 6.25, 6.25, "hit"),
    )


def test_tables_of_version_7_have_lines_before_their_header(tmp_path: Path) -> None:
    assert read(tmp_path, TABULAR_7) == (Segment("a.mp4", 1.5, 4.0, "run"),)


def test_states_of_a_project_are_paired_and_moments_stay_moments(tmp_path: Path) -> None:
    events = [
        [5.0, "", "run", "", "", 125],
        [1.5, "", "run", "", "", 37],
        [2.0, "", "hit", "", ""],
        [3.0, "Rex", "run", "", "", 75],
        [4.0, "Rex", "run", "", "note", "NA"],
        [6.0, "", "turn", "left", ""],
        [7.0, "", "turn", "right", ""],
        [8.0, "", "turn", "left", ""],
        [9.0, "", "turn", "right", ""],
    ]
    assert read(tmp_path, project({"events": events, "time offset": 1.0})) == (
        Segment("a.mp4", 0.5, 4.0, "run"),
        Segment("a.mp4", 1.0, 1.0, "hit"),
        Segment("a.mp4", 2.0, 3.0, "run"),
        Segment("a.mp4", 5.0, 7.0, "turn"),
        Segment("a.mp4", 6.0, 8.0, "turn"),
    )


def test_files_in_a_row_and_files_side_by_side_have_times_of_their_own(tmp_path: Path) -> None:
    observation = {
        "file": {"1": ["a.mp4", "b.mp4"], "2": ["c.mp4"]},
        "media_info": {"length": {"a.mp4": 10.0, "b.mp4": 10.0, "c.mp4": 30.0}, "offset": {"1": 0.0, "2": 4.0}},
        "events": [[2.0, "", "run", "", ""], [12.0, "", "run", "", ""], [10.0, "", "hit", "", ""]],
    }
    assert read(tmp_path, project(observation)) == (
        Segment("a.mp4", 2.0, 10.0, "run"),
        Segment("b.mp4", 0.0, 0.0, "hit"),
        Segment("b.mp4", 0.0, 2.0, "run"),
        Segment("c.mp4", 0.0, 8.0, "run"),
        Segment("c.mp4", 6.0, 6.0, "hit"),
    )


def test_live_observations_have_no_video(tmp_path: Path) -> None:
    assert read(tmp_path, project({"type": "LIVE", "file": [], "events": [[2.0, "", "run", "", ""]]})) == ()


@pytest.mark.parametrize(
    ("observation", "message"),
    [
        (
            {"events": [[2.0, "", "run", "", ""]]},
            "observation 'one', event 1: 'run' starts at 2 s and is never stopped.",
        ),
        ({"events": [[-2.0, "", "hit", "", ""]]}, "observation 'one', event 1: starts at -2 s, expected 0 s or later."),
        ({"events": [[70.0, "", "hit", "", ""]]}, "event 1: starts at 70 s, but 'a.mp4' ends at 60 s. Correct it."),
        ({"events": [[2.0, "", "", "", ""]]}, "event 1: has no label. Give it one, or take it away."),
        (
            {"events": [["soon", "", "hit"]]},
            "event 1 is ['soon', '', 'hit'], expected a time, a subject and a behavior.",
        ),
        ({"events": [[]]}, "event 1 is [], expected a time"),
        ({"events": 5}, "cannot be used (observations.one.events: Input should be a valid list, got 5)"),
        ({"file": {"1": []}, "events": []}, "observation 'one': has no media file. Add it in BORIS, or delete the"),
        ({"media_creation_date_as_offset": True}, "observation 'one': counts from the dates of its files."),
        (
            {"file": {"1": ["a.mp4", "b.mp4"]}, "media_info": {}, "events": [[1.0, "", "hit", "", ""]]},
            "'a.mp4', 'b.mp4' are shown in a row, and their lengths are missing. Read the project (.boris).",
        ),
    ],
)
def test_a_wrong_project_is_explained(tmp_path: Path, observation: dict[str, Any], message: str) -> None:
    assert message in rejection(tmp_path, project(observation))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            TABULAR_9.replace("STOP\t5.000", "START\t5.000"),
            "row 5: 'run' is never stopped. Add what is missing in BORIS",
        ),
        (TABULAR_9.replace("START\t2.000", "STOP\t2.000"), "row 3: 'run' is never started."),
        (TABULAR_9.replace("POINT", "LINE"), "row 6: got the type 'LINE', expected START, STOP or POINT."),
        (TABULAR_9.replace("6.250", "soon"), "row 6: got 'soon' as Time, expected seconds."),
        (TABULAR_7.replace("a.mp4,60", "NA,60"), "row 10: names no video. Export observations of media files only."),
        (AGGREGATED.replace("1.500,4.000", "4.000,1.500"), "row 2: ends at 1.5 s, before its start at 4 s."),
        (AGGREGATED.replace("10.000;20.000", "NA;20.000"), "are shown in a row, and their lengths are missing."),
    ],
)
def test_a_wrong_table_is_explained(tmp_path: Path, content: str, message: str) -> None:
    assert message in rejection(tmp_path, content)


@given(rows())
def test_a_project_is_read_as_it_was(drawn: Rows) -> None:
    segments = made(drawn, 1000.0)
    assert boris_projects.segments_of(Path("p"), json.loads(boris_projects.project_text(segments, {}))) == segments


@given(rows())
def test_aggregated_events_are_read_as_they_were(drawn: Rows) -> None:
    segments = made(drawn, 1000.0)
    text = decode(
        boris_events.events_text(segments, {path: MediaFacts(1001.0, 25.0) for path in segments.paths}).encode()
    )
    assert boris_events.segments_of(Path("p"), text) == segments


def test_a_project_has_what_boris_asks_of_one(tmp_path: Path) -> None:
    """The keys that `open_project_json` and the opening of an observation look up without asking."""
    segments = Segments([Segment("é.mp4", 1.0, 2.0, "run", 0.5), Segment("é.mp4", 1.5, 3.0, "run")])
    write_segments(tmp_path / "p.boris", segments, media={"b.mp4": MediaFacts(9.0, 25.0)})
    content = json.loads((tmp_path / "p.boris").read_bytes().decode("ascii"))
    assert content["project_format_version"] == "7.0"
    assert {"subjects_conf", "behaviors_conf", "observations", "independent_variables"} <= content.keys()
    assert {each["name"] for each in content["subjects_conf"].values()} == {"also 2"}
    assert content["observations"].keys() == {"b.mp4", "é.mp4"}
    assert content["observations"]["é.mp4"]["events"] == [
        [1.0, "", "run", "", "confidence 0.500", "NA"],
        [1.5, "also 2", "run", "", "", "NA"],
        [2.0, "", "run", "", "confidence 0.500", "NA"],
        [3.0, "also 2", "run", "", "", "NA"],
    ]
    for observation in content["observations"].values():
        assert {"time offset", "description", "date", "type", "file", "media_info", "events"} <= observation.keys()
        assert all(path in observation["media_info"]["hasVideo"] for path in observation["file"]["1"])
    assert read_segments(tmp_path / "p.boris").paths == ["é.mp4"]


def test_what_never_ends_needs_a_length(tmp_path: Path) -> None:
    endless = Segments([Segment("a.mp4", 1.0, float("inf"), "run")])
    with pytest.raises(AnnotationError, match=r"'run' lasts to the end of 'a.mp4', whose length is not known"):
        write_segments(tmp_path / "p.boris", endless, media={})
    write_segments(tmp_path / "p.boris", endless, media={"a.mp4": MediaFacts(duration=9.0)})
    assert read_segments(tmp_path / "p.boris") == (Segment("a.mp4", 1.0, 9.0, "run"),)
