"""Files that anybody may have written: small ones are read whole and checked by their schema; one line says why not.

read_bytes ─▶ read_text ─▶ read_yaml       settings
          └─▶ read_json                    what runs, evaluations and jobs leave: a dataclass is the schema
check_regular                              before a library opens a file itself: safetensors, Parquet

Only regular files are opened: a FIFO would be waited for, and a device has no end.
"""

import os
import reprlib
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from unreel.errors import UnreelError
from unreel.text import excerpt

Content = TypeVar("Content")

LARGEST = 1 << 28
"""Bytes of a text that is read whole: a hundred times a large result."""
LARGEST_SETTINGS = 1 << 20
_DEEPEST, _MOST_VALUES = 20, 100_000
_VALUES = (str, int, float, bool, type(None), list, dict)
_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


@dataclass(frozen=True)
class FileSchema:
    """What a file is expected to be: `error` is raised where it is not, and `advice`, a sentence, ends its message."""

    error: type[UnreelError]
    advice: str

    def error_for(self, path: Path, fault: str) -> UnreelError:
        """The error of a file with that fault."""
        return self.error(f"{path} {fault}. {self.advice}")


@dataclass(frozen=True)
class _Format:
    format: str | None = None


def check_regular(path: Path, wanted: FileSchema) -> int:
    """The size in bytes of a file that may be opened.

    Raises:
        UnreelError: as `wanted` says, where it is not there or no regular file.
    """
    try:
        return _size(path.stat(), path, wanted)
    except (OSError, ValueError) as error:  # no path of this system has a zero byte
        raise wanted.error_for(path, f"cannot be read ({reason(error)})") from None


def read_bytes(path: Path, wanted: FileSchema, most: int = LARGEST) -> bytes:
    """The content of a regular file of at most so many bytes.

    Raises:
        UnreelError: as `wanted` says.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            large = _size(os.fstat(file.fileno()), path, wanted) > most
            content = b"" if large else file.read(most + 1)
    except (OSError, ValueError) as error:
        raise wanted.error_for(path, f"cannot be read ({reason(error)})") from None
    if large or len(content) > most:  # it may have grown, and files of /proc tell no size
        raise wanted.error_for(path, f"has more than {most:,} bytes")
    return content


def read_text(path: Path, wanted: FileSchema, most: int = LARGEST) -> str:
    """The text of a UTF-8 file.

    Raises:
        UnreelError: as `wanted` says.
    """
    try:
        return read_bytes(path, wanted, most).decode()
    except UnicodeDecodeError as error:
        raise wanted.error_for(path, f"is no text in UTF-8 ({error.reason} at byte {error.start})") from None


def read_json(path: Path, kind: type[Content], wanted: FileSchema, *, format: str = "") -> Content:
    """What a JSON file says, checked: a dataclass, or whatever else pydantic has a schema for.

    `format` is what its entry of that name must be; default: it needs none.

    Raises:
        UnreelError: as `wanted` says.
    """
    content = read_bytes(path, wanted)
    if format and (found := parse_json(content, _Format, path, wanted).format) != format:
        raise wanted.error_for(path, f"has the format {brief(found)}, expected {format!r}")
    return parse_json(content, kind, path, wanted)


def read_words(path: Path, wanted: FileSchema) -> dict[str, str]:
    """The texts of a JSON file, by their names.

    Raises:
        UnreelError: as `wanted` says.
    """
    content = read_json(path, dict, wanted)
    if strange := next((name for name, text in content.items() if not isinstance(text, str)), None):
        raise wanted.error_for(path, f"has {brief(content[strange])} as {brief(strange)}, expected a text")
    return content


def parse_json(content: bytes | str, kind: type[Content], path: Path, wanted: FileSchema) -> Content:
    """As `read_json`, of a text that stands in the file `path`.

    Raises:
        UnreelError: as `wanted` says.
    """
    found: Content = _fitting(_schema(kind).validate_json, content, path, wanted)
    return found


def checked(content: object, kind: type[Content], path: Path, wanted: FileSchema) -> Content:
    """As `read_json`, of what was read of the file `path` already.

    Raises:
        UnreelError: as `wanted` says.
    """
    found: Content = _fitting(_schema(kind).validate_python, content, path, wanted)
    return found


def _fitting(validate: Callable[[Any], Any], content: object, path: Path, wanted: FileSchema) -> Any:
    from pydantic import ValidationError

    try:
        return validate(content)
    except ValidationError as error:
        raise wanted.error_for(path, f"cannot be used ({fault_of(error)})") from None


def read_yaml(path: Path, wanted: FileSchema) -> dict[str, Any]:
    """The `name: value` lines of a YAML file, values within values among them.

    Raises:
        UnreelError: as `wanted` says.
    """
    import yaml

    text = read_text(path, wanted, LARGEST_SETTINGS)
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise wanted.error_for(path, f"is not YAML ({excerpt(error)})") from None
    except RecursionError:
        raise wanted.error_for(path, "is nested too deeply") from None
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # a date of month 13, a !!int of no digits
        raise wanted.error_for(path, f"is not YAML ({type(error).__name__}: {excerpt(error)})") from None
    if not isinstance(content, dict):
        raise wanted.error_for(path, f"holds {type(content).__name__}, expected `name: value` lines")
    if strange := [name for name in content if not isinstance(name, str)]:
        raise wanted.error_for(path, f"has the name {brief(strange[0])}, expected words as names")
    _check_extent(content, path, wanted)
    return content


def fault_of(error: Any) -> str:
    """The first fault that pydantic has found, where it is, and how many others there are."""
    first, count = error.errors(include_url=False)[0], error.error_count()
    place = ".".join(str(part) for part in first["loc"])
    got = f", got {brief(first['input'])}" if place and first["type"] != "missing" else ""
    more = f"; and {count - 1} more" if count > 1 else ""
    return f"{excerpt(place)}{': ' if place else ''}{first['msg'].removeprefix('Value error, ')}{got}{more}"


def reason(error: OSError | ValueError) -> str:
    """Why a file cannot be opened, in the system's words."""
    return getattr(error, "strerror", None) or str(error)


def brief(value: object) -> str:
    """A value in at most some 80 letters, however large it is."""
    try:
        return _short.repr(value)
    except ValueError:  # more digits than Python spells
        return f"a very long {type(value).__name__}"


_schemas: dict[Any, Any] = {}
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def _schema(kind: Any) -> Any:
    """The schema of a kind of content, made once: that of a large one takes longer than to read a small file."""
    if kind not in _schemas:
        from pydantic import TypeAdapter

        _schemas[kind] = TypeAdapter(kind)
    return _schemas[kind]


def _size(facts: os.stat_result, path: Path, wanted: FileSchema) -> int:
    kind = stat.S_IFMT(facts.st_mode)
    if kind != stat.S_IFREG:
        raise wanted.error_for(path, f"is {_KINDS.get(kind, 'a device')}, expected a file")
    return facts.st_size


def _check_extent(content: dict[str, Any], path: Path, wanted: FileSchema) -> None:
    """Anchors let a few lines of YAML stand for more values than any memory holds, or for themselves."""
    level: list[Any] = [content]
    for _ in range(_DEEPEST):
        inside = (value.values() if isinstance(value, dict) else value for value in level)
        level = list(islice(chain.from_iterable(inside), _MOST_VALUES + 1))
        if len(level) > _MOST_VALUES:
            raise wanted.error_for(path, f"holds more than {_MOST_VALUES:,} values")
        strange = [value for value in level if type(value) not in _VALUES or (type(value) is int and abs(value) >> 63)]
        if strange:
            raise wanted.error_for(path, f"holds {brief(strange[0])}, expected texts, numbers and lists of these")
        level = [value for value in level if isinstance(value, dict | list)]
        if not level:
            return
    raise wanted.error_for(path, "is nested too deeply")
