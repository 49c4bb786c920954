"""Checksums of tables (CRC-32): what a disk, a copy or another program has changed is told, and never searched.

x.parquet    in the footer, under `KEY`: of the footer itself (with zeros in their place), and of each column of each
             row group, looked at before it is read for the first time, in smaller files when they are opened
x/           checksums.json: of the files of the LanceDB tables, none of which is ever changed once it is written;
             looked at when the table is opened
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final
from zlib import crc32

import pyarrow.parquet as pq

from unreel.engine.files import write_whole
from unreel.errors import CollectionError

KEY = "unreel.checksums"
LISTING = "checksums.json"
CHECKED_BYTES = 2 << 30
"""What is looked at when a table is opened: of a LanceDB folder the smaller files, a Parquet file of at most this size.
A GiB takes 0.3 s."""

_NOTED = re.compile(re.escape(KEY).encode() + rb"\x18[^c]{1,5}crc32:([0-9a-f]+)", re.DOTALL)  # as Thrift writes it
_DIGITS, _BLOCK = 8, 1 << 20
_LENGTH_AND_MAGIC = 8  # bytes at the end of a Parquet file
_LARGEST_FOOTER = 64 << 20


def room_for(row_groups: int, columns: int) -> str:
    """What keeps a place in the footer for the checksums."""
    return "crc32:" + "0" * _DIGITS * (1 + row_groups * columns)


def seal(path: Path) -> None:
    """Put its checksums into a Parquet file that has room for them."""
    footer, start = _footer(path)
    place = _NOTED.search(footer)
    groups = pq.read_metadata(path)
    sums = [_crc(path, *_span(groups, group, column)) for group, column in _chunks(groups)]
    assert place is not None and len(place[1]) == _DIGITS * (1 + len(sums))
    with path.open("r+b") as file:
        file.seek(start + place.start(1))
        file.write("".join(f"{each:0{_DIGITS}x}" for each in (crc32(footer), *sums)).encode())


@final
class Seal:
    """The checksums of a Parquet file, its footer already compared; None of a file that has none.

    Raises:
        CollectionError: the footer is another than was written.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._seen = path, set[tuple[int, int]]()
        footer, _ = _footer(path)
        noted = _NOTED.search(footer)
        digits = noted[1] if noted else b""
        self.sums = [int(digits[first : first + _DIGITS], 16) for first in range(0, len(digits), _DIGITS)]
        if noted:
            blank = footer[: noted.start(1)] + b"0" * len(digits) + footer[noted.end(1) :]
            if crc32(blank) != self.sums[0]:
                raise damaged(path)

    def check(self, metadata: pq.FileMetaData, group: int, columns: Sequence[str]) -> None:
        """Compare these columns of a row group with their checksums, once.

        Raises:
            CollectionError: they are others than were written.
        """
        for number, (in_group, column) in enumerate(_chunks(metadata), start=1):
            name = metadata.schema.column(column).path.split(".")[0]
            if in_group == group and name in columns and (group, column) not in self._seen and self.sums:
                if _crc(self._path, *_span(metadata, group, column)) != self.sums[number]:
                    raise damaged(self._path)
                self._seen.add((group, column))


def note_files(folder: Path, tables: Sequence[str], versions: Mapping[str, int]) -> None:
    """Note the checksums of all files of LanceDB tables in a folder, and the versions that they are."""
    known = _listing(folder).get("files", {}) if (folder / LISTING).is_file() else {}
    files = {}
    for path in (each for table in tables for each in (folder / table).rglob("*") if each.is_file()):
        name = path.relative_to(folder).as_posix()
        if not name.endswith("latest_version_hint.json"):  # the one that is written anew
            files[name] = known.get(name) or [path.stat().st_size, _crc(path)]
    content = {"versions": dict(versions), "files": files}
    write_whole(folder / LISTING, json.dumps({"crc32": _of(content), **content}))


def check_files(folder: Path) -> dict[str, int]:
    """Compare the files of a folder with what was noted; the versions of the tables that they were.

    Files that LanceDB has removed since, as it does with old ones, and those that an interrupted `embed` has left are
    not compared.

    Raises:
        CollectionError: one is another than was written.
    """
    if not (folder / LISTING).is_file():
        return {}
    content, seen = _listing(folder), 0
    for name, (size, crc) in sorted(content["files"].items(), key=lambda each: each[1][0]):
        path, seen = folder / name, seen + size
        if seen > CHECKED_BYTES:
            break
        if path.is_file() and (path.stat().st_size != size or _crc(path) != crc):
            raise damaged(path)
    return content["versions"]


def damaged(path: Path) -> CollectionError:
    """The error of a file that is another than was written."""
    return CollectionError(
        f"{path} is not as `unreel embed` wrote it (its checksum differs): it is damaged, or another program has "
        "changed it. Take a copy that is whole, or embed the videos again, into a new table."
    )


def _listing(folder: Path) -> dict[str, dict[str, Any]]:
    """What was noted of a folder.

    Raises:
        CollectionError: it is damaged itself.
    """
    try:
        content: dict[str, Any] = json.loads((folder / LISTING).read_text(encoding="utf-8"))
        if content.pop("crc32") == _of(content):
            return content
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError):
        pass
    raise damaged(folder / LISTING)


def _of(content: Mapping[str, object]) -> int:
    return crc32(json.dumps(content).encode())


def _footer(path: Path) -> tuple[bytes, int]:
    """The footer of a Parquet file and where it begins; some other bytes of a file that is none.

    Raises:
        CollectionError: it claims to be larger than any footer is.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LENGTH_AND_MAGIC))
        length = int.from_bytes(file.read(4), "little")
        start = max(0, size - _LENGTH_AND_MAGIC - length)
        if length > _LARGEST_FOOTER and start:
            raise damaged(path)
        file.seek(start)
        return file.read(length), start


def _chunks(metadata: pq.FileMetaData) -> list[tuple[int, int]]:
    """(row group, column) of each column chunk, in order."""
    return [(group, each) for group in range(metadata.num_row_groups) for each in range(metadata.num_columns)]


def _span(metadata: pq.FileMetaData, group: int, column: int) -> tuple[int, int]:
    """Where a column chunk begins, and its size."""
    chunk = metadata.row_group(group).column(column)
    first = chunk.data_page_offset
    if chunk.dictionary_page_offset is not None:
        first = min(first, chunk.dictionary_page_offset)
    return first, chunk.total_compressed_size


def _crc(path: Path, start: int = 0, size: int | None = None) -> int:
    """The checksum of a part of a file, or of all of it."""
    crc, left = 0, path.stat().st_size if size is None else size
    with path.open("rb") as file:
        file.seek(start)
        while left > 0 and (block := file.read(min(left, _BLOCK))):
            crc, left = crc32(block, crc), left - len(block)
    return crc
