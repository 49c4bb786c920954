"""Tables of embeddings that are damaged, or that others have made, from one that is whole."""

import json
import math
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import lancedb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FLIPS = 25
CHANGED = "is not as `unreel embed` wrote it"
UNREADABLE = "cannot be read as a Parquet table"
MISSING = "there is no table of embeddings at"
HINT = "latest_version_hint.json"  # of LanceDB, which can do without

NO_FILE = "expected a name that a file can have"
NO_VALUE = "expected a value in every row"
NO_LABELS = "expected a JSON object of texts"
NO_TIME = "expected seconds from 0 to 1e+09, no end before its start"
NO_NUMBERS = "expected finite numbers up to 1e+15"
ELSEWHERE = "expected a file of its source"

RIGHT = ""
"""Where the table can be used as it is."""

VALUES: dict[str, tuple[str, Any, str]] = {
    "end nan": ("end", math.nan, NO_TIME),
    "end inf": ("end", math.inf, NO_TIME),
    "end negative": ("end", -5.0, NO_TIME),
    "end before start": ("start", 1e6, NO_TIME),
    "end far away": ("end", 1e300, NO_TIME),
    "start huge": ("start", lambda row, value: value if row % 2 else 1e308, NO_TIME),
    "start nan": ("start", math.nan, NO_TIME),
    "labels cut": ("labels", "{", NO_LABELS),
    "labels list": ("labels", "[1,2]", NO_LABELS),
    "labels deep": ("labels", "[" * 100_000, NO_LABELS),
    "labels of objects": ("labels", '{"a":{"b":1}}', NO_LABELS),
    "labels empty": ("labels", "", NO_LABELS),
    "label big": ("label", lambda row, value: "L" * 1_000_000 if row == 0 else value, RIGHT),
    "label null": ("label", None, NO_VALUE),
    "id null": ("id", lambda row, value: None if row < 2 else value, NO_VALUE),
    "id empty": ("id", "", NO_FILE),
    "id same": ("id", "same", ELSEWHERE),
    "path null": ("path", None, NO_VALUE),
    "path elsewhere": ("path", lambda row, _: "/etc/passwd" if row % 2 else "../../etc/passwd", ELSEWHERE),
    "path zero byte": ("path", "/var/x/a\0b.mp4", NO_FILE),
    "path empty": ("path", "", NO_FILE),
    "source root": ("source", "/", ELSEWHERE),
    "source zero byte": ("source", "/a\0", NO_FILE),
    "kind odd": ("kind", "thing", "holds "),
    "level odd": ("level", "-1", "expected '5' as the table says of itself"),
    "checkpoint odd": ("checkpoint", "x", "as the table says of itself"),
    "size negative": ("size", -1, "expected a number of bytes"),
    "size null": ("size", None, NO_VALUE),
}
"""Name → column, its value (or what makes it of row and former value), what is said."""

VECTORS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "vectors nan": (lambda vectors: np.full_like(vectors, np.nan), NO_NUMBERS),
    "vectors nan here and there": (
        lambda vectors: np.where(np.arange(len(vectors))[:, None] % 3, vectors, np.nan),
        NO_NUMBERS,
    ),
    "vectors inf": (lambda vectors: np.full_like(vectors, np.inf), NO_NUMBERS),
    "vectors huge": (lambda vectors: np.full_like(vectors, 3e38), NO_NUMBERS),
    "vectors zero": (lambda vectors: np.zeros_like(vectors), RIGHT),
    "vectors narrow": (lambda vectors: vectors[:, :7], "has a column 'vector' of fixed_size_list"),
}

FACTS: dict[str, tuple[dict[str, object], str]] = {
    "facts width": ({"width": 999_999}, "says of itself width 999999: input should be less than"),
    "facts width other": ({"width": 16}, "expected one of fixed_size_list<item: float>[16]"),
    "facts side": ({"side": 10**9}, "says of itself side 1000000000"),
    "facts side 0": ({"side": 0}, "says of itself side 0"),
    "facts clips": ({"clips": 10**9}, "says of itself clips 1000000000"),
    "facts clips negative": ({"clips": -3}, "says of itself clips -3"),
    "facts level": ({"level": -3}, "says of itself level"),
    "facts weights zero byte": ({"weights": "a\0b"}, "says of itself weights 'a\\x00b'"),
    "facts sources": ({"sources": {"/videos": "/victim"}}, RIGHT),
    "facts sources list": ({"sources": [1]}, "says of itself sources [1]"),
    "facts protocol": ({"protocol": "x"}, "says of itself protocol 'x'"),
    "facts settings": ({"settings": []}, "says of itself settings []"),
    "facts more": ({"colour": "red"}, "says of itself colour 'red'"),
    "facts index": ({"index": {"kind": "x"}}, "says of itself index.rows"),
    "facts format": ({"format": "unreel-embeddings-0"}, "has the format 'unreel-embeddings-0', expected"),
    "facts format odd": ({"format": ["x"] * 9999}, "has the format ['x', 'x'"),
    "facts of an earlier version": ({"format": "unreel-embeddings-1"}, "expected 'unreel-embeddings-3'"),
}

TEXTS: dict[str, tuple[bytes, str]] = {
    "facts deep": (b"[" * 200_000, "does not say how its vectors were made"),
    "facts empty": (b"", "does not say how its vectors were made"),
    "facts no json": (b"\xff\xfe", "does not say how its vectors were made"),
    "facts number": (b"5", "does not say how its vectors were made"),
}


@dataclass(frozen=True)
class Damaged:
    """A table at `place`, and what is said of it; nothing where it can be used."""

    place: Path
    said: str


def damaged_tables(whole: Path, out: Path) -> Iterator[Damaged]:
    """Folders made of a table that is whole.

    All but those of changed files have no checksums, as those that other programs write: rows are looked at too.
    """
    table, facts = _read(whole)

    def put(name: str, said: str, changed: pa.Table = table, noted: dict[str, Any] | bytes = facts) -> Damaged:
        database = lancedb.connect(out / name)
        database.create_table("facts", pa.table({"json": [_text(noted)]}))
        with patch(
            "lancedb.table._handle_bad_vectors", lambda reader, **_: reader
        ):  # what other programs do not look at
            database.create_table("embeddings", changed)
        return Damaged(out / name, said)

    yield from _of_other_content(put, table, facts)
    yield from _of_other_files(whole, out)


def damaged_files(whole: Path, out: Path) -> Iterator[Damaged]:
    """Parquet files made of a table that is whole."""
    table, facts = _read(whole)
    out.mkdir()

    def put(name: str, said: str, changed: pa.Table = table, noted: dict[str, Any] | bytes = facts) -> Damaged:
        file = out / f"{name}.parquet"
        pq.write_table(changed.replace_schema_metadata({b"unreel": _text(noted)}), file, write_page_checksum=True)
        return Damaged(file, said)

    yield from _of_other_content(put, table, facts)
    yield put("id twice", "has a column 'id' of string and string", table.append_column("id", table["id"]))
    place, values = table.schema.get_field_index("vector"), table["vector"].to_pylist()
    for name, array in (  # which LanceDB makes what it should be
        ("vectors of doubles", pa.array(values, pa.list_(pa.float64(), len(values[0])))),
        ("vectors of any length", pa.array([each[: row % 9] for row, each in enumerate(values)])),
    ):
        said = f"has a column 'vector' of {str(array.type).split('<')[0]}"
        yield put(name, said, table.set_column(place, "vector", array))
    yield from _of_other_bytes((out / "as before.parquet").read_bytes(), out)


def _read(whole: Path) -> tuple[pa.Table, dict[str, Any]]:
    database = lancedb.connect(whole)
    facts = database.open_table("facts").to_arrow()["json"][0].as_py()
    return database.open_table("embeddings").to_arrow(), json.loads(facts)


def _text(noted: dict[str, Any] | bytes) -> str | bytes:
    if isinstance(noted, dict):
        return json.dumps(noted)
    return noted.decode() if noted.isascii() else noted


def _of_other_content(put: Callable[..., Damaged], table: pa.Table, facts: dict[str, Any]) -> Iterator[Damaged]:
    yield put("as before", RIGHT)
    for name, (column, value, said) in VALUES.items():
        yield put(name, said, _with(table, column, _values(table[column], value)))
    vectors = np.array(table["vector"].to_pylist(), np.float32)
    for name, (change, said) in VECTORS.items():
        yield put(name, said, _with_vectors(table, change(vectors)))
    for name, (different, said) in FACTS.items():
        yield put(name, said, noted=facts | different)
    for name, (text, said) in TEXTS.items():
        yield put(name, said, noted=text)
    for name in ("vector", "label", "id"):
        yield put(f"no {name}", f"has no column {name!r}", table.drop_columns([name]))
    yield from _of_other_types(put, table)
    yield put("rows twice", "holds two rows of the", pa.concat_tables([table, table]))


def _of_other_files(whole: Path, out: Path) -> Iterator[Damaged]:
    (out / "nothing").mkdir()
    yield Damaged(out / "nothing", MISSING)
    (out / "a file").write_text("hello")
    yield Damaged(out / "a file", MISSING)
    lancedb.connect(out / "of others").create_table("embeddings", pa.table({"id": ["a"], "vector": [[1.0, 2.0]]}))
    yield Damaged(out / "of others", "does not say how its vectors were made")

    def copy(name: str) -> Path:
        return Path(shutil.copytree(whole, out / name))

    shutil.rmtree(copy("no facts") / "facts.lance")
    yield Damaged(out / "no facts", CHANGED)
    shutil.rmtree(copy("no rows") / "embeddings.lance")
    yield Damaged(out / "no rows", CHANGED)
    for name, listed in (("cut", True), ("cut, without checksums", False)):
        for file in copy(name).glob("embeddings.lance/data/*.lance"):
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        if not listed:
            (out / name / "checksums.json").unlink()
        yield Damaged(out / name, CHANGED if listed else "cannot be read")
    chance = random.Random(1)
    for number in range(FLIPS):
        files = [each for each in sorted(copy(f"flip {number}").rglob("*.*")) if each.is_file() and each.name != HINT]
        chosen = chance.choice(files)
        flipped = bytearray(chosen.read_bytes())
        for _ in range(chance.choice([1, 5, 50])):
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        chosen.write_bytes(flipped)
        yield Damaged(out / f"flip {number}", CHANGED)


def _values(column: pa.ChunkedArray, value: Any) -> list[Any]:
    return [value(row, former) if callable(value) else value for row, former in enumerate(column.to_pylist())]


def _of_other_types(put: Callable[..., Damaged], table: pa.Table) -> Iterator[Damaged]:
    for name, column, array in (
        ("end text", "end", pa.array([str(value) for value in table["end"].to_pylist()])),
        ("id bytes", "id", table["id"].cast(pa.binary())),
    ):
        changed = table.set_column(table.schema.get_field_index(column), column, array)
        yield put(name, f"has a column {column!r} of {str(array.type).split('<')[0]}", changed)
    null = pa.array([None] * len(table), table.schema.field("vector").type)
    yield put("vectors null", NO_VALUE, table.set_column(table.schema.get_field_index("vector"), "vector", null))
    raw = pa.array([b"\xff\xfe" + value.encode() for value in table["label"].to_pylist()])
    broken = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())
    yield put("label no text", "UTF", table.set_column(6, "label", broken))


def _of_other_bytes(content: bytes, out: Path) -> Iterator[Damaged]:
    claim, end = (2**32 - 1).to_bytes(4, "little"), b"PAR1"
    for name, other, said in (
        ("text", b"hello", UNREADABLE),
        ("nothing", b"", UNREADABLE),
        ("cut", content[: len(content) // 2], UNREADABLE),
        ("cut at the end", content[:-1], UNREADABLE),
        ("end alone", b"PAR1PAR1", UNREADABLE),
        ("huge footer", content[:-8] + claim + end, UNREADABLE),
        ("encrypted", content[:-4] + b"PARE", UNREADABLE),
        ("of others", _of_others(), "does not say how its vectors were made"),
    ):
        (out / f"{name}.parquet").write_bytes(other)
        yield Damaged(out / f"{name}.parquet", said)
    with (out / "huge claim.parquet").open("wb") as file:  # takes no room on the disk
        file.truncate(10 << 30)
        file.seek(-8, 2)
        file.write(claim + end)
    yield Damaged(out / "huge claim.parquet", UNREADABLE)


def _of_others() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": ["a"], "vector": [[1.0, 2.0]]}), sink)
    return bytes(sink.getvalue())


def _with(table: pa.Table, column: str, values: list[Any]) -> pa.Table:
    place = table.schema.get_field_index(column)
    return table.set_column(place, column, pa.array(values, table.schema.field(column).type))


def _with_vectors(table: pa.Table, vectors: np.ndarray) -> pa.Table:
    flat = pa.array(np.ascontiguousarray(vectors, np.float32).reshape(-1))
    place = table.schema.get_field_index("vector")
    return table.set_column(place, "vector", pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]))
