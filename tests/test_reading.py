"""The door for files from outside: whatever lies there, one line says why it is not read, or it is read right."""

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from damage import OF_ANY
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import CollectionError
from unreel.reading import FileSchema, brief, check_regular, read_json, read_text, read_words, read_yaml

WORDS = st.text(st.characters(codec="utf-8"))
WANTED = FileSchema(CollectionError, "Make it anew.")


@dataclass(frozen=True)
class Point:
    x: int
    names: tuple[str, ...] = ()


def skipped(said: BaseException, path: Path) -> bool:
    text = str(said)
    return text.startswith(f"{path} ") and text.endswith(". Make it anew.") and "\n" not in text and len(text) < 600


@pytest.mark.parametrize("kind", OF_ANY)
def test_whatever_lies_there_is_told(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text('{"x": 3, "names": ["a"]}\n')
    assert read_json(path, Point, WANTED) == Point(3, ("a",))
    assert read_yaml(path, WANTED) == {"x": 3, "names": ["a"]}
    OF_ANY[kind](path)
    with pytest.raises(CollectionError) as caught:
        read_json(path, Point, WANTED)
    assert skipped(caught.value, path)
    if kind not in ("an empty table", "half"):  # these are a beginning of YAML
        with pytest.raises(CollectionError) as caught:
            read_yaml(path, WANTED)
        assert skipped(caught.value, path)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('{"x": "one"}', r"cannot be used \(x: Input should be a valid integer.*, got 'one'\)"),
        ('{"names": []}', r"cannot be used \(x: Field required\)"),
        ('{"x": 1, "names": [1, 2, 3]}', r"names.0: Input should be a valid string, got 1; and 2 more\)"),
        ('{"x": 1e400}', r"cannot be used \(x: "),
        ('{"x": NaN}', r"cannot be used \(x: "),
        (json.dumps({"x": "y" * 10**6}), r"got 'yyyy"),
    ],
)
def test_a_schema_is_told_by_its_first_fault(content: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(CollectionError, match=fault) as caught:
        read_json(tmp_path / "file", Point, WANTED)
    assert skipped(caught.value, tmp_path / "file")


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[" * 100_000 + "]" * 100_000, "is nested too deeply"),
        (BOMB, "holds more than 100,000 values"),
        ("a: &a [*a]", "is nested too deeply"),
        ("a: " + "[" * 30 + "]" * 30, "is nested too deeply"),
        ("a: 2020-01-01", r"holds datetime\.date\(2020, 1, 1\), expected texts, numbers and lists"),
        ("a: 2020-13-01", r"is not YAML \(ValueError: month must be"),
        ("a: !!int ''", r"is not YAML \("),
        ("a: !!timestamp x", r"is not YAML \("),
        ("a: !!python/object/apply:os.system [ls]", "is not YAML .*could not determine a constructor"),
        ("a: 0x" + "f" * 5000, "holds a very long int, expected texts"),
        ("1: 2", "has the name 1, expected words as names"),
        ("a: b: c", "is not YAML"),
    ],
)
def test_yaml_that_is_more_than_it_seems(content: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(content)
    with pytest.raises(CollectionError, match=fault) as caught:
        read_yaml(tmp_path / "file", WANTED)
    assert skipped(caught.value, tmp_path / "file")


WORDS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers(-(2**62), 2**62) | st.floats(allow_nan=False)


@given(values=st.dictionaries(WORDS, st.none() | st.booleans() | NUMBERS | WORDS, max_size=5))
def test_yaml_that_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]) -> None:
    path = tmp_path_factory.mktemp("yaml") / "file"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    assert read_yaml(path, WANTED) == values


def test_what_may_not_be_read_or_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, why in (
        (tmp_path / "nothing", "cannot be read (No such file or directory)"),
        (tmp_path / ("n" * 300), "cannot be read (File name too long)"),
        (tmp_path / "zero\0byte", "cannot be read (embedded null byte)"),
    ):
        for read in (read_text, check_regular):
            with pytest.raises(CollectionError) as caught:
                read(path, WANTED)
            assert str(caught.value) == str(CollectionError(f"{path} {why}. Make it anew."))

    def forbidden(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / "secret").touch()
    monkeypatch.setattr(os, "open", forbidden)
    with pytest.raises(CollectionError, match=r"secret cannot be read \(Permission denied\)\. Make it anew\."):
        read_text(tmp_path / "secret", WANTED)


def test_a_long_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x" * 11)
    assert read_text(tmp_path / "file", WANTED, most=11) == "x" * 11
    with pytest.raises(CollectionError, match=r"file has more than 10 bytes\. Make it anew\."):
        read_text(tmp_path / "file", WANTED, most=10)


def test_words_are_texts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text('{"torch": "2"}')
    assert read_words(tmp_path / "file", WANTED) == {"torch": "2"}
    (tmp_path / "file").write_text('{"torch": 2}')
    with pytest.raises(CollectionError, match="has 2 as 'torch', expected a text"):
        read_words(tmp_path / "file", WANTED)


def test_what_was_got_is_told_briefly() -> None:
    assert brief([list(range(10**5))] * 10**5).count(",") < 50
    assert brief(1 << 10**5) == "a very long int"
