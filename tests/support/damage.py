"""Ways to damage a file, and to put something else in its place: what verbs must tell in a line."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

Damage = Callable[[Path], object]


def _content(content: bytes) -> Damage:
    return lambda path: path.write_bytes(content)


def _changed(change: Callable[[bytes], bytes]) -> Damage:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def _instead(make: Callable[[Path], object]) -> Damage:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def flipped(path: Path, share: float, bit: int = 0) -> None:
    """Flip one bit of a file, at a share of its length."""
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 1 << bit
    path.write_bytes(content)


def hollow(path: Path) -> None:
    """A terabyte that takes no place on the disk."""
    with path.open("wb") as file:
        file.truncate(1 << 40)


OF_ANY: dict[str, Damage] = {
    "empty": _content(b""),
    "half": _changed(lambda content: content[: len(content) // 2]),
    "its last byte lost": _changed(lambda content: content.rstrip()[:-1]),
    "zeros": _changed(lambda content: bytes(len(content))),
    "noise": _content(np.random.default_rng(0).bytes(5000)),
    "a zero byte inside": _changed(lambda content: content[:20] + b"\0" + content[20:]),
    "Latin-1": _changed(lambda content: content[:20] + b"\xe9" + content[20:]),
    "UTF-16": _content("steps: 3".encode("utf-16")),
    "a folder": _instead(lambda path: path.mkdir()),
    "a pipe": _instead(lambda path: os.mkfifo(path)),
    "a device without end": _instead(lambda path: path.symlink_to("/dev/zero")),
    "a link to itself": _instead(lambda path: path.symlink_to(path)),
    "another format": _content(b"PK\3\4" + bytes(100)),
    "null": _content(b"null"),
    "a list": _content(b"[1, 2]"),
    "a number": _content(b"42"),
    "a long number": _content(b"9" * 5000),
    "a word": _content(b'"word"'),
    "an empty table": _content(b"{}"),
    "lists in lists": _content(b"[" * 100_000),
    "tables in tables": _content(b'{"a":' * 100_000),
    "huge and hollow": hollow,
}
