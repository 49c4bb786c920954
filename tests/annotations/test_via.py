"""VIA 3: projects as version 3.0.11 saves them, and both tables, after `_via_data.js` and `_via_import_export.js`."""

import json
from pathlib import Path
from typing import Any

import pytest
from annotated import Rows, made, read, rejection, rows
from hypothesis import given

from unreel.annotations import via
from unreel.annotations.segments import MediaFacts, Segment, Segments, read_segments, write_segments

ATTRIBUTES = {
    "1": {
        "aname": "behaviour",
        "anchor_id": "FILE1_Z2_XY0",
        "type": 4,
        "desc": "",
        "options": {"0": "run", "1": "walk"},
        "default_option_id": "",
    },
    "2": {"aname": "note", "anchor_id": "FILE1_Z2_XY0", "type": 1, "desc": "", "options": {}, "default_option_id": ""},
    "3": {
        "aname": "scene",
        "anchor_id": "FILE1_Z0_XY0",
        "type": 2,
        "desc": "",
        "options": {"a": "park", "b": "rain"},
        "default_option_id": "",
    },
}
SEGMENT = {"vid": "1", "flg": 0, "z": [1.5, 4.0], "xy": [], "av": {"1": "0", "2": "fast"}}


def project(*metadata: dict[str, Any], attributes: dict[str, Any] = ATTRIBUTES) -> str:
    """A project of two videos and a picture."""
    files = [("C:\\fakepath\\a.mp4", 4, 1, ""), ("b.mp4", 4, 2, "https://example.org/b.mp4"), ("c.png", 2, 1, "")]
    return json.dumps(
        {
            "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.1", "vid_list": ["1", "2", "3"]},
            "config": {"file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}}, "ui": {}},
            "attribute": attributes,
            "file": {
                str(number): {"fid": number, "fname": name, "type": type, "loc": loc, "src": src}
                for number, (name, type, loc, src) in enumerate(files, start=1)
            },
            "view": {str(number): {"fid_list": [number]} for number in (1, 2, 3)},
            "metadata": {f"1_{number}": each for number, each in enumerate(metadata)},
        }
    )


def test_options_are_labels_of_times_and_of_whole_files(tmp_path: Path) -> None:
    content = project(
        SEGMENT,
        SEGMENT | {"vid": "2", "z": [3], "av": {"1": "1"}},
        SEGMENT | {"vid": "2", "z": [], "av": {"3": "a,b"}},
        SEGMENT | {"z": [], "av": {"1": "0", "3": ""}},
        SEGMENT | {"xy": [2, 10, 10, 50, 50], "av": {"9": "a box"}},
        SEGMENT | {"vid": "3"},
        attributes=ATTRIBUTES | {"4": {"anchor_id": "FILE1_Z1_XY0", "options": {"1": "hit"}}},
    )
    content = content.replace('"z": [3], "xy": [], "av": {"1": "1"}', '"z": [3], "xy": [], "av": {"4": "1"}')
    assert read(tmp_path, content) == (
        Segment("C:\\fakepath\\a.mp4", 1.5, 4.0, "run"),
        Segment("https://example.org/b.mp4", 0.0, float("inf"), "park"),
        Segment("https://example.org/b.mp4", 0.0, float("inf"), "rain"),
        Segment("https://example.org/b.mp4", 3.0, 3.0, "hit"),
    )


def test_texts_are_labels_where_there_is_nothing_to_choose(tmp_path: Path) -> None:
    segments = read(tmp_path, project(SEGMENT | {"av": {"2": " fast "}}, attributes={"2": ATTRIBUTES["2"]}))
    assert segments.labels == ["fast"]


HEADER = "# Exported using VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)\n"
TABLE = f"""{HEADER}# Notes:
# - temporal coordinate of [4.633] denotes a still video frame at 4.633 sec.
# SHAPE_ID = {{"POINT":1}}
# ATTRIBUTE = {json.dumps(ATTRIBUTES)}
# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata
"1_a","[""a, b.mp4""]",0,"[1.5,4]","[]","{{""1"":""0"",""2"":""fast""}}"
"1_b","[""a, b.mp4""]",0,"[2]","[2,1,1,5,5]","{{""1"":""0""}}"
"""
SEGMENTS_TABLE = f"""{HEADER}# CSV_HEADER = metadata_id,file_list,temporal_segment_start,temporal_segment_end,metadata
"1_a","[""a, b.mp4""]",1.5,4,"{{""behaviour"":""run""}}"
"""


@pytest.mark.parametrize("content", [TABLE, SEGMENTS_TABLE, TABLE.replace("\n", "\r\n"), "\ufeff" + SEGMENTS_TABLE])
def test_both_tables_are_read(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content) == (Segment("a, b.mp4", 1.5, 4.0, "run"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (project(SEGMENT | {"z": [4.0, 1.5]}), "metadata '1_0': ends at 1.5 s, before its start at 4 s."),
        (project(SEGMENT | {"av": {}}), "metadata '1_0': has no label. Give it one, or take it away."),
        (
            project(SEGMENT | {"vid": "7"}),
            "metadata '1_0': is of the view '7', whose files are missing. Save it again.",
        ),
        (project(SEGMENT | {"z": [1, 2, 3]}), "metadata '1_0': has 3 times, expected a start and an end."),
        (project(SEGMENT | {"z": ["soon"]}), "cannot be used (metadata.1_0.z.0: Input should be a valid number"),
        (project(SEGMENT | {"z": [-1, 3]}), "starts at -1 s, expected 0 s or later."),
        (TABLE.replace("[1.5,4]", "[1.5,"), "given, row 7: cannot be used (Invalid JSON"),
        (TABLE.replace('"[1.5,4]"', '"[1.5,4"]'), "given cannot be read as a table of labels"),
        (SEGMENTS_TABLE.replace("1.5,4", "undefined,4"), "given, row 3: cannot be used (Invalid JSON"),
        (
            SEGMENTS_TABLE.replace('"[""a, b', '"[""\udc80').encode("utf-8", "surrogateescape"),
            "row 3: is not in UTF-8. Export it again.",
        ),
    ],
)
def test_what_is_wrong_is_explained(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert message in rejection(tmp_path, content)


@given(drawn=rows())
def test_a_project_is_read_as_it_was(drawn: Rows) -> None:
    segments = Segments([*made(drawn, 7.0), Segment("a.mp4", 0.0, float("inf"), "all")])
    assert via.segments_of(Path("p"), json.loads(via.project_text(segments, {}))) == segments


def test_a_project_has_what_via_looks_up(tmp_path: Path) -> None:
    """What `project_load_json`, `_cache_update` and `_group_init` of VIA 3 use without asking."""
    segments = Segments([Segment("run/a.mp4", 1.0, 2.0, "run", 0.5)])
    media = {"b.mp4": MediaFacts(), "run/a.mp4": MediaFacts(address="https://example.org/a.mp4")}
    write_segments(tmp_path / "p.json", segments, media=media, format="via")
    content = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))
    assert content["project"]["data_format_version"] == "3.1.1"
    assert content["config"]["file"]["loc_prefix"].keys() == {"1", "2", "3", "4"}
    for vid in content["project"]["vid_list"]:
        assert all(fid in content["file"] for fid in content["view"][vid]["fid_list"])
    assert [(each["src"], each["loc"]) for each in content["file"].values()] == [
        ("b.mp4", 3),
        ("https://example.org/a.mp4", 2),
    ]
    for metadata in content["metadata"].values():
        assert metadata["vid"] in content["view"]
        assert all(value in content["attribute"][aid]["options"] for aid, value in metadata["av"].items())
    assert read_segments(tmp_path / "p.json") == (Segment("https://example.org/a.mp4", 1.0, 2.0, "run"),)
