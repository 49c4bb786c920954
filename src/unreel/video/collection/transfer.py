"""Files linked or copied into another folder, one by one, each whole or not at all; the originals are only read.

What is there already stays, so that the same transfer again does what is left of it.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from unreel.engine.files import sha256_of, sweep, whole, writing
from unreel.engine.progress import track
from unreel.errors import OutputError, VideoError

Links = Literal["auto", "hard", "soft", "copy"]

_BLOCK = 1 << 20
_NO_HARD_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def transfer(files: Sequence[tuple[Path, Path]], folder: Path, links: Links) -> dict[Path, str]:
    """Bring files (where each is, its path in the folder) into `folder`; why each is not there that could not be.

    auto: hard links, and copies where the file system has none; soft: symbolic links.

    Raises:
        OutputError: `folder` cannot be written, or its file system has no such links.
    """
    reasons: dict[Path, str] = {}
    for original, place in track(files, "linking"):
        try:
            _bring(original, folder / place, links)
        except VideoError as error:
            reasons[place] = str(error)
    return reasons


def _bring(original: Path, target: Path, links: Links) -> None:
    """Bring one file.

    Raises:
        OutputError: as `transfer`.
        VideoError: the original cannot be read, or another file is in its place.
    """
    try:
        original = original.resolve(strict=True)
        facts = original.stat()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle; a zero byte in a foreign manifest
        raise VideoError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not stat.S_ISREG(facts.st_mode):
        raise VideoError("not a regular file")
    if os.path.lexists(target):
        if not _is_same(original, target):
            raise VideoError(f"another file is called {target}")
        sweep(target.parent)
        return
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if links == "soft":
            target.symlink_to(original)
        elif links == "copy" or not _linked(original, target, needed=links == "hard"):
            _copy(original, target, facts)


def _linked(original: Path, target: Path, needed: bool) -> bool:
    """Make a hard link; False where there can be none and none is `needed`."""
    try:
        os.link(original, target)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        if needed:
            raise OutputError(
                f"{target} cannot be a hard link to {original}: {error.strerror}. Copy where there can be none "
                "(--links auto), or name a folder on the same file system."
            ) from error
        return False
    return True


def _copy(original: Path, target: Path, facts: os.stat_result) -> None:
    """Copy a file with its time of change."""
    with whole(target) as unfinished:
        with unfinished.open("wb") as copy:
            copy.writelines(_blocks(original))
        os.utime(unfinished, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _blocks(original: Path) -> Iterator[bytes]:
    try:
        with original.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise VideoError(f"cannot be read: {error.strerror}") from error


def _is_same(original: Path, target: Path) -> bool:
    """Whether a target is its original, or a copy of it: of its size and time, or else of its content."""
    try:
        one, other = original.stat(), target.stat()
        if os.path.samestat(one, other):
            return True
        if not stat.S_ISREG(other.st_mode) or one.st_size != other.st_size:
            return False
        return one.st_mtime_ns == other.st_mtime_ns or sha256_of(original) == sha256_of(target)
    except OSError:
        return False
