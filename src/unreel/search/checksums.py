"""Checksums of tables (CRC-32): what a disk, a copy or another program has changed is told, and never searched.

TABLE/checksums.json is of the files of the LanceDB tables, none of which is ever changed once it is written; they are
compared when the table is opened.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from unreel.engine.files import write_whole
from unreel.errors import CollectionError

LISTING = "checksums.json"
CHECKED_BYTES = 2 << 30
"""What is looked at when a table is opened: its smaller files, up to this size together. A GiB takes 0.3 s."""

_BLOCK = 1 << 20


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


def _crc(path: Path) -> int:
    """The checksum of a file."""
    crc = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            crc = crc32(block, crc)
    return crc
