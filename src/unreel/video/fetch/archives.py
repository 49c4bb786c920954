"""Unpacking an archive whole or not at all: zip, tar.gz, rar, and a rar of rars.

    archives/UCF101.rar
    archives/.UCF101.rar.unpacking/    its files until all are there and right; hidden, so nothing takes them for videos
    archives/UCF101.rar.unpacked       written last: this archive is done

Only plain files are written, each by us and below the folder: names that lead out of it and links are rejected.
"""

import errno
import gzip
import json
import shutil
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from unreel.engine.files import write_whole
from unreel.engine.progress import ProgressBar
from unreel.errors import CollectionError
from unreel.extras import require

_CHUNK = 1 << 20
_LONGEST_END = 22 + 65_535  # of a zip: its end record with a comment
_RAR_TOOLS = "unrar or unar (Debian, Ubuntu: apt install unar; macOS: brew install unar)"
# What the readers raise on content that makes no sense.
_SENSELESS = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error),
    *(EOFError, LookupError, NotImplementedError, OSError, RuntimeError, ValueError),
)


def unpack(archive: Path, folder: Path, *, flat: bool = False) -> int:
    """Unpack `archive` into `folder`, replacing what has the same name there; the number of files.

    With `flat`, all files come to lie in `folder` itself. An archive that is marked as unpacked is left alone.

    Raises:
        CollectionError: the archive is damaged or unsafe, there is no room, or no tool for a compressed rar.
        MissingExtraError: rarfile is not installed.
    """
    mark = _mark(archive)
    if mark.exists():
        return int(json.loads(mark.read_text())["files"])
    unpacking = archive.with_name(f".{archive.name}.unpacking")
    try:
        archive.open("rb").close()  # what cannot be opened is not damaged
        shutil.rmtree(unpacking, ignore_errors=True)
        unpacking.mkdir()
        _extract(archive, unpacking, flat)
        for inner in sorted(unpacking.rglob("*.rar")):
            _extract(inner, unpacking, flat, f"{inner.name} in it: ")
            inner.unlink()
        count = _move(unpacking, folder)
        if not count:
            raise _Damaged("it holds no file")
        shutil.rmtree(unpacking)
        write_whole(mark, json.dumps({"files": count}))
    except _Damaged as error:
        raise CollectionError(
            f"{archive} is damaged: {error}. Delete it and run this again: it is downloaded anew."
        ) from error
    except OSError as error:
        raise CollectionError(
            f"{archive} cannot be unpacked into {folder}: {error.strerror or error}. Mend that and run this again."
        ) from error
    return count


def is_unpacked(archive: Path) -> bool:
    """Whether it was unpacked to its end; it need not be there any more."""
    return _mark(archive).exists()


def rar_tool() -> Any:
    """The program that unpacks compressed rar archives here, as rarfile calls it.

    Raises:
        CollectionError: none is installed.
        MissingExtraError: rarfile is not installed.
    """
    rarfile = require("rarfile", "fetch")
    try:
        return rarfile.tool_setup(bsdtar=False, force=True)  # bsdtar does not know solid archives
    except rarfile.RarCannotExec:
        raise CollectionError(
            f"got a rar archive and no program that unpacks it. Install {_RAR_TOOLS} and run this again."
        ) from None


def _mark(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.unpacked")


class _Damaged(Exception):
    """What is wrong with an archive."""


class _Member(NamedTuple):
    """A plain file in an archive, to be read before the next one; its CRC-32 where the archive tells it."""

    name: str
    size: int
    read: Callable[[int], bytes]
    crc: int | None = None
    reader: str = ""


def _extract(archive: Path, folder: Path, flat: bool, within: str = "") -> None:
    """Write every file of an archive, checked."""
    senseless: tuple[type[Exception], ...] = _SENSELESS
    if archive.suffix == ".rar":
        senseless += (require("rarfile", "fetch").Error,)
    try:
        with ProgressBar(f"unpacking {archive.name}", None) as bar:
            for member in {".zip": _of_zip, ".rar": _of_rar}.get(archive.suffix, _of_tar)(archive):
                _write(member, folder / _place(member.name, flat))
                bar.advance()
    except senseless as error:
        if isinstance(error, OSError) and (error.filename or error.errno not in (None, errno.EINVAL)):
            raise  # the disk's; a place before the beginning of the archive is EINVAL, without a name
        raise _Damaged(f"{within}{error or type(error).__name__}") from error


def _of_zip(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        told = _count_of_zip(archive)
        if told != len(infos) % (1 << 16):
            raise ValueError(f"it says it holds {told} entries, but lists {len(infos)}")
        infos = [info for info in infos if not info.is_dir()]
        _check_room(archive, sum(info.file_size for info in infos))
        for info in infos:
            if (info.external_attr >> 28) not in (0, 8):  # the kind of file in a Unix mode: none told, or a plain one
                raise ValueError(f"{info.filename!r} is no plain file")
            with opened.open(info) as content:
                yield _Member(info.filename, info.file_size, content.read, info.CRC)


def _count_of_zip(archive: Path) -> int:
    """How many entries the end of a zip says there are, which zipfile does not look at."""
    with archive.open("rb") as file:
        file.seek(max(0, archive.stat().st_size - _LONGEST_END))
        content = file.read()
    count: int = struct.unpack_from("<H", content, content.rindex(b"PK\x05\x06") + 10)[0]
    return count


def _of_tar(archive: Path) -> Iterator[_Member]:
    with gzip.open(archive) as unzipped, tarfile.open(fileobj=unzipped, mode="r|") as opened:
        for info in opened:
            if info.isdir():
                continue
            content = opened.extractfile(info) if info.isreg() else None
            if content is None:
                raise ValueError(f"{info.name!r} is no plain file")
            _check_room(archive, info.size)
            yield _Member(info.name, info.size, content.read)
        while unzipped.read(_CHUNK):  # the checksum of the whole comes at its end
            pass


def _of_rar(archive: Path) -> Iterator[_Member]:
    rarfile = require("rarfile", "fetch")
    with rarfile.RarFile(archive, errors="strict") as opened:
        infos = [info for info in opened.infolist() if not info.is_dir()]
        for info in infos:
            if not info.is_file() or info.needs_password():
                raise ValueError(f"{info.filename!r} is no plain file, or wants a password")
        _check_room(archive, sum(info.file_size for info in infos))
        if any(info.compress_type != rarfile.RAR_M0 for info in infos):
            yield from _of_compressed_rar(archive, infos)
            return
        for info in infos:
            with opened.open(info) as content:
                yield _Member(info.filename, info.file_size, content.read, info.CRC)


def _of_compressed_rar(archive: Path, infos: list[Any]) -> Iterator[_Member]:
    """All files in a row from one run of a program: one run for each would unpack a solid archive again and again."""
    command = rar_tool().open_cmdline(None, str(archive))
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet) as process:
        assert process.stdout is not None
        try:
            for info in infos:
                yield _Member(
                    info.filename, info.file_size, process.stdout.read, info.CRC, f", as {command[0]} reads it"
                )
            if process.stdout.read(1) or (process.wait() and any(info.CRC is None for info in infos)):
                raise ValueError(f"{command[0]} finds another content in it than it lists")
        finally:
            process.kill()


def _check_room(archive: Path, size: int) -> None:
    """See that what an archive says it holds has room on the disk."""
    free = shutil.disk_usage(archive.parent).free
    if size > free:
        raise CollectionError(
            f"{archive} unpacks to {size:,} bytes, but {archive.parent} has {free:,} free. "
            "Make room and run this again."
        )


def _place(name: str, flat: bool) -> PurePosixPath:
    """Where a file of that name goes; it must lie below the folder on every system."""
    path = PurePosixPath(name.replace("\\", "/"))
    place = PurePosixPath(path.name) if flat else path
    if not place.parts or place.is_absolute() or ".." in place.parts or ":" in place.parts[0] or "\0" in name:
        raise ValueError(f"the name {name!r} leads out of the folder")
    return place


def _write(member: _Member, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    left, crc = member.size, 0
    with path.open("wb") as file:
        while left:
            chunk = member.read(min(_CHUNK, left))
            if not chunk:
                came = member.size - left
                raise ValueError(f"{member.name!r} ends after {came} of {member.size} bytes{member.reader}")
            file.write(chunk)
            left, crc = left - len(chunk), zlib.crc32(chunk, crc)
    if member.crc is not None and crc != member.crc:
        raise ValueError(f"{member.name!r} has the checksum {crc:08x}, expected {member.crc:08x}")


def _move(unpacking: Path, folder: Path) -> int:
    """All files below one folder moved to the same places below another; how many."""
    files = [path for path in sorted(unpacking.rglob("*")) if path.is_file()]
    for path in files:
        place = folder / path.relative_to(unpacking)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)
    return len(files)
