"""A published file: where it can be had, and whether what came is it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from unreel.engine.progress import ProgressBar

_MAGIC = {".zip": b"PK\x03\x04", ".rar": b"Rar!\x1a\x07", ".gz": b"\x1f\x8b", ".tgz": b"\x1f\x8b"}
_MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class RemoteFile:
    """An archive, or a list, by its name, and the addresses that it can be had from, tried in their order.

    `size` (bytes) and `sha256` are given where they are published; `homepage` is where people find the file.
    """

    name: str
    addresses: tuple[str, ...]
    size: int | None = None
    sha256: str = ""
    homepage: str = ""

    @property
    def kind(self) -> str:
        """The suffix of its name."""
        return Path(self.name).suffix

    @property
    def is_archive(self) -> bool:
        """Whether it is to be unpacked."""
        return self.kind in _MAGIC

    def fault(self, path: Path) -> str:
        """What is wrong with a file that should be this one, whole; empty if nothing is."""
        with path.open("rb") as content:
            beginning = content.read(_MEBIBYTE)
        if len(beginning) < len(_MAGIC.get(self.kind, b"")) or not self.may_begin(beginning):
            return f"begins with {beginning[:40]!r}, expected {self.kind}"
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"has {size} bytes, expected {self.size}"
        checksum = _sha256(path) if self.sha256 else ""
        return f"has the sha256 {checksum}, expected {self.sha256}" if checksum != self.sha256 else ""

    def may_begin(self, beginning: bytes) -> bool:
        """Whether a file of its kind can begin so; a page of HTML is no list."""
        magic = _MAGIC.get(self.kind)
        return beginning[: len(magic)] == magic[: len(beginning)] if magic else not is_page(beginning)


def is_page(beginning: bytes) -> bool:
    """Whether this looks like a page of HTML, as servers give in place of a file."""
    return beginning.lstrip()[:1] == b"<"


def in_units(size: int) -> str:
    """A number of bytes for people: 6.9 GB."""
    for unit, one in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= one:
            return f"{size / one:.1f} {unit}"
    return f"{size} bytes"


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content, ProgressBar(f"verifying {path.name}", path.stat().st_size, of_bytes=True) as bar:
        while chunk := content.read(_MEBIBYTE):
            digest.update(chunk)
            bar.advance(len(chunk))
    return digest.hexdigest()
