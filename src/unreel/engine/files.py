"""Files that must be what they seem: written whole or not at all, free to be written, unchanged."""

import errno
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from unreel.engine.limits import progress
from unreel.engine.signals import shielded
from unreel.errors import OutputError, OverwriteError

UNFINISHED = ".unfinished"
"""The suffix of what may be left of a process that was killed; the next one that writes the same removes it."""

_BEGUN = ".begun"
_BLOCK = 1 << 20
_NAMED = 40  # letters of a name of at most 255 bytes that the name of what is unfinished repeats
_SURELY_LEFT = 86_400.0  # seconds after which nobody writes any more, where a file system has no locks that tell
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ONLY_IN_WRITING = (*_FULL, errno.EROFS)

_swept: set[Path] = set()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            progress()
            digest.update(block)
    return digest.hexdigest()


def check_free(path: Path) -> None:
    """Raise OverwriteError where something is; an empty folder, or one with what a killed process left, is nothing.

    What killed processes have left beside it is removed.

    Raises:
        OverwriteError: there is a file or a folder that is not empty.
    """
    with suppress(OSError):
        sweep(path.parent)
    if path.exists() and (not path.is_dir() or any(not is_unfinished(each) for each in path.iterdir())):
        raise OverwriteError(f"{path} exists already and nothing is overwritten: write to another place, or remove it.")


def check_both_free(main: Path, folder: Path) -> None:
    """The same for two that are written by `whole_both`; what a killed process left of the two is removed.

    Raises:
        OverwriteError: one is there.
    """
    _settle_both(main, folder)
    check_free(main)
    check_free(folder)


def sweep(folder: Path) -> None:
    """Remove what killed processes have left in a folder: what nobody holds, or nobody can still be at."""
    if folder in _swept:
        return
    _swept.add(folder)
    for left in filter(is_unfinished, list(folder.iterdir())):
        with suppress(OSError):  # somebody else may remove it
            descriptor = _claim(left)
            if descriptor is None:
                continue
            if descriptor >= 0 or time.time() - left.stat().st_mtime > _SURELY_LEFT:
                shutil.rmtree(left, ignore_errors=True)
            if descriptor >= 0:
                os.close(descriptor)


def is_unfinished(path: Path) -> bool:
    """Whether `whole` writes in there, or did in a process that was killed."""
    return path.name.startswith(".") and path.name.endswith(UNFINISHED)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, in the place of one that may be there; text is written as UTF-8.

    Raises:
        OutputError: it cannot be written.
    """
    with whole(path) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def write_once(path: Path, content: str) -> None:
    """The same, but never in the place of another file; one that says the same already stays.

    Raises:
        OverwriteError: something else is there.
        OutputError: it cannot be written.
    """
    with suppress(OSError):
        sweep(path.parent)
    if not (path.is_file() and path.read_bytes() == content.encode()):
        check_free(path)
        write_whole(path, content)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Write a file, or a new folder, whole or not at all: give a path to make it at, and then it takes its place.

        FOLDER/.NAME.3f5a….unfinished/NAME ──▶ FOLDER/NAME

    The path has the name and the suffix of the place. `FOLDER` is made where there is none. What the block leaves is on
    the disk when this ends; where the block raises nothing of it stays, and what a killed process left goes.

    Raises:
        OutputError: it cannot be written.
    """
    path = path.resolve() if path.name in ("", "..") else path
    beside = path.with_name(f".{path.name[:_NAMED]}.{uuid4().hex[:8]}{UNFINISHED}")
    descriptor = None
    try:
        with writing(path, beside):
            path.parent.mkdir(parents=True, exist_ok=True)
            sweep(path.parent)
            while descriptor is None:
                beside.mkdir(exist_ok=True)
                descriptor = _claim(beside)
            yield beside / path.name
            _settle(beside / path.name, path)
    except OutputError as error:  # of what was written whole in there
        if isinstance(error.__cause__, OSError) and str(beside) in str(error):
            raise OutputError(not_written(path, error.__cause__)) from error.__cause__
        raise
    finally:
        with shielded():
            shutil.rmtree(beside, ignore_errors=True)
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)


@contextmanager
def whole_both(main: Path, folder: Path) -> Iterator[tuple[Path, Path]]:
    """As `whole`, for a file and a folder that belongs to it: both or neither (see `check_both_free`).

    Raises:
        OutputError: one cannot be written.
    """
    try:
        with whole(main) as first, whole(folder) as second:
            second.mkdir()
            (second / _BEGUN).touch()  # until `main` is there too
            yield first, second
    finally:
        with shielded():
            _settle_both(main, folder)


@contextmanager
def writing(place: Path, *others: Path) -> Iterator[None]:
    """Tell in one line that `place` cannot be written, where that is why the block fails: there, or in `others`.

    Raises:
        OutputError: the disk is full, read-only or gives an error, or something on the way to `place` is no folder.
    """
    try:
        yield
    except OSError as error:
        if not any(_is_about(error, each) for each in (place, *others)):
            raise
        raise OutputError(not_written(place, error)) from error


def not_written(place: Path | str, error: OSError) -> str:
    """Say that a place cannot be written, why, and what to do."""
    advice = "Free some space or name another place." if error.errno in _FULL else "Name another place."
    why = os.strerror(error.errno) if error.errno else str(error)  # pyarrow's own words are many
    return f"{place} cannot be written: {why}. {advice}"


def why(error: BaseException) -> str:
    """What the system has against a place, of an error that `writing` may have told already."""
    return str(getattr(error.__cause__ or error, "strerror", None) or error)


def is_about_writing(error: OSError) -> bool:
    """Whether only writing can have raised it."""
    return error.errno in _ONLY_IN_WRITING


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name != "posix":
        return  # other systems have no such thing as opening a folder
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not path.is_dir() or error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):
            raise  # a file system may have nothing to do for a folder
    finally:
        os.close(descriptor)


def _settle(made: Path, path: Path) -> None:
    """Put on the disk what was made, and then in its place."""
    folders = [made] if made.is_dir() else []
    for each in sorted(made.rglob("*")) if folders else [made]:
        if each.is_dir() and not each.is_symlink():
            folders.append(each)
        elif not each.is_symlink():
            _let_others_read(each)
            sync(each)
    for folder in folders:
        sync(folder)
    if folders and path.is_dir():
        for left in filter(is_unfinished, path.iterdir()):
            shutil.rmtree(left)
        path.rmdir()  # empty; not every system renames over a folder
    made.replace(path)
    sync(path.parent)


def _settle_both(main: Path, folder: Path) -> None:
    """Where a folder was put in its place for a `main` file: keep it if that has come to its place too."""
    if (folder / _BEGUN).exists():
        if main.is_file():
            (folder / _BEGUN).unlink()
        else:
            shutil.rmtree(folder)


def _let_others_read(path: Path) -> None:
    """Give a file the mode that new files have here: some libraries write for the owner alone."""
    mask = os.umask(0)
    os.umask(mask)
    mode = 0o666 & ~mask
    if path.stat().st_mode & 0o777 != mode:
        path.chmod(mode)


def _claim(folder: Path) -> int | None:
    """Lock a folder while the descriptor is open; None if another process has or removes it, −1 without locks."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except (OSError, ImportError):
        return -1
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), folder.stat()):
            return descriptor
        held = True
    except OSError as error:
        held = error.errno in (errno.EAGAIN, errno.EACCES, errno.ENOENT)
    os.close(descriptor)
    return None if held else -1


def _is_about(error: OSError, place: Path) -> bool:
    """Whether an error tells of the place, of one on the way to it or below it, or of writing at all."""
    if is_about_writing(error):
        return True
    own = place.absolute()
    names = [Path(os.fsdecode(each)) for each in (error.filename, error.filename2) if isinstance(each, (str, bytes))]
    return any(name.absolute() in (own, *own.parents) or own in name.absolute().parents for name in names)
