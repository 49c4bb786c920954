"""Files of annotations, and segments drawn by hypothesis as rows, of which a test makes them."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import strategies as st

from unreel.annotations.segments import Segment, Segments, read_segments
from unreel.annotations.values import Rate
from unreel.errors import CollectionError

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=9,
).filter(lambda text: text.strip() == text)
LABEL = st.sampled_from(["run", "walk", "é <&> \"'", "a,b;c"]) | TEXT
Rows = Sequence[tuple[str, int, int, str, float | None]]


def read(folder: Path, content: str | bytes, rate: Rate | None = None) -> Segments:
    """The segments of a file with that content."""
    file = folder / "given"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_segments(file, frame_rate=rate)


def rejection(folder: Path, content: str | bytes) -> str:
    """What is told of a file with that content."""
    with pytest.raises(CollectionError) as error:
        read(folder, content)
    return str(error.value)


def rows(paths: st.SearchStrategy[str] = TEXT, longest: int = 1_000_000) -> st.SearchStrategy[Rows]:
    """Path, start, end (some unit), label and confidence of a few segments."""
    time = st.integers(0, longest)
    return st.lists(st.tuples(paths, time, time, LABEL, st.none() | st.floats(0, 1)), max_size=6)


def made(drawn: Rows, unit: float, confident: bool = False, moments: bool = True) -> Segments:
    """The segments of such rows, their times in a unit (seconds)."""
    return Segments(
        Segment(
            path,
            min(one, other) / unit,
            (max(one, other) + (one == other and not moments)) / unit,
            label,
            confidence if confident else None,
        )
        for path, one, other, label, confidence in drawn
    )
