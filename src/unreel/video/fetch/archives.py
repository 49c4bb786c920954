"""Unpacking an archive whole or not at all: zip, tar.gz, rar, and a rar of rars.

    archives/UCF101.rar
    archives/.UCF101.rar.unpacking/    its files until all are there and right; hidden, so nothing takes them for videos
    archives/UCF101.rar.unpacked       written last: this archive is done

Only plain files are written, each by us and below the folder: names that lead out of it and links are rejected.
"""

import gzip
import json
import shutil
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from unreel.engine.files import write_whole
from unreel.engine.progress import ProgressBar
from unreel.errors import CollectionError
from unreel.extras import require

_CHUNK = 1 << 20
_LONGEST_END = 22 + 65_535  # of a zip: its end record with a comment
_MOST_COUNTED = 1 << 16
_RAR_TOOLS = "unrar or unar (Debian, Ubuntu: apt install unar; macOS: brew install unar)"
# What the readers raise on content that makes no sense.
_SENSELESS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
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
        _write_all(archive, unpacking, flat)
        for inner in sorted(unpacking.rglob("*.rar")):
            _write_inner(inner, unpacking, flat)
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


def check_rar_tool() -> None:
    """See that compressed rar archives can be unpacked here.

    Raises:
        CollectionError: none of the tools is installed.
        MissingExtraError: rarfile is not installed.
    """
    _rar_tool()


def _mark(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.unpacked")


class _Damaged(Exception):
    """What is wrong with an archive."""


@dataclass(frozen=True)
class _Member:
    """A plain file in an archive, to be read before the next one.

    `crc` is its CRC-32 if the archive tells it, `program` what else than Python unpacks it.
    """

    name: str
    size: int
    read: Callable[[int], bytes]
    crc: int | None = None
    program: str = ""


def _write_all(archive: Path, folder: Path, flat: bool) -> None:
    """Every file of an archive, checked."""
    members = {".zip": _of_zip, ".rar": _of_rar}.get(archive.suffix, _of_tar)(archive)
    with ProgressBar(f"unpacking {archive.name}", None) as bar:
        while True:
            with _reading(archive):
                member = next(members, None)
            if member is None:
                return
            name = member.name.replace("\\", "/")
            _write(member, _place(folder, PurePosixPath(name).name if flat else name), archive)
            bar.advance()


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """All that the readers raise on content that makes no sense, as one error."""
    senseless: tuple[type[Exception], ...] = _SENSELESS
    if archive.suffix == ".rar":
        senseless += (require("rarfile", "fetch").Error,)
    try:
        yield
    except senseless as error:
        raise _Damaged(str(error) or type(error).__name__) from error


def _write_inner(archive: Path, folder: Path, flat: bool) -> None:
    try:
        _write_all(archive, folder, flat)
    except _Damaged as error:
        raise _Damaged(f"{archive.name} in it: {error}") from error


def _of_zip(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        told = _count_of_zip(archive)
        if told != len(infos) % _MOST_COUNTED:
            raise _Damaged(f"it says it holds {told} entries, but lists {len(infos)}")
        infos = [info for info in infos if not info.is_dir()]
        _check_room(archive, sum(info.file_size for info in infos))
        for info in infos:
            if (info.external_attr >> 28) not in (0, 8):  # the kind of file in a Unix mode: none told, or a plain one
                raise _Damaged(f"{info.filename!r} is no plain file")
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
    with gzip.open(archive) as unzipped:
        with tarfile.open(fileobj=unzipped, mode="r|") as opened:
            for info in opened:
                if info.isdir():
                    continue
                content = opened.extractfile(info) if info.isreg() else None
                if content is None:
                    raise _Damaged(f"{info.name!r} is no plain file")
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
                raise _Damaged(f"{info.filename!r} is no plain file, or wants a password")
        _check_room(archive, sum(info.file_size for info in infos))
        if any(info.compress_type != rarfile.RAR_M0 for info in infos):
            yield from _of_compressed_rar(archive, infos)
            return
        for info in infos:
            with opened.open(info) as content:
                yield _Member(info.filename, info.file_size, content.read, info.CRC)


def _of_compressed_rar(archive: Path, infos: list[Any]) -> Iterator[_Member]:
    """All files in a row from one run of a program: one run for each would unpack a solid archive again and again."""
    command = _rar_tool().open_cmdline(None, str(archive))
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet) as process:
        assert process.stdout is not None
        try:
            for info in infos:
                yield _Member(info.filename, info.file_size, process.stdout.read, info.CRC, command[0])
            if process.stdout.read(1) or (process.wait() and any(info.CRC is None for info in infos)):
                raise _Damaged(f"{command[0]} finds another content in it than it lists")
        finally:
            process.kill()


def _rar_tool() -> Any:
    rarfile = require("rarfile", "fetch")
    try:
        return rarfile.tool_setup(bsdtar=False, force=True)  # bsdtar does not know solid archives
    except rarfile.RarCannotExec:
        raise CollectionError(
            f"got a rar archive and no program that unpacks it. Install {_RAR_TOOLS} and run this again."
        ) from None


def _check_room(archive: Path, size: int) -> None:
    """See that what an archive says it holds has room on the disk."""
    free = shutil.disk_usage(archive.parent).free
    if size > free:
        raise CollectionError(
            f"{archive} unpacks to {size:,} bytes, but {archive.parent} has {free:,} free. "
            "Make room and run this again."
        )


def _place(folder: Path, name: str) -> Path:
    """Where a file of that name goes; it must lie below the folder on every system."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or ":" in parts[0] or "\0" in name:
        raise _Damaged(f"the name {name!r} leads out of the folder")
    return folder.joinpath(*parts)


def _write(member: _Member, path: Path, archive: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    left, crc = member.size, 0
    with path.open("wb") as file:
        while left:
            with _reading(archive):
                chunk = member.read(min(_CHUNK, left))
            if not chunk:
                reader = f", as {member.program} reads it" if member.program else ""
                raise _Damaged(f"{member.name!r} ends after {member.size - left} of {member.size} bytes{reader}")
            file.write(chunk)
            left, crc = left - len(chunk), zlib.crc32(chunk, crc)
    if member.crc is not None and crc != member.crc:
        raise _Damaged(f"{member.name!r} has the checksum {crc:08x}, expected {member.crc:08x}")


def _move(unpacking: Path, folder: Path) -> int:
    """All files below one folder moved to the same places below another; how many."""
    count = 0
    for path in sorted(path for path in unpacking.rglob("*") if path.is_file()):
        place = folder / path.relative_to(unpacking)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)
        count += 1
    return count
