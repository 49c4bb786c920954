"""The one way out for text that others have written: names of files, labels, encoders, reasons, lines of their tables.

a line of the terminal, a log or an error      one_line    no control character reaches the screen, no line is forged
a part of a message                            excerpt, quoted      the same, in at most 200 characters
a name that is printed whole                   unbroken    the same, uncut, and never broken over two lines
JSON                                           as_json     exact: what a screen would obey is written as \\u001b
a table for a spreadsheet                      comma_separated      nothing is computed; `undefused` reads it back

Times and sizes are told by `duration_text` and `size_text`.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

MOST = 200
"""Characters of foreign text in a message."""
_LONGEST_LINE = 2000
# in a message: what stands between quotation marks, and what has neither spaces nor the slashes of a path
_LONG_PART = re.compile(
    rf"""(?<![^\s(])(['"])(?:\\.|(?!\1)[^\\]){{{MOST - 1},}}\1(?![^\s.,;:)])|(?<![^\s/])[^\s/]{{{MOST + 1},}}"""
)
HELD = "\x1f"
"""Stands in `unbroken` for a space at which no line is broken; in foreign text it is escaped like all its kind."""

# Controls (C0, DEL, C1), halves of surrogates, breaks of lines, and what turns the direction of writing or is not seen.
_UNSEEN = (
    "\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff"
)
_OBEYED = re.compile(f"[{_UNSEEN}]")
_SCREENED = re.compile(f"[{_UNSEEN}]".replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

_COMPUTED = re.compile(r"'*(?:\s*[=+\-@＝＋－＠]|[\t\r\n])")
_PLAIN = re.compile(r"[\w.+-]*")


def one_line(text: object) -> str:
    """The text with `\\n`, `\\x1b` or `\\u202e` for every character that a screen would obey and not show."""
    return _OBEYED.sub(_escape, str(text))


def screened(text: str) -> str:
    """The same, but with its lines and tabs: for what is printed by code that is not ours."""
    return _SCREENED.sub(_escape, text)


def excerpt(text: object, most: int = MOST) -> str:
    """The text in one line, of a long one its beginning and its end; an error's own lines are joined."""
    said = " ".join(str(text).split()) if isinstance(text, BaseException) else str(text)
    if len(said) <= most and len(shown := one_line(said)) <= most:
        return shown
    end = most // 3
    return f"{one_line(said[:most])[: most - end - 1]}…{one_line(said[-end:])[-end:]}"


def quoted(text: object, most: int = MOST) -> str:
    """An excerpt between quotation marks."""
    shown = excerpt(text, most - 2)
    return f'"{shown}"' if "'" in shown and '"' not in shown else f"'{shown}'"


def first_of(names: Sequence[object], most: int) -> str:
    """The first `most` of the names, for a message."""
    return ", ".join(map(quoted, names[:most])) + (", …" if len(names) > most else "")


def unbroken(text: object) -> str:
    """The text in one line, whole, for `console.say`, which never breaks it."""
    return one_line(text).replace(" ", HELD)


def message(line: object) -> str:
    """A line of an error: whatever stands in it, it is one line, and not endless."""
    said = _LONG_PART.sub(lambda found: excerpt(found[0]), one_line(str(line).replace(HELD, " ")))
    return said if len(said) <= _LONGEST_LINE else excerpt(said, _LONGEST_LINE)


def as_json(value: Any) -> str:
    """The value as JSON for people and programs."""
    written = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    return _SCREENED.sub(lambda found: json.dumps(found[0])[1:-1], written)


def comma_separated(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV that every spreadsheet reads as UTF-8; a cell that it would compute begins with an apostrophe."""
    lines = (",".join(map(_cell, row)) for row in (columns, *rows))
    return "\ufeff" + "".join(f"{line}\n" for line in lines)


def defused(cell: str) -> str:
    """A cell of text that no spreadsheet computes; `undefused` gives it back."""
    return f"'{cell}" if _COMPUTED.match(cell) else cell


def undefused(cell: str) -> str:
    """A cell of a table as it was before `defused`."""
    return cell[1:] if cell.startswith("'") and _COMPUTED.match(cell[1:]) else cell


def width_of(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(bool(unicodedata.combining(each)) for each in text)


def wrapped(line: str, width: int | None, hang: int = 4, room: int = 0) -> list[str]:
    """A line broken between words where it is wider than that; what follows is indented below what it belongs to.

    A word that is wider than a line, as paths are, stands whole on a line of its own. Broken lines leave `room`.
    """
    if width is None or width_of(line) <= width:
        return [line.replace(HELD, " ")]
    term = re.match(r" *(?:\S+(?: \S+)*)? {2,}(?=\S)", line)
    indent = len(line) - len(line.lstrip(" ")) + hang
    if term is not None and indent < len(term[0]) <= width // 3:
        indent = len(term[0])
    lines, current = [], ""
    for gap, word in re.findall(r"( *)([^ ]+)", line):
        held = word.replace(HELD, " ")
        if current.strip() and width_of(current + gap + held) > width - room:
            lines.append(current)
            current = " " * indent + held
        else:
            current += gap + held
    return [*lines, current]


def duration_text(seconds: float) -> str:
    """`4.2 s`, `3 min 5 s` or `2 h 10 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def size_text(count: int) -> str:
    """Bytes in decimal units: `812 kB`, `1.4 GB`."""
    if count < 1000:
        return f"{count} bytes"
    size = count / 1000
    for unit in ("kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.{int(size < 10)}f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def _cell(value: object) -> str:
    if value is None or isinstance(value, int | float):
        return "" if value is None else str(value)
    text = defused(str(value)).encode("utf-8", "backslashreplace").decode()
    return text if _PLAIN.fullmatch(text) else '"' + text.replace('"', '""') + '"'


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # a byte of a file's name that is not UTF-8
    if found[0] in _SHORT:
        return _SHORT[found[0]]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
