"""What rows of tables must be like: looked at whenever they are read, for anybody may have written a table."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Bool, Float32

from unreel.errors import CollectionError
from unreel.reading import brief
from unreel.search.metadata import TableFacts
from unreel.search.rows import COLUMNS, ORDER, schema
from unreel.video.collection.pieces import video_of

LARGEST = np.float32(1e15)
"""Of the numbers of a vector: their squares can still be added."""
LONGEST = 1e9
"""Seconds of a video."""

ADVICE = "It is damaged or not of `unreel embed`: embed the videos again, into a new table."

_UTF8 = "a text in UTF-8"


def usable(vectors: Float32[np.ndarray, "n c"]) -> Bool[np.ndarray, " n"]:
    """Which vectors can be compared: those of finite numbers that are not huge."""
    return np.asarray(np.abs(vectors).max(axis=1, initial=0) <= LARGEST)  # of what is no number that is not true


def check_schema(found: pa.Schema, width: int, place: str) -> None:
    """Reject a table that lacks a column, or has one of another type; further columns are nobody's business.

    Raises:
        CollectionError: it does.
    """
    for wanted in schema(width):
        places = found.get_all_field_indices(wanted.name)
        types = [found.field(place).type for place in places]
        if [_named(type_) for type_ in types] != [_named(wanted.type)]:
            got = " and ".join(str(type_) for type_ in types)[:200]
            raise CollectionError(
                f"{place} has {f'a column {wanted.name!r} of {got}' if got else f'no column {wanted.name!r}'}, "
                f"expected one of {wanted.type}. {ADVICE}"
            )


def checked(batches: Iterable[pa.RecordBatch], facts: TableFacts, place: str) -> Iterator[pa.RecordBatch]:
    """The same rows, each of them looked at; `place` names the table in errors.

    Raises:
        CollectionError: a value makes no sense.
    """
    for batch in batches:
        for name, good, expected in _verdicts(batch, facts):
            wrong = np.flatnonzero(~np.asarray(good))
            if len(wrong):
                row = int(wrong[0])
                whose = f" of {brief(batch['id'][row].as_py())}" if "id" in batch.schema.names and name != "id" else ""
                value = "" if name == "vector" or expected == _UTF8 else f" {brief(batch[name][row].as_py())}"
                raise CollectionError(f"{place} holds the {name}{value}{whose}, expected {expected}. {ADVICE}")
        yield batch


def check_distinct(table: pa.Table, place: str) -> None:
    """Reject rows that nothing tells apart; they are sorted.

    Raises:
        CollectionError: there are two such rows.
    """
    count = max(0, len(table) - 1)
    same = [pc.equal(table[name].slice(1), table[name].slice(0, count)) for name in ORDER]
    twice = pc.index(pc.and_(pc.and_(*same[:2]), same[2]), True).as_py() if count else -1
    if twice >= 0:
        identity, kind, start = (table[name][twice].as_py() for name in ORDER)
        raise CollectionError(f"{place} holds two rows of the {kind} {brief(identity)} at {start:g} s. {ADVICE}")


def _named(type_: pa.DataType) -> tuple[object, ...]:
    """A type, whatever the items of its lists are called."""
    fixed = pa.types.is_fixed_size_list(type_)
    return (type_.value_type, type_.list_size) if fixed else (type_,)


def _verdicts(batch: pa.RecordBatch, facts: TableFacts) -> Iterator[tuple[str, Any, str]]:
    """(column, for each row whether its value is good, what is expected), as far as the columns are there."""
    columns = {name: batch[name] for name in batch.schema.names if name in COLUMNS or name == "vector"}
    for name, column in columns.items():
        yield name, pc.is_valid(column), "a value in every row"
        if COLUMNS.get(name) == pa.string():
            yield name, _readable(column), _UTF8
    for names, holds, expected in _RULES:
        if columns.keys() >= set(names):
            yield names[0], holds(*(columns[name] for name in names)), expected
    for name, wanted in (("level", str(facts.level)), ("checkpoint", facts.checkpoint)):
        if name in columns:
            yield name, pc.equal(columns[name], wanted), f"{brief(wanted)} as the table says of itself"


def _readable(column: pa.Array) -> Bool[np.ndarray, " n"]:
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return np.zeros(len(column), np.bool_)
    return np.ones(len(column), np.bool_)


def _name_like(column: pa.Array) -> pa.Array:
    return pc.and_(pc.not_equal(column, ""), pc.invert(pc.match_substring(column, "\0")))


def _every(column: pa.Array, holds: Any) -> pa.Array:
    """For each row what holds of its value, which is asked once for each value."""
    values = column.dictionary_encode()
    return pa.array([holds(each) for each in values.dictionary.to_pylist()], pa.bool_()).take(values.indices)


def _is_labels(text: str) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and all(isinstance(value, str) for value in found.values())


def _at_home(paths: pa.Array, ids: pa.Array, sources: pa.Array) -> Bool[np.ndarray, " n"]:
    """Whether each video lies where its source says: below a folder, or as a list beside itself names it."""
    folders = sources.dictionary_encode()
    beside = pa.array([str(Path(each).parent) for each in folders.dictionary.to_pylist()], pa.string())
    joined = [pc.binary_join_element_wise(each, ids, "/") for each in (sources, beside.take(folders.indices))]
    good: Bool[np.ndarray, " n"] = np.array(pc.or_(*(pc.equal(paths, each) for each in joined)))
    for row in np.flatnonzero(~good):  # such as absolute names, and those of a source that ends in a slash
        identity = Path(video_of(ids[int(row)].as_py()))  # of a piece, the video that it is of
        path, source = (Path(each[int(row)].as_py()) for each in (paths, sources))
        good[row] = path in (source / identity, source.parent / identity)
    return good


def _seconds(column: pa.Array) -> pa.Array:
    return pc.and_(pc.greater_equal(column, 0.0), pc.less_equal(column, LONGEST))  # neither is true of NaN


def _numbers(vectors: pa.FixedSizeListArray) -> Bool[np.ndarray, " n"]:
    if vectors.flatten().null_count:
        return np.zeros(len(vectors), np.bool_)
    return usable(vectors.flatten().to_numpy().reshape(len(vectors), -1))


_FILE, _TIME = "a name that a file can have", f"seconds from 0 to {LONGEST:g}, no end before its start"
_RULES: tuple[tuple[tuple[str, ...], Any, str], ...] = (
    (("id",), _name_like, _FILE),
    (("path",), _name_like, _FILE),
    (("source",), _name_like, _FILE),
    (("path", "id", "source"), _at_home, "a file of its source"),
    (("kind",), lambda kinds: pc.is_in(kinds, pa.array(["video", "clip"])), "'video' or 'clip'"),
    (("start",), _seconds, _TIME),
    (("end",), _seconds, _TIME),
    (("end", "start"), pc.greater_equal, _TIME),
    (("labels",), lambda labels: _every(labels, _is_labels), "a JSON object of texts"),
    (("size",), lambda sizes: pc.greater_equal(sizes, 0), "a number of bytes"),
    (("vector",), _numbers, f"finite numbers up to {LARGEST:g}"),
)
"""Columns, what holds of a good row of them, and how that is said of the first of them."""
