"""Whatever bytes a file of annotations holds: its segments are read, or a sentence says why not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotated import read
from damage import OF_ANY
from hypothesis import given
from hypothesis import strategies as st
from test_boris import AGGREGATED, TABULAR_7, project
from test_elan import alignable, document, reference
from test_label_studio import CHOICE, SOUND, TIMELINE, export
from test_via import SEGMENT, TABLE
from test_via import project as via_project

from unreel.annotations.segments import read_segments
from unreel.errors import CollectionError

BORIS = project({"events": [[1.5, "", "run", "", ""], [2.0, "", "hit", "", ""], [4.0, "", "run", "", ""]]})
JSON = [BORIS, via_project(SEGMENT), export(TIMELINE, SOUND, CHOICE)]
FILES = [
    *JSON,
    'path,start,end,label,score\na.mp4,1.5,0:04,run,.5\n"b, c.mp4",62.5,66.5,walk,\n',
    AGGREGATED,
    TABULAR_7,
    document(alignable(1, 1, 2, "a"), alignable(2, 2, 4, "b"), reference(3, 1, "c")),
    TABLE,
]
ODD: st.SearchStrategy[object] = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1e308,
        -1e308,
        10**400,
        float("nan"),
        float("inf"),
        "",
        "inf",
        "\ud800",
        "\x1b[2J",
        [],
        {},
        [[]],
    ]
)
# no bytes, some from elsewhere, a piece of the file, what begins or ends something in one of the formats
PIECES = st.binary(max_size=4) | st.sampled_from(
    [b'"', b"\n", b",", b"\t", b"<", b"]", b"{", b"\0", b"1e999", b"-", b";"]
)


def told(folder: Path, content: bytes) -> None:
    """Read a file; an error is one line that names it."""
    try:
        read(folder, content, 25.0)
    except CollectionError as error:
        assert "given" in str(error)
        assert "\n" not in str(error)
        assert "\x1b" not in str(error)


@given(
    file=st.sampled_from(FILES),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), PIECES), min_size=1, max_size=4),
)
def test_changed_bytes_are_read_or_told(
    tmp_path_factory: pytest.TempPathFactory, file: str, changes: list[tuple[float, int, bytes]]
) -> None:
    content = file.encode()
    for share, length, piece in changes:
        place = int(share * len(content))
        content = content[:place] + piece + content[place + length :]
    told(tmp_path_factory.getbasetemp(), content)


@given(file=st.sampled_from(JSON), share=st.floats(0, 1), odd=ODD)
def test_odd_values_are_read_or_told(
    tmp_path_factory: pytest.TempPathFactory, file: str, share: float, odd: object
) -> None:
    content = json.loads(file)
    places = list(_places(content))
    container, key = places[min(int(share * len(places)), len(places) - 1)]
    container[key] = odd
    told(tmp_path_factory.getbasetemp(), json.dumps(content).encode())


def _places(value: Any) -> Any:
    """Every place in JSON that holds a value."""
    if isinstance(value, dict | list):
        for key, inside in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(inside)


@pytest.mark.parametrize("damage", OF_ANY.values(), ids=OF_ANY)
@pytest.mark.parametrize("file", FILES, ids=["boris", "via", "label-studio", "table", "events", "old", "elan", "rows"])
def test_damaged_files_are_read_or_told(tmp_path: Path, file: str, damage: Callable[[Path], object]) -> None:
    place = tmp_path / "given"
    place.write_text(file)
    damage(place)
    try:
        read_segments(place, frame_rate=25.0)
    except CollectionError as error:
        assert str(place) in str(error)
