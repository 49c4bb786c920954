"""Which rows: the conditions of `--where`.

    label != 'walk'
    label IN ('run', 'jump') AND end < 12.5
    NOT (id LIKE 'park/%' OR source = '/videos/old')

A condition compares a column with a text in single quotes or with a number: = != <> < <= > >=, BETWEEN, IN, LIKE (% for
any characters, _ for one) and ILIKE (the same for small and capital letters), joined by AND, OR, NOT and parentheses.
Nothing else is understood: what reaches the database is written anew from what was understood here, and can name
nothing but columns and values.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

import pyarrow as pa
import pyarrow.compute as pc

from unreel.errors import SettingsError
from unreel.search.rows import COLUMNS
from unreel.text import quoted

MOST_WORDS = 500
DEEPEST = 20

Value = str | int | float
Comparison = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE"]

_COMPARED: dict[str, Callable[[pc.Expression, pc.Expression], pc.Expression]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}
_MIRRORED: dict[str, Comparison] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_WORD = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*') | (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?) |
        (?P<name>[A-Za-z_]\w*|"\w+"|`\w+`) | (?P<sign><=|>=|<>|!=|==|[=<>(),])
    )""",
    re.VERBOSE | re.ASCII,
)
_KEYWORDS = frozenset({"AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "BETWEEN"})
_LARGEST = 2**53  # beyond it, numbers of tables and of filters could differ though they look the same


@dataclass(frozen=True)
class Compared:
    """A column compared with a value."""

    column: str
    sign: Comparison
    value: Value

    def sql(self) -> str:
        """As SQL."""
        return f"(`{self.column}` {self.sign} {_quoted(self.value)})"

    def expression(self) -> pc.Expression:
        """As a condition of pyarrow."""
        if self.sign in ("LIKE", "ILIKE"):
            return pc.match_like(pc.field(self.column), str(self.value), ignore_case=self.sign == "ILIKE")
        return _COMPARED[self.sign](pc.field(self.column), pc.scalar(self.value))


@dataclass(frozen=True)
class Within:
    """A column that has one of some values."""

    column: str
    values: tuple[Value, ...]

    def sql(self) -> str:
        """As SQL."""
        return f"(`{self.column}` IN ({', '.join(map(_quoted, self.values))}))"

    def expression(self) -> pc.Expression:
        """As a condition of pyarrow."""
        return pc.field(self.column).isin(pa.array(self.values, COLUMNS[self.column]))


@dataclass(frozen=True)
class Not:
    """The contrary of a condition."""

    part: "Filter"

    def sql(self) -> str:
        """As SQL."""
        return f"(NOT {self.part.sql()})"

    def expression(self) -> pc.Expression:
        """As a condition of pyarrow."""
        return ~self.part.expression()


@dataclass(frozen=True)
class Joined:
    """Conditions that all hold (AND), or of which one does (OR)."""

    how: Literal["AND", "OR"]
    parts: tuple["Filter", ...]

    def sql(self) -> str:
        """As SQL."""
        return f"({f' {self.how} '.join(part.sql() for part in self.parts)})"

    def expression(self) -> pc.Expression:
        """As a condition of pyarrow."""
        first, *others = (part.expression() for part in self.parts)
        for each in others:
            first = first & each if self.how == "AND" else first | each
        return first


Filter = Compared | Within | Not | Joined


def parse_filter(text: str) -> Filter:
    """The condition that a text is.

    Raises:
        SettingsError: it is none; one line says where it stops making sense.
    """
    return _Parser(text).whole()


def all_of(*filters: Filter | None) -> Filter | None:
    """The condition that all these hold, or None where there are none."""
    given = tuple(each for each in filters if each is not None)
    return Joined("AND", given) if len(given) > 1 else (given[0] if given else None)


def columns_of(condition: Filter) -> set[str]:
    """The columns that a condition looks at."""
    if isinstance(condition, Joined):
        return set().union(*(columns_of(part) for part in condition.parts))
    return columns_of(condition.part) if isinstance(condition, Not) else {condition.column}


def _quoted(value: Value) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


@final
class _Parser:
    """Reads a condition word by word; an OR of ANDs of conditions."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = self._split()
        self._at = 0
        self._depth = 0

    def whole(self) -> Filter:
        condition = self._either()
        if self._at < len(self._words):
            raise self._error("AND, OR or the end")
        return condition

    def _split(self) -> list[tuple[str, str, int]]:
        """Kind, text and place of every word."""
        words: list[tuple[str, str, int]] = []
        place, end = 0, len(self._text.rstrip())
        while place < end:
            match = _WORD.match(self._text, place)
            if match is None or match.lastgroup is None:
                self._words, self._at = [*words, ("", self._text[place:end].strip(), place)], len(words)
                raise self._error("a column, a sign, a number, or a text in single quotes")
            kind, word = match.lastgroup, match[match.lastgroup]
            if kind == "name" and word.upper() in _KEYWORDS:
                kind, word = "keyword", word.upper()
            words.append((kind, {"<>": "!=", "==": "="}.get(word, word), match.start(match.lastgroup)))
            place = match.end()
        if len(words) > MOST_WORDS:
            raise SettingsError(f"a filter of {len(words)} words was given, expected at most {MOST_WORDS}: shorten it.")
        return words

    def _error(self, expected: str) -> SettingsError:
        where = "its end"
        if self._at < len(self._words):
            rest = self._text[self._words[self._at][2] :].strip()
            where = repr(rest if len(rest) <= 20 else rest[:20] + "…")
        return SettingsError(
            f"filter {quoted(self._text)} makes no sense at {where}: expected {expected}. Write it like "
            f"\"label != 'walk' AND start < 12.5\"; the columns are {', '.join(COLUMNS)}."
        )

    def _next_is(self, *words: str) -> bool:
        kind, word, _ = self._words[self._at] if self._at < len(self._words) else ("", "", 0)
        return kind in ("keyword", "sign") and word in words

    def _take(self, *words: str) -> bool:
        found = self._next_is(*words)
        self._at += found
        return found

    def _need(self, *words: str) -> None:
        if not self._take(*words):
            raise self._error(" or ".join(words))

    def _either(self) -> Filter:
        parts = [self._both()]
        while self._take("OR"):
            parts.append(self._both())
        return Joined("OR", tuple(parts)) if len(parts) > 1 else parts[0]

    def _both(self) -> Filter:
        parts = [self._one()]
        while self._take("AND"):
            parts.append(self._one())
        return Joined("AND", tuple(parts)) if len(parts) > 1 else parts[0]

    def _one(self) -> Filter:
        if not self._next_is("NOT", "("):
            return self._condition()
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error(f"at most {DEEPEST} parentheses and NOTs within each other")
        if self._take("NOT"):
            condition: Filter = Not(self._one())
        else:
            self._need("(")
            condition = self._either()
            self._need(")")
        self._depth -= 1
        return condition

    def _condition(self) -> Filter:
        if self._at < len(self._words) and self._words[self._at][0] in ("text", "number"):
            place = self._at
            self._at += 1
            sign = self._sign()
            column = self._column()
            end, self._at = self._at, place
            value = self._value(column)
            self._at = end
            return Compared(column, _MIRRORED[sign], value)
        column = self._column()
        negated = self._take("NOT")
        if negated and not self._next_is("IN", "LIKE", "ILIKE", "BETWEEN"):
            raise self._error("IN, LIKE, ILIKE or BETWEEN")
        condition = self._compared(column)
        return Not(condition) if negated else condition

    def _compared(self, column: str) -> Filter:
        if self._take("IN"):
            self._need("(")
            values = [self._value(column)]
            while self._take(","):
                values.append(self._value(column))
            self._need(")")
            return Within(column, tuple(values))
        if self._take("LIKE"):
            return Compared(column, "LIKE", self._pattern(column))
        if self._take("ILIKE"):
            return Compared(column, "ILIKE", self._pattern(column))
        if self._take("BETWEEN"):
            low = self._value(column)
            self._need("AND")
            return Joined("AND", (Compared(column, ">=", low), Compared(column, "<=", self._value(column))))
        return Compared(column, self._sign(), self._value(column))

    def _sign(self) -> Comparison:
        for sign in _MIRRORED:
            if self._take(sign):
                return sign  # type: ignore[return-value]  # the keys are those of Comparison, but LIKE and ILIKE
        raise self._error("a comparison")

    def _column(self) -> str:
        kind, word, _ = self._words[self._at] if self._at < len(self._words) else ("", "", 0)
        name = word.strip('"`').lower()
        if kind != "name" or name not in COLUMNS:
            raise self._error("a column")
        self._at += 1
        return name

    def _value(self, column: str) -> Value:
        """A value of the column's type."""
        wants_text = COLUMNS[column] == pa.string()
        kind, word, _ = self._words[self._at] if self._at < len(self._words) else ("", "", 0)
        if kind != ("text" if wants_text else "number"):
            raise self._error(f"a {'text in single quotes' if wants_text else 'number'} for {column}")
        value: Value = word[1:-1].replace("''", "'") if wants_text else float(word)
        if isinstance(value, str) and not _is_text(value):
            raise self._error("a text without characters that no text has")
        if not isinstance(value, str) and not abs(value) <= _LARGEST:
            raise self._error("a number that is not so large")
        if COLUMNS[column] == pa.int64() and not isinstance(value, str):
            if value != int(value):
                raise self._error(f"a whole number for {column}")
            value = int(value)
        self._at += 1
        return value

    def _pattern(self, column: str) -> str:
        if COLUMNS[column] != pa.string():
            raise self._error(f"a comparison with a number for {column}")
        pattern = str(self._value(column))
        if "\\" in pattern:
            self._at -= 1
            raise self._error("a pattern without backslashes: _ stands for any character")
        return pattern


def _is_text(value: str) -> bool:
    """Whether databases can hold it: no NUL, and no half of a character."""
    return not any(letter == "\0" or "\ud800" <= letter < "\ue000" for letter in value)
