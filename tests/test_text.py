"""Text that others have written, on its way to a terminal, a message, JSON and a spreadsheet."""

import csv
import io
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import SettingsError, UnreelError
from unreel.text import (
    as_json,
    comma_separated,
    defused,
    duration_text,
    excerpt,
    first_of,
    one_line,
    quoted,
    size_text,
    unbroken,
    undefused,
    width_of,
    wrapped,
)

OBEYED = [*map(chr, [*range(32), *range(127, 160), 0x61C, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF, 0xDC9B, 0xD800])]
OBEYED += [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xE0041)]


def test_what_a_screen_obeys_is_shown() -> None:
    assert one_line("a\x1b]0;owned\x07\n\r\t\x9b2J\u202e\x7f") == r"a\x1b]0;owned\x07\n\r\t\x9b2J\u202e\x7f"
    assert one_line("x\udcff\udc9b.mp4") == r"x\xff\x9b.mp4"
    assert one_line("\ud800\U000e0041") == r"\ud800\U000e0041"
    for letter in OBEYED:
        assert one_line(f"a{letter}b").isascii(), ascii(letter)
    for text in ("Übung 日本 👨‍👩‍👧 نص می‌خواهم", "a b c", "c:\\videos\\n.mp4"):
        assert one_line(text) == text


@given(st.text())
def test_json_is_exact_and_harmless(text: str) -> None:
    written = as_json({text: [text]})
    assert json.loads(written) == {text: [text]}
    assert not set(written) & (set(OBEYED) - {"\n"})


def test_a_message_holds_200_characters_of_foreign_text() -> None:
    endless = "begin " + "x y\n" * 50_000 + " end"
    for shown in (excerpt(endless), quoted(endless), excerpt(ValueError(endless)), excerpt("\x00" * 300)):
        assert len(shown) <= 200
        assert "\n" not in shown
    assert excerpt(endless).startswith("begin ")
    assert excerpt(endless).endswith(" end")
    assert excerpt(ValueError("a\n   b")) == "a b"
    assert quoted("it's") == '"it\'s"'
    assert first_of(["a", "b\n", "c"], 2) == r"'a', 'b\n', …"


def test_each_argument_of_an_error_is_one_line() -> None:
    error = SettingsError("a\nforged", "  b\x1b[2J")
    assert str(error) == "a\\nforged\n  b\\x1b[2J"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(UnreelError()) == ""


@pytest.mark.parametrize("foreign", ["x" * 100_000, "it is 'so' " * 9000, "\n" * 100_000, "\\" * 100_000])
def test_no_error_is_endless(foreign: str) -> None:
    """Quoted in any way, it leaves what is to be done to be read."""
    told = str(UnreelError(f"/some/{'folder/' * 20}x.csv begins with {foreign!r}, expected a header. Mend it."))
    assert len(told) < 500
    assert told.startswith("/some/folder/")
    assert told.endswith("expected a header. Mend it.")
    many = str(UnreelError(f"its encoders are: {', '.join([foreign[:90]] * 5000)}. Choose one."))
    assert len(many) <= 2000
    assert many.endswith("Choose one.")


def test_paths_of_errors_are_whole() -> None:
    path = "/data/" + "/".join(["a folder"] * 100) + "/x.mp4"
    assert path in str(UnreelError(f"{path} is no video."))


DANGEROUS = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "'=1", "''@"]


@pytest.mark.parametrize("cell", DANGEROUS)
def test_spreadsheets_compute_nothing(cell: str) -> None:
    assert defused(cell) == f"'{cell}"
    assert undefused(defused(cell)) == cell


@given(st.text())
def test_every_cell_comes_back(text: str) -> None:
    assert undefused(defused(text)) == text


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=2, max_size=2)))
def test_a_table_reads_back(rows: list[list[str]]) -> None:
    written = comma_separated(["path", "label"], rows).encode().decode("utf-8-sig")
    read = csv.reader(io.StringIO(written, newline=""), strict=True, skipinitialspace=True)
    assert [[undefused(cell) for cell in row] for row in read] == [["path", "label"], *rows]


def test_numbers_stay_numbers() -> None:
    assert comma_separated(["n", "a name"], [[-1.5, None], [3, "-3"], [True, "\udcff"]]) == (
        '\ufeffn,"a name"\n-1.5,\n3,"\'-3"\nTrue,"\\udcff"\n'
    )


def test_lines_break_between_words_and_names_do_not() -> None:
    long = "/videos/" + "x" * 30
    assert wrapped("  12 videos in one two", 14) == ["  12 videos in", "      one two"]
    assert wrapped(f"found in {long} today", 20) == ["found in", f"    {long}", "    today"]
    assert wrapped(f"in {unbroken('a b c d e')} f", 9) == ["in", "    a b c d e", "    f"]
    assert wrapped("  scan  tell what can be used", 26) == ["  scan  tell what can be", "        used"]
    assert wrapped("  scan     tell what can be used", 30) == ["  scan     tell what can be", "      used"]
    assert wrapped("a b c", 4, hang=0, room=1) == ["a b", "c"]
    assert wrapped(unbroken("a b") * 3, None) == ["a ba ba b"]
    assert [width_of(text) for text in ("ab", "日本", "e\u0301")] == [2, 4, 1]


@given(st.text("ab \x1f日", max_size=60), st.integers(1, 30))
def test_no_word_is_broken_or_lost(line: str, width: int) -> None:
    parts = wrapped(line, width)
    assert " ".join(parts).split() == line.replace("\x1f", " ").split()
    for part in parts:
        assert width_of(part) <= width or len(part.split()) <= 1 or "\x1f" in line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (4.23, "4.2 s"),
        (59.94, "59.9 s"),
        (59.99, "1 min 0 s"),
        (185.0, "3 min 5 s"),
        (7800.0, "2 h 10 min"),
        (3599.9, "1 h 0 min"),
        (200_000.0, "55 h 33 min"),
    ],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (812_000, "812 kB"), (1_400_000_000, "1.4 GB"), (9_700_000_000_000_000, "9,700.0 TB")],
)
def test_sizes_in_words(size: int, text: str) -> None:
    assert size_text(size) == text
