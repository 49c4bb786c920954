"""A writer of RAR archives (version 3), after the technical note of RAR: every file is stored, none is packed."""

import struct
import zlib
from collections.abc import Mapping

_STORED = 0x30
_NORMAL = 0x33
_UNIX = 3
_LONG_BLOCK = 0x8000
_DIRECTORY = 0x00E0
_UNICODE = 0x0200
END = b"\xc4\x3d\x7b\x00\x40\x07\x00"


def rar(files: Mapping[str, bytes], *, folders: tuple[str, ...] = (), links: Mapping[str, str] | None = None) -> bytes:
    """An archive of these files, after entries for these folders; `links` are symbolic, by their names."""
    entries = [_file(name, b"", flags=_DIRECTORY, mode=0o040755) for name in folders]
    entries += [_file(name, content) for name, content in files.items()]
    entries += [_file(name, target.encode(), mode=0o120777) for name, target in (links or {}).items()]
    return _begin() + b"".join(entries) + END


def packed_rar(files: Mapping[str, bytes]) -> bytes:
    """An archive that says its files are compressed; what stands in their place is of no use to anybody."""
    return _begin() + b"".join(_file(name, content, method=_NORMAL) for name, content in files.items()) + END


def _begin() -> bytes:
    return b"Rar!\x1a\x07\x00" + _block(0x73, 0, bytes(6))


def _file(name: str, content: bytes, *, flags: int = 0, mode: int = 0o100644, method: int = _STORED) -> bytes:
    data = content if method == _STORED else content[::-1]
    name_bytes = name.replace("/", "\\").encode()
    flags |= 0 if name.isascii() else _UNICODE
    checksum = zlib.crc32(content)
    facts = struct.pack("<LLBLLBBHL", len(data), len(content), _UNIX, checksum, 0, 29, method, len(name_bytes), mode)
    return _block(0x74, flags | _LONG_BLOCK, facts + name_bytes) + data


def _block(kind: int, flags: int, content: bytes) -> bytes:
    header = struct.pack("<BHH", kind, flags, 7 + len(content)) + content
    return struct.pack("<H", zlib.crc32(header) & 0xFFFF) + header
