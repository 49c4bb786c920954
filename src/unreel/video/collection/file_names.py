"""How a file is named in a text, and which file on the disk a text means."""

import os
import re
import unicodedata
from collections.abc import Callable
from functools import partial
from pathlib import Path


def printable(path: Path | str) -> str:
    """The path as valid text, POSIX style, with `\\xff` for bytes that are not UTF-8."""
    return os.fsencode(Path(path).as_posix()).decode("utf-8", "backslashreplace")


def file_named(name: str) -> Path:
    """The file of that printable name."""
    return Path(name) if "\\x" not in name or os.path.lexists(name) else Path(_bytes_of(name))


def found_on_disk(folder: str, text: str) -> str | None:
    """The printable name, relative to `folder` or absolute, of the file that a text means; None where there is none.

    A file that is called exactly so comes first. Otherwise spaces around it are taken away, `\\xff` is a byte, `\\` may
    be `/`, letters with marks may be one character or several, as Macs write them, and `~` is the user's home.
    """
    spellings = [text]
    if _lies(folder, text):
        return printable(text)
    for change in _CHANGES:
        for spelling in list(map(change, spellings)):
            if spelling not in spellings:
                if _lies(folder, spelling):
                    return printable(spelling)
                spellings.append(spelling)
    return None


def is_folder(path: Path) -> bool:
    """Whether there is a folder; no, where that cannot be known."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _lies(folder: str, name: str) -> bool:
    """Whether there is anything of that name but a folder."""
    path = os.path.join(folder, name)  # noqa: PTH118 (a Path takes five times as long, and lists are long)
    return name != "" and os.path.lexists(path) and not os.path.isdir(path)  # noqa: PTH112


def _bytes_of(name: str) -> str:
    content = re.sub(rb"\\x([89a-f][0-9a-f])", lambda found: bytes.fromhex(found[1].decode()), os.fsencode(name))
    return os.fsdecode(content)


_CHANGES: tuple[Callable[[str], str], ...] = (
    str.strip,
    _bytes_of,
    lambda name: name.replace("\\", "/"),
    partial(unicodedata.normalize, "NFC"),
    partial(unicodedata.normalize, "NFD"),
    os.path.expanduser,
)
