"""Conditions: what is understood, what is skipped, and that the database and slow Python agree on them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import rows_for, write_rows

from unreel.errors import SettingsError
from unreel.search.filters import Filter, compared, joined, negated, parse_filter, within
from unreel.search.rows import COLUMNS, EmbeddingRow
from unreel.search.table import EmbeddingTable

TEXTS = [name for name, type_ in COLUMNS.items() if type_ == pa.string() and name != "labels"]
NUMBERS = [name for name, type_ in COLUMNS.items() if type_ == pa.float64()]
WHOLE = [name for name, type_ in COLUMNS.items() if type_ == pa.int64()]
LABELS = ("walk", "it's", "", "100 % \n", "ä_b", "WALK")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[EmbeddingRow], EmbeddingTable]:
    folder = tmp_path_factory.mktemp("tables")
    rows = [row for number, label in enumerate(LABELS) for row in rows_for(number, 2, label)]
    vectors = np.ones((len(rows), 4), np.float32)
    write_rows(folder / "lance", rows, vectors)
    return rows, EmbeddingTable.open(folder / "lance")


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("label != 'walk'", "(`label` != 'walk')"),
        ("label <> 'it''s'", "(`label` != 'it''s')"),
        ("12.5 > end", "(`end` < 12.5)"),
        ("SIZE in (3,5) and `Start` >= -1e-2", "((`size` IN (3, 5)) AND (`start` >= -0.01))"),
        ("label ilike 'A%'", "(`label` ILIKE 'A%')"),
        ("not (id like 'a%' or path not like '_')", "(NOT ((`id` LIKE 'a%') OR (NOT (`path` LIKE '_'))))"),
        ('"end" between 1 and 2.5', "((`end` >= 1.0) AND (`end` <= 2.5))"),
        ("label='a' or label='b' and size=1", "((`label` = 'a') OR ((`label` = 'b') AND (`size` = 1)))"),
    ],
)
def test_what_is_understood(text: str, sql: str) -> None:
    assert parse_filter(text) == sql


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "makes no sense at its end: expected a column and a comparison with it"),
        ("lable = 'walk'", "at 'lable': expected a column"),
        ("label = walk", "at 'walk': expected a text in single quotes for label"),
        ("label = 3", "at '3': expected a text in single quotes for label"),
        ("start < '3'", "at \"'3'\": expected a number for start"),
        ("label = = 'x'", "at \"= 'x'\": expected another word"),
        ("label", "at 'label': expected a column and a comparison with it"),
        ("label = 'x' label = 'y'", "at \"= 'y'\": expected another word"),
        ("(label = 'x'", "at \"'x'\": expected )"),
        ("label = 'x", "at its end: expected texts in single quotes that end"),
        ("label not = 'x'", "at \"not = 'x'\": expected another word"),
        ("start like '1%'", "expected a comparison with a number for start"),
        ("label like 'a\\b'", "expected a pattern without backslashes"),
        ("label like any ('a')", "expected a text in single quotes for label"),
        ("label in ()", "expected a text in single quotes for label"),
        ("label in ('a') = 'x'", "expected a column"),
        ("size < 1.5", "at '1.5': expected a whole number for size"),
        ("start < 1e999", "expected a number that is not so large"),
        ("start < 1e30", "expected a number that is not so large"),
        ("start < 1e", "at '1e': expected a number for start"),
        ("start < 0x10", "expected a comparison without alias"),
        ("0 < start < 2", "at '0 < start': expected a column"),
        ("label = '\0'", "expected a text without characters that no text has"),
        ("lower(label) = 'x'", "at 'LOWER(label)': expected a column"),
        ("other.label = 'x'", "at 'other.label': expected a column"),
        ("label = 'x'; label = 'y'", "expected a column and a comparison with it"),
        ("label = 'x'; DROP TABLE embeddings", "at 'embeddings': expected another word"),
        ("label = (select 1)", "at '1)': expected )"),
        ("label = ('x')", "expected a text in single quotes for label"),
        ("label = 'x' -- comment", "expected a text in single quotes for label"),
        ("label = 'x' /* comment */", "expected another word"),
        ("label = ?", "at '?': expected a text in single quotes for label"),
        ("1 = 1", "at '1': expected a column"),
        ("NOT " * 21 + "label = 'x'", "expected at most 20 parentheses and NOTs within each other"),
        ("(" * 240 + "label = 'x'" + ")" * 240, "expected at most 20 parentheses and NOTs within each other"),
        ("label = 'x'" + " or label = 'x'" * 200, "a filter of 803 words was given, expected at most 500"),
    ],
)
def test_what_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_filter(text)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message


def test_the_error_says_what_there_is() -> None:
    with pytest.raises(SettingsError, match=r"the columns are id, kind, path, .*, level\.$"):
        parse_filter("nothing")


@given(
    st.text()
    | st.lists(st.sampled_from([*COLUMNS, *"()=<>,'\"`;%", "AND", "NOT", "IN", "1", "'x'", " "])).map(" ".join)
)
def test_any_text_is_a_condition_or_skipped(text: str) -> None:
    try:
        condition = parse_filter(text)
    except SettingsError as error:
        assert "\n" not in str(error)
    else:
        assert re.sub(r"'(?:[^']|'')*'", "", condition).count("`") % 2 == 0
        assert parse_filter(condition) == condition


TEXT_VALUES = st.sampled_from([*LABELS, "walk/000.mp4", "sum1", "video"]) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5
)
PATTERNS = st.text(st.sampled_from([*"waLÄl%_0 ä\n", "%", "_"]), max_size=6)
NUMBER_VALUES = st.integers(-3, 12) | st.floats(-3, 12, allow_nan=False)
SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
# Not the conditions themselves: beartype looks at random items of a tuple, and chance is hypothesis' alone here.
SPECIFICATIONS = st.recursive(
    st.tuples(st.just(compared), st.sampled_from(TEXTS), SIGNS, TEXT_VALUES)
    | st.tuples(st.just(compared), st.sampled_from(TEXTS), st.sampled_from(["LIKE", "ILIKE"]), PATTERNS)
    | st.tuples(st.just(compared), st.sampled_from(NUMBERS), SIGNS, NUMBER_VALUES)
    | st.tuples(st.just(compared), st.sampled_from(WHOLE), SIGNS, st.integers(-3, 12))
    | st.tuples(st.just(within), st.sampled_from(WHOLE), st.lists(st.integers(-3, 12), min_size=1, max_size=3))
    | st.tuples(st.just(within), st.sampled_from(TEXTS), st.lists(TEXT_VALUES, min_size=1, max_size=3))
    | st.tuples(st.just(within), st.sampled_from(NUMBERS), st.lists(NUMBER_VALUES, min_size=1, max_size=3)),
    lambda inner: (
        st.tuples(st.just(negated), inner)
        | st.tuples(st.just(joined), st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"]))
    ),
    max_leaves=6,
)


def built(specification: Any) -> Filter:
    """The condition that a specification describes."""
    kind, *parts = specification
    if kind is negated:
        return Filter(negated(built(parts[0])))
    if kind is joined:
        return Filter(joined([built(each) for each in parts[0]], parts[1]))
    return Filter(kind(*parts))


def slowly(specification: Any, row: EmbeddingRow) -> bool:
    """The condition as a person would check it."""
    kind, *parts = specification
    if kind is negated:
        return not slowly(parts[0], row)
    if kind is joined:
        return (all if parts[1] == "AND" else any)(slowly(part, row) for part in parts[0])
    found = getattr(row, parts[0])
    if kind is within:
        return found in parts[1]
    sign, value = parts[1:]
    if sign in ("LIKE", "ILIKE"):
        flags = re.DOTALL | (re.IGNORECASE if sign == "ILIKE" else 0)
        pattern = "".join({"%": ".*", "_": "."}.get(letter) or re.escape(letter) for letter in str(value))
        return re.fullmatch(pattern, found, flags) is not None
    signs: dict[str, Callable[[], bool]] = {
        "=": lambda: found == value,
        "!=": lambda: found != value,
        "<": lambda: found < value,
        "<=": lambda: found <= value,
        ">": lambda: found > value,
        ">=": lambda: found >= value,
    }
    return signs[sign]()


@settings(max_examples=60)
@given(specification=SPECIFICATIONS)
def test_the_database_finds_what_slow_python_finds(
    specification: Any, table: tuple[list[EmbeddingRow], EmbeddingTable]
) -> None:
    rows, opened = table
    condition = parse_filter(built(specification))
    expected = sorted((row.id, row.kind, row.start) for row in rows if slowly(specification, row))
    assert [(row.id, row.kind, row.start) for row in opened.rows(condition)] == expected
    assert opened.count(where=condition) == len(expected)
    assert len(opened.vectors("clip", condition)) == sum(kind == "clip" for _, kind, _ in expected)


def test_paths_of_lists_are_found_by_name(tmp_path: Path) -> None:
    assert parse_filter(f"path = '{tmp_path}'") == f"(`path` = '{tmp_path}')"
