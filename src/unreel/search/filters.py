"""Which rows: the conditions of `--where`.

    label != 'walk'
    label IN ('run', 'jump') AND end < 12.5
    NOT (id LIKE 'park/%' OR source = '/videos/old')

A condition compares a column with a text in single quotes or with a number: = != <> < <= > >=, BETWEEN, IN, LIKE (% for
any characters, _ for one) and ILIKE (the same for small and capital letters), joined by AND, OR, NOT and parentheses.
sqlglot reads the words, and knows no others than these; what it makes of them is looked at piece by piece. What reaches
the database is written anew from that, and can name nothing but columns and values.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, NewType

import pyarrow as pa
from sqlglot import Dialect, TokenType, exp
from sqlglot.errors import ErrorLevel, ParseError, TokenError
from sqlglot.tokens import Tokenizer

from unreel.errors import SettingsError
from unreel.search.rows import COLUMNS
from unreel.text import quoted

MOST_WORDS = 500
DEEPEST = 20

Filter = NewType("Filter", str)
"""A condition as SQL, made here and nowhere else."""
Value = str | int | float
Comparison = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE"]

_SIGNS: dict[type[exp.Expr], Comparison] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.Like: "LIKE",
    exp.ILike: "ILIKE",
}
_MIRRORED: dict[Comparison, Comparison] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_UNDERSTOOD = {"this", "expression", "expressions", "low", "high", "negate"}
"""Of what sqlglot may say of a part of a condition."""
_ONE, _SHALLOW = "a column and a comparison with it", f"at most {DEEPEST} parentheses and NOTs within each other"
_LARGEST = 2**53  # beyond it, numbers of tables and of filters could differ though they look the same


class _Conditions(Dialect):
    class Tokenizer(Tokenizer):
        QUOTES, IDENTIFIERS, STRING_ESCAPES = ["'"], ['"', "`"], ["'"]
        COMMENTS: ClassVar[list[str | tuple[str, str]]] = []
        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            word: Tokenizer.KEYWORDS[word]
            for word in ("AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "BETWEEN", "==", "!=", "<>", "<=", ">=")
        }


def parse_filter(text: str) -> Filter:
    """The condition that a text is.

    Raises:
        SettingsError: it is none; one line says where it stops making sense.
    """
    try:
        return _condition(_parsed(text))
    except _Fault as fault:
        at = repr(fault.where if len(fault.where) <= 20 else fault.where[:20] + "…") if fault.where else "its end"
        raise SettingsError(
            f"filter {quoted(text)} makes no sense at {at}: expected {fault.expected}. Write it like "
            f"\"label != 'walk' AND start < 12.5\"; the columns are {', '.join(COLUMNS)}."
        ) from None


def compared(column: str, sign: Comparison, value: Value) -> Filter:
    """A column compared with a value."""
    return Filter(f"(`{column}` {sign} {_quoted(value)})")


def within(column: str, values: Sequence[Value]) -> Filter:
    """A column that has one of some values."""
    return Filter(f"(`{column}` IN ({', '.join(map(_quoted, values))}))")


def negated(condition: Filter) -> Filter:
    """The contrary of a condition."""
    return Filter(f"(NOT {condition})")


def joined(conditions: Sequence[Filter], how: Literal["AND", "OR"]) -> Filter:
    """Conditions that all hold (AND), or of which one does (OR)."""
    return Filter(f"({f' {how} '.join(conditions)})")


def all_of(*conditions: Filter | None) -> Filter | None:
    """The condition that all these hold, or None where there are none."""
    given = [each for each in conditions if each is not None]
    return joined(given, "AND") if len(given) > 1 else (given[0] if given else None)


def _quoted(value: Value) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


class _Fault(Exception):
    """A part of a condition that is something else than `expected`."""

    def __init__(self, where: exp.Expr | str, expected: str) -> None:
        self.where = where if isinstance(where, str) else where.sql(_Conditions)
        self.expected = expected


def _parsed(text: str) -> exp.Expr:
    """What sqlglot takes a text for."""
    if any(letter == "\0" or "\ud800" <= letter < "\ue000" for letter in text):
        raise _Fault(text, "a text without characters that no text has")
    dialect = _Conditions()
    try:
        words = dialect.tokenize(text)
        if len(words) > MOST_WORDS:
            raise SettingsError(f"a filter of {len(words)} words was given, expected at most {MOST_WORDS}: shorten it.")
        found = dialect.parser(error_level=ErrorLevel.IMMEDIATE).parse(words, text)
    except ParseError as error:
        odd = error.errors[0]
        raise _Fault(
            odd["highlight"] + odd["end_context"], ")" if ")" in odd["description"] else "another word"
        ) from None
    except TokenError:
        raise _Fault("", "texts in single quotes that end") from None
    except RecursionError:
        raise _Fault(text, _SHALLOW) from None
    if len(found) != 1 or found[0] is None:
        raise _Fault("", _ONE)
    return found[0]


def _condition(node: exp.Expr, depth: int = 0) -> Filter:
    """What sqlglot has read, if it is a condition, and nothing else."""
    if depth > DEEPEST:
        raise _Fault(node, _SHALLOW)
    if unknown := {name for name, value in node.args.items() if value} - _UNDERSTOOD:
        raise _Fault(node, f"a comparison without {', '.join(sorted(unknown))}")
    match node:
        case exp.And() | exp.Or():
            parts = [_condition(each, depth) for each in node.flatten(unnest=False)]
            return joined(parts, "AND" if isinstance(node, exp.And) else "OR")
        case exp.Paren():
            return _condition(node.this, depth + 1)
        case exp.Not():
            return negated(_condition(node.this, depth + 1))
    comparison = _comparison(node)
    return negated(comparison) if node.args.get("negate") else comparison


def _comparison(node: exp.Expr) -> Filter:
    match node:
        case exp.Between():
            column = _column(node.this)
            low, high = (_value(node.args[name], column) for name in ("low", "high"))
            return joined([compared(column, ">=", low), compared(column, "<=", high)], "AND")
        case exp.In():
            column = _column(node.this)
            return within(column, [_value(each, column) for each in node.expressions or [node]])
        case exp.Like() | exp.ILike():
            column = _column(node.this)
            return compared(column, _SIGNS[type(node)], _pattern(node.expression, column))
    if type(node) not in _SIGNS:
        raise _Fault(node, _ONE)
    sign, sides = _SIGNS[type(node)], (node.this, node.expression)
    if isinstance(node.this, exp.Literal):
        sign, sides = _MIRRORED[sign], (node.expression, node.this)
    column = _column(sides[0])
    return compared(column, sign, _value(sides[1], column))


def _column(node: exp.Expr) -> str:
    name = node.name.lower()
    if not isinstance(node, exp.Column) or node.table or name not in COLUMNS:
        raise _Fault(node, "a column")
    return name


def _value(node: exp.Expr, column: str) -> Value:
    """A value of the column's type."""
    wants_text = COLUMNS[column] == pa.string()
    literal = node.this if isinstance(node, exp.Neg) and not wants_text else node
    if not isinstance(literal, exp.Literal) or literal.is_string != wants_text:
        raise _Fault(node, f"a {'text in single quotes' if wants_text else 'number'} for {column}")
    if wants_text:
        return str(literal.this)
    try:
        value = float(literal.this) * (1 if literal is node else -1)
    except ValueError:  # such as 1e
        raise _Fault(node, f"a number for {column}") from None
    if not abs(value) <= _LARGEST:
        raise _Fault(node, "a number that is not so large")
    if COLUMNS[column] == pa.int64() and value != int(value):
        raise _Fault(node, f"a whole number for {column}")
    return int(value) if COLUMNS[column] == pa.int64() else value


def _pattern(node: exp.Expr, column: str) -> str:
    if COLUMNS[column] != pa.string():
        raise _Fault(node, f"a comparison with a number for {column}")
    pattern = str(_value(node, column))
    if "\\" in pattern:
        raise _Fault(node, "a pattern without backslashes: _ stands for any character")
    return pattern
