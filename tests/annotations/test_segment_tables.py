"""Tables of segments: as people write them, as unreel writes them, and what is told of others."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from annotated import TEXT, read, rejection
from hypothesis import given
from hypothesis import strategies as st

from unreel.annotations import tables
from unreel.annotations.cells import decode
from unreel.annotations.segments import MediaFacts, Segment, Segments, read_segments, write_segments
from unreel.errors import CollectionError, OverwriteError, SettingsError

SECONDS = st.floats(0, 1e6)
TWO = Segments([Segment("a.mp4", 1.5, 4.0, "run"), Segment("b c.mp4", 62.5, 66.5, "walk")])


ROW = st.tuples(TEXT, SECONDS, SECONDS | st.just(math.inf), TEXT, st.none() | st.floats(0, 1), TEXT | st.just(""))
ROWS = st.lists(ROW, max_size=5)
Rows = list[tuple[str, float, float, str, float | None, str]]


def segments_of(rows: Rows) -> Segments:
    """Segments with whatever a table may say."""
    return Segments(
        Segment(path, min(one, other), max(one, other), label, confidence, fact, fact)
        for path, one, other, label, confidence, fact in rows
    )


@given(rows=ROWS)
def test_a_table_that_unreel_writes_is_read_as_it_was(rows: Rows) -> None:
    segments = segments_of(rows)
    assert tables.segments_of(Path("t.csv"), decode(tables.table_text(segments, {}).encode()), None) == segments


@pytest.mark.parametrize(
    "content",
    [
        "path,start,end,label\na.mp4,1.5,4,run\nb c.mp4,62.5,66.5,walk\n",
        "label,Start Time,End Time,Video\nrun,0:01.5,0:04,a.mp4\nwalk,00:01:02.500,00:01:06.5,b c.mp4\n",
        "\ufeffvideo;onset;duration;behavior\r\na.mp4;1,5;2,5;run\r\nb c.mp4;0:01:02,5;4,0;walk\r\n",
        "file\tbegin\tstop\tclass\na.mp4\t1.5\t4\trun\nb c.mp4\t62.5\t66.5\twalk\n",
        "path,start_ms,end_ms,label\na.mp4,1500,4000,run\nb c.mp4,62500,66500,walk\n",
        "path,start_frame,end_frame,label\na.mp4,30,80,run\nb c.mp4,1250,1330,walk\n",
        "path,start_frame,duration_frames,label\na.mp4,30,50,run\nb c.mp4,1250,80,walk\n",
        "path,frame_start,frame_end,start,end,action\na.mp4,0,0,1.5,4,run\nb c.mp4,0,0,62.5,66.5,walk\n",
        "path,start,end,unit,label\na.mp4,30,80,frames,run\nb c.mp4,62.5,66.5,s,walk\n",
        ",path,t_start,t_end,whatever\n0,a.mp4,1.5,4,run\n1,b c.mp4,62.5,66.5,walk\n",
        "path\tfrom\tto\tlabel\r\na.mp4\t1.5\t4\trun\r\nb c.mp4\t62.5\t66.5\twalk\r\n".encode("utf-16"),
    ],
)
def test_tables_of_people_and_programs(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, content, 20.0) == TWO


def test_what_a_table_says_besides_is_kept(tmp_path: Path) -> None:
    table = "path,start,end,label,score,Split,group,notes\n/far/a.mp4,0,inf,run,.5,test,anna,x\nC:\\b.mp4,1,1,hit,,,,\n"
    assert read(tmp_path, table) == (
        Segment("/far/a.mp4", 0.0, math.inf, "run", 0.5, "test", "anna"),
        Segment("C:\\b.mp4", 1.0, 1.0, "hit"),
    )


def test_frames_may_have_times_of_their_own(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("path,start_frame,end_frame,label\na.mp4,2,3,run\nb.mp4,2,3,run\n")
    times = {"a.mp4": [0.0, 0.1, 0.5, 0.6], "b.mp4": [0.0, 1.0, 2.0, 4.0]}
    found = read_segments(table, frame_rate=lambda path, frame: times[path][frame])
    assert [(segment.start, segment.end) for segment in found] == [(0.5, 0.6), (2, 4)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,start,end,label\na.mp4,4,1.5,run\n", "given, row 2: ends at 1.5 s, before its start at 4 s. Correct"),
        ("path,start,end,label\na.mp4,-1,1.5,run\n", "given, row 2: starts at -1 s, expected 0 s or later."),
        ("path,start,end,label\n\na.mp4,inf,inf,run\n", "row 3: starts at inf s"),
        ("path,start,end,label\na.mp4,1,,run\n", "row 2: got '' as end, expected seconds or hh:mm:ss.mmm."),
        ("path,start,end,label\na.mp4,soon,2,run\n", "row 2: got 'soon' as start, expected seconds or hh"),
        ("path,start,end,label\na.mp4,1:61,2,run\n", "row 2: got '1:61' as start"),
        ("path,start,end,label\na.mp4,nan,2,run\n", "row 2: got 'nan' as start"),
        ("path,start,end,label,score\na.mp4,1,2,run,high\n", "row 2: got 'high' as confidence, expected"),
        ("path,start,end,label,score\na.mp4,1,2,run,inf\n", "row 2: has the confidence inf, expected a number."),
        ("path,start,end,label\na.mp4,1,2, \n", "row 2: has no label. Give it one, or take it away."),
        ("path,start,end,label\n,1,2,run\n", "row 2: names no video. Name its file."),
        ("path,start_frame,end_frame,label\na.mp4,1,2,run\n", "row 2: gives frames, and the frame rate is not known."),
        ("path,start,end,unit,label\na.mp4,1,2,weeks,run\n", "row 2: got the unit 'weeks', expected s, ms or frames."),
        ("path,start,label\na.mp4,1,run\n", "has the header 'path,start,label', expected one column 'start' and one"),
        ("path,start,onset,end,label\na.mp4,1,1,2,run\n", "expected one column 'start' and one 'end'"),
        ("path,start,end,mood,verb\na.mp4,1,2,x,y\n", "has the header 'path,start,end,mood,verb', expected one colu"),
        ("start,end,label\n1,2,run\n", "given begins with 'start,end,label'. Expected a table (path,start,end,label),"),
        ("path,start,end,label\na.mp4,1\n", "given, row 2: has 2 cells, expected 4 as in the header"),
        (b"path,start,end,label\na.mp4,1,2,\xe9t\xe9\n", "row 2: is not in UTF-8. Save it as UTF-8"),
        (b"\0\0\0\x18ftypmp42", "given cannot be read (it holds bytes that are no text)."),
        ("", "given begins with ''. Expected a table"),
    ],
)
def test_a_wrong_table_is_explained(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert message in rejection(tmp_path, content)


def test_frames_that_are_none_are_explained(tmp_path: Path) -> None:
    for frame in ("1.5", "-1", "1e300"):
        with pytest.raises(CollectionError, match=r"row 2: got the frame .*, expected a number from 0"):
            read(tmp_path, f"path,start_frame,end_frame,label\na.mp4,{frame},2e300,run\n", 25.0)
    with pytest.raises(SettingsError, match=r"got the frame rate 0.0, expected frames a second"):
        read(tmp_path, "path,start,end,label\n", 0.0)


def test_a_written_file_is_read_back(tmp_path: Path) -> None:
    write_segments(tmp_path / "t.csv", TWO, media={})
    assert read_segments(tmp_path / "t.csv") == TWO


def test_what_lasts_to_the_end_is_written_with_the_length(tmp_path: Path) -> None:
    whole = Segments([Segment("a.mp4", 0.0, math.inf, "run")])
    write_segments(tmp_path / "t.csv", whole, media={"a.mp4": MediaFacts(duration=7.5)})
    assert read_segments(tmp_path / "t.csv") == (Segment("a.mp4", 0.0, 7.5, "run"),)


def test_a_suffix_of_no_format_is_explained(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"t.txt: no format alone has this suffix, expected .csv"):
        write_segments(tmp_path / "t.txt", TWO, media={})


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("mine")
    with pytest.raises(OverwriteError):
        write_segments(tmp_path / "t.csv", TWO, media={})
    assert (tmp_path / "t.csv").read_text() == "mine"


@given(rows=ROWS)
def test_overlaps_are_those_of_all_pairs(rows: Rows) -> None:
    segments = Segments(replace(segment, path=segment.path[0]) for segment in segments_of(rows))
    pairs = [(one, other) for place, one in enumerate(segments) for other in segments[place + 1 :]]
    shared = [
        (one, other)
        for one, other in pairs
        if one.path == other.path and min(one.end, other.end) > max(one.start, other.start)
    ]
    assert sorted(segments.overlaps(), key=repr) == sorted(shared, key=repr)
