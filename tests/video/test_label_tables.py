"""Tables of labels as pandas, Excel, R and unreel write them, and what is told of others."""

import os
from pathlib import Path

import pytest
from folders import make
from hypothesis import given
from hypothesis import strategies as st
from test_path_lists import ANY_NAME, read, rejection

from unreel.errors import CollectionError
from unreel.text import comma_separated
from unreel.video.collection.label_tables import read_table

LABEL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8).map(str.strip)
COLUMN = st.text(st.sampled_from("ab,;\t \"'=é"), min_size=1, max_size=4).filter(lambda text: text.strip() == text)
WALK_RUN = {"clips/v1.mp4": {"label": "walk"}, "clips/v 2.mp4": {"label": "run"}}


@given(
    names=st.sets(ANY_NAME, min_size=1, max_size=4),
    columns=st.lists(COLUMN | st.sampled_from(["file", "video", "Path"]), min_size=1, max_size=3, unique=True),
    data=st.data(),
)
def test_a_table_that_unreel_writes_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, names: set[bytes], columns: list[str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("written")
    paths = [
        os.fsencode(path).decode("utf-8", "backslashreplace")
        for path in make(folder, *map(os.fsdecode, names)).iterdir()
    ]
    if data.draw(st.booleans()):
        paths = [path.removeprefix(f"{folder}/") for path in paths]
    rows = {path: data.draw(st.lists(LABEL, min_size=len(columns), max_size=len(columns))) for path in paths}
    table = folder / "labels of my.csv"
    table.write_text(
        comma_separated(["path", *columns], [[path, *row] for path, row in rows.items()]), encoding="utf-8"
    )
    assert read_table(table) == {
        path: {column: label for column, label in zip(columns, row, strict=True) if label} for path, row in rows.items()
    }


@pytest.mark.parametrize(
    "content",
    [
        "path,label\nclips/v1.mp4,walk\nclips/v 2.mp4,run\n",
        "Path,label\nclips/v1.mp4,walk\n./clips/v 2.mp4,run\n",
        "\ufeffVideo_Path;label\r\nclips/v1.mp4;walk\r\nclips/v 2.mp4;run\r\n",
        "label\tfile name\nwalk\tclips/v1.mp4\nrun\tclips/v 2.mp4\n",
        ",path,label\n0,clips/v1.mp4,walk\n1,clips/v 2.mp4,run\n",
        "Unnamed: 0.1,Unnamed: 0,path,label\n0,0,clips/v1.mp4,walk\n1,1,clips/v 2.mp4,run\n",
        ",path,label\n117,clips/v1.mp4,walk\n9,clips/v 2.mp4,run\n",
        '"","path","label"\n"1","clips/v1.mp4","walk"\n"2","clips/v 2.mp4","run"\n',
        '"path" "label"\n"1" "clips/v1.mp4" "walk"\n"2" "clips/v 2.mp4" "run"\n',
        '"path"\t"label"\n"3"\t"clips/v1.mp4"\t"walk"\n"2"\t"clips/v 2.mp4"\t"run"\n',
        "sep=;\r\npath;label;\r\nclips\\v1.mp4;walk;\r\n;;\r\nclips\\v 2.mp4;run;\r\n",
        "path,label,,\nclips/v1.mp4,walk\nclips/v 2.mp4,run,\n",
        "path,label\rclips/v1.mp4,walk\rclips/v 2.mp4,run\r",
        "path , label\nclips/v1.mp4 , walk\n clips/v 2.mp4 ,run \n",
        'path,label\n"clips/v1.mp4","walk"\n"clips/v 2.mp4","run"\n\n\n',
        "path\tlabel\nclips/v1.mp4\twalk\nclips/v 2.mp4\trun\n".encode("utf-16"),
        b"\xfe\xff" + "path\tlabel\r\nclips/v1.mp4\twalk\r\nclips/v 2.mp4\trun\r\n".encode("utf-16-be"),
    ],
)
def test_tables_of_other_programs(tmp_path: Path, content: str | bytes) -> None:
    make(tmp_path, "clips/v1.mp4", "clips/v 2.mp4")
    assert read(tmp_path, content) == WALK_RUN


def test_a_table_may_have_paths_alone(tmp_path: Path) -> None:
    assert read(tmp_path, "video\nclips/v1.mp4\n") == {"clips/v1.mp4": {}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "path,label,start,end\na.mp4,walk,0,2\n",
            "F/t.csv: times in a video ('start', 'end') are no labels of the whole. Take those",
        ),
        ("path,Start Time,label\na.mp4,0,walk\n", "times in a video ('Start Time') are"),
        ("path,t_start,t_end\na.mp4,0,1\n", "times in a video ('t_start', 't_end')"),
        ("path,time_start,label\na.mp4,0,1\n", "times in a video ('time_start')"),
        ("path,begin,stop,label\na.mp4,0,1,walk\n", "times in a video ('begin', 'stop')"),
        ("path,onset,duration\na.mp4,0,1\n", "times in a video ('onset', 'duration')"),
        ("file,video,label\na.mp4,b,walk\n", "'file' and 'video' may each be the paths of the videos. Call one 'path'"),
        ("path,action,action\na.mp4,a,b\n", "F/t.csv has the header 'path,action,action', expected different names."),
        ("path,,label\na.mp4,5,walk\nb.mp4,5,walk\n", "column 2 of the header 'path,,label' has no name and does not"),
        ("path,label\na.mp4,walk,fast\n", "row 2: has 3 cells, expected 2 as in the header 'path,label'."),
        ("path,label\n\na.mp4\n", "row 3: has 1 cells, expected 2 as in the header 'path,label'."),
        ("path,label\n,walk\n", "row 2: names no video"),
        (
            "path,label\na.mp4,walk\n./a.mp4,run\n",
            "row 3: names 'a.mp4' again, after row 2 and with other labels. Keep",
        ),
        ("path,label\na.mp4,walk\nb/../a.mp4,walk\n", "row 3: names 'b/../a.mp4' again, after row 2. Keep one row for"),
        ("path,label\nhttp://a.org/b.mp4,walk\n", "row 2: 'http://a.org/b.mp4' is an address, expected a path."),
        (
            b"path,label\na.mp4,\xe9t\xe9\n",
            r"row 2: '\xe9t\xe9' is not in UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8).",
        ),
        (b"path,label\nb\xe9.mp4,walk\n", r"row 2: 'b\xe9.mp4' is not in UTF-8."),
        ("path,label\nsub,walk\n", "row 2: 'F/sub' is a folder, expected a video."),
        ('path,label\n"a.mp4" x,walk\n', "F/t.csv cannot be read as a table of labels: ',' expected after '\"'."),
    ],
)
def test_a_wrong_table_is_explained(tmp_path: Path, content: str | bytes, message: str) -> None:
    make(tmp_path, "a.mp4", "sub/b.mp4")
    assert message in rejection(tmp_path, content, "t.csv")


@pytest.mark.parametrize("column", ["duration", "stop", "from", "begin", "end of day", "restart", "Label"])
def test_what_only_sounds_like_a_time_is_a_label(tmp_path: Path, column: str) -> None:
    assert read(tmp_path, f"path,{column}\na.mp4,x\n") == {"a.mp4": {column: "x"}}


@pytest.mark.parametrize(
    "rows", [["0", "0", "1"], ["1", "2", ""], ["0.5", "1", "2"], ["a", "b", "c"], ["-1", "0", "1"]]
)
def test_only_a_column_that_numbers_rows_is_left_out(tmp_path: Path, rows: list[str]) -> None:
    table = ",path,label\n" + "".join(f"{row},{number}.mp4,walk\n" for number, row in enumerate(rows))
    assert "column 1 of the header ',path,label' has no name and does not number the rows" in rejection(tmp_path, table)


def test_a_table_without_paths_is_none(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("name;class\na.mp4;walk\n")
    with pytest.raises(CollectionError, match=r"t.csv begins with 'name;class', expected a header with a column of pa"):
        read_table(table)
    with pytest.raises(CollectionError, match=r"none.csv cannot be read as a table of labels: .*Save it as CSV in UTF"):
        read_table(tmp_path / "none.csv")
