"""The worst files that a folder of videos can hold, made on the spot, each with what must become of it.

    python tests/fuzz_corpus.py FOLDER [--flips 500]

Every picture of a video shows its number in its upper half and the number of its video in its lower half, so that a
video that takes the place of another is noticed. The good videos come first: most other files are made of them.
"""

import argparse
import json
import os
import random
import re
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, final

import av
import numpy as np
from av.container import OutputContainer
from av.stream import Disposition, Stream
from clips import Clip, number_of, picture, rotate
from jaxtyping import UInt8
from PIL import Image

Fate = Literal["ok", "refused", "either"]
Turn = Callable[[np.ndarray], np.ndarray]
Decoration = Callable[[OutputContainer, list[Stream]], object]

_H264 = Clip(options={"g": "8", "bf": "2", "x264-params": "mbtree=0"})  # mbtree is not the same every time
_MPEG4 = Clip(codec="mpeg4", options={"g": "8"})
_LOSSLESS = Clip(codec="ffv1")
_MJPEG = Clip(codec="mjpeg", format="yuvj420p")
_ONES = b"\xff\xff\xff\xff"
_DAMAGED = ("mp4", "mov", "mkv", "webm", "avi", "ts", "flv", "3gp", "ogv", "mpg", "wmv", "rm", "mxf", "m4v", "mjpeg")


@dataclass(frozen=True)
class Expected:
    """What must become of a file: `frames` are those of the whole video, all of which an "ok" one must have.

    `video` is the number that its pictures show, 0 where they show none.
    """

    fate: Fate
    frames: int = 0
    video: int = 0


def shown(luma: UInt8[np.ndarray, "h w"]) -> tuple[int, int]:
    """The number of a picture and the number of its video; both are 0 where it is too small for them."""
    if min(luma.shape) < 2:
        return 0, 0
    middle = len(luma) // 2
    return number_of(luma[:middle]), number_of(luma[middle:])


def numbered(
    video: int, first: int = 0, turn: Turn = np.asarray
) -> Callable[[int, int, int], UInt8[np.ndarray, "h w 3"]]:
    """The pictures of a video, from number `first` on, stored as `turn` makes them."""

    def paint(number: int, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
        height, width = turn(np.empty((height, width), np.uint8)).shape  # `turn` swaps the sides, or it does not
        upper = picture(first + number, width, height // 2)
        return turn(np.concatenate([upper, picture(video, width, height - len(upper))]))

    return paint


def decoded(path: Path) -> Iterator[tuple[int, int]]:
    """What the frames of a video show when nothing but PyAV decodes it, until it breaks off."""
    with av.open(str(path), metadata_errors="replace") as container, suppress(av.FFmpegError):
        for frame in container.decode(video=0):
            grey = frame.reformat(format="gray", src_colorspace=5, dst_colorspace=5)
            yield shown(grey.to_ndarray())


@final
class Corpus:
    """A folder being filled; `expected` tells of every file, by its id, what must become of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.expected: dict[str, Expected] = {}
        self._videos = 0

    def path(self, name: str) -> Path:
        """Where a file of this name goes."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def bytes_of(self, name: str) -> bytes:
        """The content of a file."""
        return (self.folder / name).read_bytes()

    def good(self, suffix: str) -> bytes:
        """The content of the good video with this suffix."""
        return self.bytes_of(f"good/{suffix}.{suffix}")

    def video(self, name: str, clip: Clip, turn: Turn = np.asarray) -> Path:
        """A good video with a number of its own."""
        self._videos += 1
        assert self._videos < 255, "pictures show numbers of 8 bits"
        frames = len(list(clip.times)) if clip.times else clip.frames
        self.expected[name] = Expected("ok", frames, self._videos)
        return replace(clip, pictures=numbered(self._videos, turn=turn)).write(self.path(name))

    def content(self, name: str, content: bytes, fate: Fate = "refused") -> None:
        """A file that shows no video's number."""
        self.path(name).write_bytes(content)
        self.expected[name] = Expected(fate)

    def variant(self, name: str, content: bytes, fate: Fate = "either", base: str = "") -> None:
        """A file that may show what `base` shows: the good video with the same suffix, if it is not named."""
        base = base or name.rpartition(".")[2]
        self.path(name).write_bytes(content)
        self.expected[name] = replace(self.expected[base if "/" in base else f"good/{base}.{base}"], fate=fate)


def write_corpus(folder: Path, flips: Iterable[int] = ()) -> dict[str, Expected]:
    """Fill a folder; `flips` are the seeds of the files with flipped bits."""
    corpus = Corpus(folder)
    for section in _SECTIONS:
        section(corpus)
    flipped(corpus, flips)
    return corpus.expected


# Bytes ----------------------------------------------------------------------------------------------------------------


def patched(content: bytes, marker: bytes, offset: int, new: bytes) -> bytes:
    """The content with other bytes at an offset from the first place of a marker."""
    place = content.index(marker) + offset
    return content[:place] + new + content[place + len(new) :]


def marker_bytes(marker: str) -> bytes:
    """The bytes that a marker in a table means: letters, or hexadecimal after 0x."""
    return bytes.fromhex(marker[2:]) if marker.startswith("0x") else marker.encode()


def encoded(clip: Clip, suffix: str) -> bytes:
    """The file that a clip makes."""
    with TemporaryDirectory() as folder:
        return clip.write(Path(folder, f"a.{suffix}")).read_bytes()


def silence(seconds: int) -> bytes:
    """A Matroska file with nothing but sound."""
    content = BytesIO()
    with av.open(content, "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000 * seconds), np.int16), "s16", "mono")
        frame.rate = 8000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return content.getvalue()


def remuxed(target: Path, sources: Sequence[bytes], decorate: Decoration = lambda *_: None, **options: str) -> bytes:
    """The packets of the first stream of every source in one file."""
    with ExitStack() as stack:
        outside = stack.enter_context(av.open(str(target), "w", container_options=options))
        insides = [stack.enter_context(av.open(BytesIO(source))) for source in sources]
        streams = [outside.add_stream_from_template(inside.streams[0]) for inside in insides]
        decorate(outside, streams)
        for inside, stream in zip(insides, streams, strict=True):
            for packet in inside.demux(inside.streams[0]):
                if packet.size:
                    packet.stream = stream
                    outside.mux(packet)
    return target.read_bytes()


def retimed(content: bytes, time: Callable[[int], int]) -> bytes:
    """A Matroska or FLV file of 24 H.264 frames whose packet `i` has the time `time(i)`, in milliseconds."""
    places: list[int] = []
    if content.startswith(b"FLV"):
        tag = 13
        while tag < len(content):
            if content[tag] == 9 and content[tag + 12] == 1:  # a video tag with a frame
                places.append(tag + 4)
            tag += 15 + int.from_bytes(content[tag + 1 : tag + 4], "big")
    else:
        block = rb"\xa3(?:[\x81-\xff]|[\x40-\x7f].|[\x20-\x3f]..)\x81(..)[\x00\x80]"
        places = [match.start(1) for match in re.finditer(block, content, re.DOTALL)]
    assert len(places) == 24
    for index, place in enumerate(places):
        packed = struct.pack(">i", time(index))
        packed = packed[1:] + packed[:1] if content.startswith(b"FLV") else packed[2:]
        content = content[:place] + packed + content[place + len(packed) :]
    return content


def png_of(side: int) -> bytes:
    """A PNG file that promises `side` by `side` pixels and holds a million bytes of them."""
    parts = {
        b"IHDR": struct.pack(">II5B", side, side, 8, 2, 0, 0, 0),
        b"IDAT": zlib.compress(bytes(10**6)),
        b"IEND": b"",
    }
    chunks = (
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def with_hole(content: bytes, path: Path, size: int = 5 << 30) -> Path:
    """An MP4 file followed by a hole of so many bytes."""
    with path.open("wb") as file:
        file.write(content + struct.pack(">I4sQ", 1, b"free", size + 16))
        file.truncate(file.tell() + size)
    return path


# Sections -------------------------------------------------------------------------------------------------------------


def containers(corpus: Corpus) -> None:
    """A good video of every suffix."""
    fast = {"deadline": "realtime"}
    for clip, suffixes in (
        (_H264, "mp4 mov mkv ts flv f4v m2ts mts"),
        (_MPEG4, "avi m4v 3gp 3g2"),
        (Clip(codec="libvpx-vp9", options=fast), "webm"),
        (Clip(codec="libvpx", options=fast), "ogv"),
        (Clip(codec="mpeg2video"), "mpg m2v mxf vob"),
        (Clip(codec="mpeg1video"), "mpeg"),
        (Clip(codec="wmv2"), "wmv asf"),
        (Clip(codec="rv10"), "rm"),
        (Clip(codec="dvvideo", width=720, height=576), "dv"),
        (_MJPEG, "mjpeg"),
    ):
        for suffix in suffixes.split():
            path = corpus.video(f"good/{suffix}.{suffix}", clip)
            if suffix in ("mkv", "webm", "ogv", "mxf"):  # which otherwise hold a number drawn by chance
                remuxed(path, [path.read_bytes()], fflags="+bitexact")
    frames = (b"FRAME\n" + bytes(64 * 48) + b"\x80" * (64 * 24) for _ in range(24))
    corpus.content("good/y4m.y4m", b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg\n" + b"".join(frames), "ok")
    corpus.expected["good/y4m.y4m"] = Expected("ok", 24)
    for suffix, base in {"qt": "mov", "divx": "avi", "mjpg": "mjpeg", "mpe": "mpg", "ogm": "ogv", "rmvb": "rm"}.items():
        corpus.variant(f"good/{suffix}.{suffix}", corpus.good(base), "ok", base)


# Where good videos are cut off: some bytes after the first place of a marker.
_CUTS = """
mp4 in ftyp.mp4           | ftyp       |   6
mp4 in mdat header.mp4    | mdat       |   2
mp4 before moov.mp4       | moov       |  -4
mp4 in moov header.mp4    | moov       |   2
mp4 in moov.mp4           | moov       |  60
mp4 in stbl.mp4           | stsz       |  20
avi in hdrl.avi           | hdrl       |  40
avi in strf.avi           | strf       |  20
avi in first frame.avi    | 00dc       |  30
avi in index.avi          | idx1       |  40
mkv in EBML header.mkv    | 0x1a45dfa3 |  10
mkv in tracks.mkv         | 0x1654ae6b |  20
mkv in cluster.mkv        | 0x1f43b675 | 100
mkv in cues.mkv           | 0x1c53bb6b |   6
ogv in first page.ogv     | OggS       |  40
ts in second packet.ts    | G          | 282
flv in first tag.flv      | FLV        |  20
wmv in header.wmv         | 0x3026b275 | 200
"""


def truncated(corpus: Corpus) -> None:
    """Files that break off."""
    for suffix in (*_DAMAGED, "dv"):
        content = corpus.good(suffix)
        size = len(content)
        lengths = {
            "quarter": size // 4,
            "half": size // 2,
            "three quarters": size * 3 // 4,
            "last 100 bytes": size - 100,
        }
        for place, length in (lengths | {"last byte": size - 1}).items():
            corpus.variant(f"truncated/{suffix} {place}.{suffix}", content[:length])
        corpus.content(f"truncated/{suffix} 1 byte.{suffix}", content[:1])
        corpus.content(f"truncated/{suffix} 16 bytes.{suffix}", content[:16])
    for line in _CUTS.strip().splitlines():
        name, marker, more = (cell.strip() for cell in line.split("|"))
        content = corpus.good(name.rpartition(".")[2])
        corpus.variant(f"truncated/{name}", content[: content.index(marker_bytes(marker)) + int(more)])
    corpus.content("truncated/empty.mp4", b"")
    for start in (188 * 20 + 50, 188 * 30):  # the first key frame is gone
        corpus.variant(f"truncated/from byte {start}.ts", corpus.good("ts")[start:])
    corpus.variant("truncated/beginning lost.mp4", corpus.good("mp4")[500:])


_PAGES = {
    "text": b"Buy milk.\n" * 50,
    "one letter": b"x",
    "newlines": b"\n" * 5000,
    "nulls": bytes(5000),
    "ones": b"\xff" * 5000,
    "html": b"<!DOCTYPE html><html><body>404 Not Found</body></html>",
    "json": b'{"error": "quota exceeded"}',
    "utf-16": "Dienstag".encode("utf-16") * 50,
    "gzip": b"\x1f\x8b\x08\x00",
    "pdf": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n",
    "elf": b"\x7fELF\x02\x01\x01",
    "sqlite": b"SQLite format 3\x00" + bytes(4000),
    "git lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
    "subtitles": b"1\n00:00:00,000 --> 00:00:04,000\nHello\n\n2\n00:00:05,000 --> 00:00:06,000\nBye\n",
    "midi": b"MThd\x00\x00\x00\x06\x00\x01",
    "script": b"#!/bin/sh\ntouch /tmp/pwned\n",
}
_MAGIC = {
    "mp4": b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
    "mov": b"\0\0\0\x14ftypqt  \0\0\x02\0qt  \0\0\x13\x88moov",
    "mkv": bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282886d6174726f736b61"),
    "avi": b"RIFF\x80\x13\0\0AVI LIST\xc0\0\0\0hdrlavih\x38\0\0\0",
    "flv": b"FLV\x01\x05\0\0\0\x09\0\0\0\0\x09",
    "ogv": b"OggS\0\x02" + bytes(8),
    "ts": b"\x47\x40\0\x10\0",
    "mpg": b"\0\0\x01\xba\x44\0\x04\0\x04\x01",
    "m2v": b"\0\0\x01\xb3\x14\0\xf0\x13\xff\xff\xe0\x18",
    "wmv": bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    "rm": b".RMF\0\0\0\x12\0\x01",
    "mxf": bytes.fromhex("060e2b34020501010d01020101020400"),
    "y4m": b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg\n",
    "mjpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "dv": b"\x1f\x07\0\x3f",
}


def disguised(corpus: Corpus) -> None:
    """Files that are something else."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("video.mp4"), corpus.good("mp4"))
    noise = random.Random(0).randbytes(5000)
    for kind, content in (_PAGES | {"zip": archive.getvalue(), "noise": noise}).items():
        corpus.content(f"disguised/{kind}.mp4", content)
    for suffix, clip in {"png": Clip(1, codec="png", format="rgb24"), "jpg": replace(_MJPEG, frames=1)}.items():
        corpus.content(f"disguised/{suffix}.mp4", encoded(clip, suffix), "either")
    palette = BytesIO()
    Image.fromarray(picture(7, 64, 48)).quantize(4).save(palette, "png")
    corpus.content("disguised/palette png.mp4", palette.getvalue(), "either")
    for suffix, magic in _MAGIC.items():
        corpus.content(f"disguised/magic.{suffix}", magic + noise, "either")


def playlists(corpus: Corpus) -> None:
    """Files that point at others: none may be followed, neither on the disk nor over the network."""
    target = (corpus.folder / "good" / "mp4.mp4").resolve()
    for kind, place in {
        "absolute": str(target),
        "relative": "../good/mp4.mp4",
        "url": target.as_uri(),
        "http": "http://127.0.0.1:9/a.mp4",
        "https": "https://127.0.0.1:9/a.mp4",
        "rtmp": "rtmp://127.0.0.1:9/a",
        "subfile": f"subfile,,start,0,end,0,,:{target}",
        "itself": "m3u8 itself.mp4",
    }.items():
        segments = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{place}\n#EXT-X-ENDLIST\n"
        corpus.content(f"playlists/m3u8 {kind}.mp4", segments.encode())
        corpus.content(f"playlists/master {kind}.mp4", f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{place}\n".encode())
        corpus.content(f"playlists/concat {kind}.mp4", f"ffconcat version 1.0\nfile '{place}'\n".encode())
    corpus.content("playlists/sdp.mp4", b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n")
    corpus.content("playlists/rtsp.mov", b"RTSPtextrtsp://127.0.0.1:9/a\r\n")
    corpus.content("playlists/dash.mp4", b'<?xml version="1.0"?><MPD><BaseURL>../good/mp4.mp4</BaseURL></MPD>')
    corpus.content("playlists/asx.wmv", b'<asx version="3.0"><entry><ref href="../good/mp4.mp4"/></entry></asx>')


def counts(corpus: Corpus) -> None:
    """Very few frames, and many."""
    for frames in (1, 2, 15, 16, 17):
        for suffix, clip in {"mp4": _H264, "avi": _MPEG4, "mkv": _LOSSLESS}.items():
            corpus.video(f"counts/{frames}.{suffix}", replace(clip, frames=frames))
    corpus.video("counts/250.mp4", replace(_H264, frames=250))


def timing(corpus: Corpus) -> None:
    """Rates and times without sense: what can be decoded is not lost for them."""
    gap = [*range(0, 480, 40), *range(86_400_000, 86_400_480, 40)]
    for name, rate, times in (
        ("rate 1.mp4", 1, None),
        ("rate 1 per hour.mkv", Fraction(1, 3600), None),
        ("rate 240.mp4", 240, None),
        ("rate 1000.mp4", 1000, None),
        ("rate 90000.mp4", 90_000, None),
        ("rate 30000 by 1001.mp4", Fraction(30_000, 1001), None),
        ("rate 1000000007 by 33333335.mov", Fraction(1_000_000_007, 33_333_335), None),
        ("variable.mkv", 1000, [i * i for i in range(24)]),
        ("variable.mp4", 1000, [i * i for i in range(24)]),
        ("gap of a day.mkv", 1000, gap),
        ("gap of a day.mp4", 1000, gap),
        ("late.ts", 25, range(1000, 1024)),
        ("late.mkv", 25, range(100_000, 100_024)),
        ("early.mp4", 25, range(-30, -6)),
        ("early.mkv", 25, range(-30, -6)),
    ):
        corpus.video(f"timing/{name}", replace(_H264, rate=rate, times=times))
    for name in ("rate 90000.mp4", "early.mp4"):  # their edit list shows nothing
        corpus.expected[f"timing/{name}"] = replace(corpus.expected[f"timing/{name}"], fate="either")
    for suffix in ("mkv", "flv"):
        for name, time in (
            ("the same", lambda _: 40),
            ("decreasing", lambda index: 2000 - 40 * index),
            ("shuffled", lambda index: 40 * (index * 7 % 24)),
            ("jumping", lambda index: 40 * index + 10_000 * (index % 2)),
            ("below 0", lambda index: 40 * index - 2000),
        ):
            path = corpus.video(f"timing/{name}.{suffix}", replace(_H264, options={"bf": "0"}))
            path.write_bytes(retimed(path.read_bytes(), time))


# What is written over a good video with the same suffix: the name of the result, where (from the first place of some
# bytes, in letters or as hexadecimal 0x…), and what (hexadecimal).
_PATCHES = """
timing/mdhd timescale 0.mp4            | mdhd 16        | 00000000
timing/mdhd timescale 2^32-1.mp4       | mdhd 16        | ffffffff
timing/mdhd duration 0.mp4             | mdhd 20        | 00000000
timing/mdhd duration 2^32-1.mp4        | mdhd 20        | ffffffff
timing/mvhd timescale 0.mp4            | mvhd 16        | 00000000
timing/mvhd duration 0.mp4             | mvhd 20        | 00000000
timing/stts delta 0.mp4                | stts 16        | 00000000
timing/stts delta 2^31-1.mp4           | stts 16        | 7fffffff
timing/stts delta 2^32-1.mp4           | stts 16        | ffffffff
timing/elst duration 0.mp4             | elst 12        | 00000000
timing/elst from the end.mp4           | elst 16        | 7fffffff
timing/rate 0.avi                      | strh 32        | 00000000
timing/rate 2^32-1.avi                 | strh 32        | ffffffff
timing/scale 0.avi                     | strh 28        | 00000000
timing/scale and rate 0.avi            | strh 28        | 0000000000000000
timing/scale 2^32-1.avi                | strh 28        | ffffffff
timing/length 0.avi                    | strh 40        | 00000000
timing/length 2^32-1.avi               | strh 40        | ffffffff
timing/microseconds 0.avi              | avih 8         | 00000000
timing/timestamp scale 0.mkv           | 0x2ad7b183 4   | 000000
timing/timestamp scale 1.mkv           | 0x2ad7b183 4   | 000001
timing/timestamp scale 2^24-1.mkv      | 0x2ad7b183 4   | ffffff
boxes/one size for all samples.mp4     | stsz 8         | 7fffffff
boxes/first sample huge.mp4            | stsz 16        | 7fffffff
boxes/first sample empty.mp4           | stsz 16        | 00000000
boxes/chunk far away.mp4               | stco 12        | ffffffff
boxes/samples per chunk 2^31.mp4       | stsc 16        | 80000000
boxes/65535x65535 in header.mp4        | stsd 44      | ffffffff
boxes/0x0 in header.mp4                | stsd 44      | 00000000
boxes/no parameter sets.mp4            | avcC 9         | e00000
boxes/encrypted encv.mp4               | stsd 16      | 656e6376
boxes/encrypted drmi.mp4               | stsd 16      | 64726d69
boxes/unknown codec.mp4                | stsd 16      | 78797a7a
boxes/unknown codec.avi                | strf 24        | 58595a57
boxes/unknown codec.mkv                | V_MPEG4/ISO 8  | 58595a
boxes/65535x65535 in header.avi        | strf 12        | ffff0000ffff0000
boxes/negative size in header.avi      | strf 12        | ffffffffffffffff
boxes/RIFF of size 0.avi               | RIFF 4         | 00000000
boxes/RIFF of size 2^32-1.avi          | RIFF 4         | ffffffff
boxes/movi of size 0.avi               | movi -4        | 00000000
boxes/movi of size 2^32-1.avi          | movi -4        | ffffffff
boxes/first frame of size 0.avi        | 00dc 4         | 00000000
boxes/first frame of size 2^32-1.avi   | 00dc 4         | ffffffff
boxes/strf of size 2^32-1.avi          | strf 4         | ffffffff
boxes/index of size 2^32-1.avi         | idx1 4         | ffffffff
boxes/index of nonsense.avi            | idx1 12        | ffffffffffffffffffffffffffffffffffffffff
boxes/million streams.avi              | avih 32        | 40420f00
boxes/EBML header huge.mkv             | 0x1a45dfa3 4   | 01fffffffffffffe
boxes/tracks of unknown size.mkv       | 0x1654ae6b 4   | 01ffffffffffffff
boxes/cluster of unknown size.mkv      | 0x1f43b675 4   | 01ffffffffffffff
boxes/cues of nonsense.mkv             | 0x1c53bb6b 5   | ffffffffffffffffffffffffffffffffffffffff
"""


def patches(corpus: Corpus) -> None:
    """Single numbers of headers that are wrong."""
    for line in _PATCHES.strip().splitlines():
        name, place, new = (cell.strip() for cell in line.split("|"))
        marker, offset = place.split()
        fate: Fate = "refused" if "encrypted" in name or "unknown codec" in name else "either"
        content = corpus.good(name.rpartition(".")[2])
        corpus.variant(name, patched(content, marker_bytes(marker), int(offset), bytes.fromhex(new)), fate)


def boxes(corpus: Corpus) -> None:
    """Sizes and counts in headers that promise too much."""
    mp4 = corpus.good("mp4")
    for kind in ("ftyp", "moov", "trak", "mdia", "stbl", "stsd", "avcC", "mdat"):
        for size in (0, 1, 7, 2**31, 2**32 - 1):
            content = patched(mp4, kind.encode(), -4, struct.pack(">I", size))
            corpus.variant(f"boxes/{kind} of size {size}.mp4", content)
    for kind in ("stts", "stsz", "stsc", "stco", "ctts", "stss", "stsd", "elst", "dref"):
        for count in (0, 2**27, 2**32 - 1):
            content = patched(mp4, kind.encode(), 12 if kind == "stsz" else 8, struct.pack(">I", count))
            corpus.variant(f"boxes/{kind} with {count} entries.mp4", content)
    head = mp4[: struct.unpack_from(">I", mp4)[0]]
    for depth in (100, 5000, 50_000):
        nested = b"".join(struct.pack(">I4s", 8 * (depth - level), b"moov") for level in range(depth))
        corpus.content(f"boxes/nested {depth} times.mp4", head + nested)
    corpus.content("boxes/100000 empty.mp4", head + b"\0\0\0\x08free" * 100_000)
    corpus.variant("boxes/100000 empty ones first.mp4", b"\0\0\0\x08free" * 100_000 + mp4)


def pages(corpus: Corpus) -> None:
    """Ogg pages with a wrong number in their header."""
    ogv = corpus.good("ogv")
    starts = [match.start() for match in re.finditer(b"OggS", ogv)]
    for page, start in enumerate(starts[:4]):
        for what, offset in {"granule": 6, "serial": 14, "number": 18, "checksum": 22}.items():
            wrong = patched(ogv[start:], b"OggS", offset, b"\xfe\xdc\xba\x98")
            corpus.variant(f"boxes/page {page} with wrong {what}.ogv", ogv[:start] + wrong)


def bombs(corpus: Corpus) -> None:
    """Small files that promise huge pictures."""
    ivf = encoded(Clip(codec="libvpx"), "ivf")
    corpus.content("boxes/16383x16383 vp8.webm", patched(ivf, b"\x9d\x01\x2a", 3, b"\xff\x3f\xff\x3f"), "either")
    gif = encoded(Clip(1, codec="gif", format="rgb8"), "gif")
    for side in (16_000, 65_535):
        corpus.content(
            f"boxes/{side}x{side} gif.mp4", patched(gif, b"GIF89a", 6, struct.pack("<HH", side, side)), "either"
        )
        corpus.content(f"boxes/{side}x{side} png.mp4", png_of(side), "either")
    for size in ("W0 H0", "W2147483647 H2147483647", "W32000 H32000", "W-5 H48"):
        corpus.content(
            f"boxes/{size}.y4m", f"YUV4MPEG2 {size} F25:1 Ip C420jpeg\nFRAME\n".encode() + bytes(5000), "either"
        )


def orientations(corpus: Corpus) -> None:
    """Pictures to be turned: every display matrix that is a turn, and some that are none."""
    for turns in range(4):
        for step in (1, -1):

            def turn(upright: np.ndarray, turns: int = turns, step: int = step) -> np.ndarray:
                return np.rot90(upright, turns)[:, ::step]

            path = corpus.video(f"orientations/{90 * turns}{' mirrored' if step < 0 else ''}.mp4", _H264, turn)
            rotate(path, quarter_turns=turns, mirrored=step < 0)
    for name, matrix in {
        "45 degrees": (46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30),
        "zeros": (0,) * 9,
        "minus ones": (-1,) * 9,
        "largest": (2**31 - 1,) * 9,
        "smallest": (-(2**31),) * 9,
        "shear": (65536, 0, 0, 65536, 65536, 0, 0, 0, 1 << 30),
        "flat": (65536, 0, 0, 0, 0, 0, 0, 0, 1 << 30),
        "perspective": (65536, 0, 1 << 29, 0, 65536, 1 << 29, 0, 0, -(1 << 30)),
    }.items():
        content = patched(corpus.good("mp4"), b"tkhd", 44, struct.pack(">9i", *matrix))
        corpus.variant(f"orientations/{name}.mp4", content)


def colours(corpus: Corpus) -> None:
    """Pixel formats, ranges and matrices."""
    formats = (
        "yuv410p yuv411p yuv420p yuv422p yuv440p yuv444p yuva420p yuva422p yuva444p gray gray10le gray16le ya8 bgr0 "
        "bgra rgb48le rgba64le gbrp10le gbrp12le gbrp16le gbrap16le yuv420p10le yuv422p10le yuv444p10le yuv420p12le "
        "yuv422p12le yuv444p12le yuv444p16le yuva444p16le"
    )
    matrices = (
        "bt709 fcc bt470bg smpte170m smpte240m GBR YCgCo bt2020nc bt2020c smpte2085 chroma-derived-nc chroma-derived-c "
        "ICtCp"
    )
    for name in formats.split():
        corpus.video(f"colours/{name}.mkv", replace(_LOSSLESS, format=name))
    for codec, name in (("libx264", "nv12"), ("libx264", "yuvj444p"), ("libx264rgb", "rgb24"), ("gif", "rgb8")):
        corpus.video(f"colours/{codec} {name}.mov", Clip(codec=codec, format=name))
    for matrix in matrices.split():
        options = {"x264-params": f"colormatrix={matrix}:range=pc"}
        clip = Clip(format="yuv444p" if matrix == "GBR" else "yuv420p", options=options)
        corpus.video(f"colours/matrix {matrix}.mp4", clip)
    corpus.video("colours/black and white.avi", Clip(codec="rawvideo", format="monow"))
    corpus.expected["colours/black and white.avi"] = Expected("ok", 24)  # dithered
    corpus.video("colours/interlaced.mp4", Clip(height=64, options={"x264-params": "tff=1"}))
    corpus.video("colours/interlaced.mpg", Clip(codec="mpeg2video", height=64, options={"flags": "+ilme+ildct"}))


def sizes(corpus: Corpus) -> None:
    """Pictures of odd, absurd and changing sizes and formats."""
    for width, height in (
        (65, 49),
        (33, 65),
        (1, 1),
        (2, 2),
        (3, 1),
        (16, 1),
        (1, 16),
        (17, 255),
        (1, 4000),
        (4000, 2),
    ):
        name = f"sizes/{width}x{height}.avi"
        corpus.video(name, Clip(24, width, height, "png", "rgb24"))
        fate: Fate = "refused" if max(width, height) > 16 * min(width, height) else "ok"
        video = corpus.expected[name].video if min(width, height) > 16 else 0  # smaller ones show no number
        corpus.expected[name] = Expected(fate, 24, video)
    corpus.video("sizes/512x32.mkv", replace(_LOSSLESS, width=512, height=32))
    corpus.video("sizes/aspect 3 to 1.mkv", replace(_LOSSLESS, aspect=Fraction(3)))
    corpus.video("sizes/aspect 100000 to 1.mkv", replace(_LOSSLESS, aspect=Fraction(100_000)))
    corpus.video("sizes/7680x4320.mp4", Clip(1, 7680, 4320, options={"preset": "ultrafast"}))
    for suffix, first, second in (
        ("ts", Clip(), Clip(width=96, height=96)),
        ("mpg", Clip(codec="mpeg2video"), Clip(codec="mpeg2video", width=96, height=96)),
        ("mjpeg", _MJPEG, replace(_MJPEG, format="yuvj444p", width=32)),
        ("m2v", Clip(codec="mpeg2video"), Clip(codec="mpeg2video", format="yuv422p")),
        ("mts", Clip(), Clip(format="yuv444p")),
        ("m2ts", Clip(), Clip(format="yuv420p10le")),
    ):
        name = f"sizes/changing.{suffix}"
        path = corpus.video(name, first)
        video = corpus.expected[name].video
        path.write_bytes(path.read_bytes() + encoded(replace(second, pictures=numbered(video, 24)), suffix))
        corpus.expected[name] = Expected("either" if suffix in ("mpg", "m2v") else "ok", 48, video)


def codecs(corpus: Corpus) -> None:
    """One video of every encoder there is that makes decodable files."""
    for suffix, names in (
        ("mkv", "libsvtav1 libx265 jpeg2000 prores_ks snow mpeg1video mpeg2video msmpeg4 libvpx"),
        ("avi", "amv asv1 asv2 cfhd cinepak cljr ffvhuff flashsv flv h263p huffyuv jpegls magicyuv msmpeg4v2 msvideo1"),
        ("avi", "r210 rpza rawvideo speedhq svq1 targa utvideo v210 v308 v408 v410 wmv1 y41p yuv4 zlib png dpx"),
        ("mov", "avrp dxv exr prores qtrle r10k sgi tiff libx265 mpeg4"),
        ("mp4", "libsvtav1 libx265 libvpx-vp9 ffv1 mpeg2video png"),
        ("mxf", "jpeg2000 prores libx264 ffv1"),
        ("flv", "libx265 libvpx-vp9"),
        ("webm", "libsvtav1 libvpx"),
        ("rm", "rv20"),
    ):
        for codec in names.split():
            if codec in av.codecs_available:
                formats = [form.name for form in av.Codec(codec, "w").video_formats or ()]
                form = "yuv420p" if "yuv420p" in formats or not formats else formats[0]
                corpus.video(f"codecs/{codec}.{suffix}", Clip(codec=codec, format=form))
    corpus.video("codecs/h261.avi", Clip(codec="h261", width=176, height=144))
    corpus.video("codecs/h263.3gp", Clip(codec="h263", width=176, height=144))
    corpus.video("codecs/dv.avi", Clip(codec="dvvideo", width=720, height=576))
    corpus.video("codecs/mjpeg.mov", _MJPEG)
    corpus.video("codecs/dnxhd.mxf", Clip(2, 1280, 720, "dnxhd", "yuv422p", options={"b": "60M"}))
    open_groups = Clip(60, options={"bf": "3", "g": "12", "x264-params": "open-gop=1"})
    corpus.video("codecs/open groups.mp4", open_groups)
    corpus.video("codecs/open groups.ts", open_groups)
    content = corpus.bytes_of("codecs/open groups.ts")
    middle = content[len(content) // 188 // 3 * 188 :]
    corpus.variant("codecs/from mid-group.ts", middle, "either", "codecs/open groups.ts")
    _with_exif(corpus)
    _packed(corpus)


def _with_exif(corpus: Corpus) -> None:
    """Motion JPEG as cameras write it: every picture says which way up the camera was."""
    path = corpus.video("codecs/mjpeg with EXIF.mjpeg", _MJPEG)
    exif = b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0"
    path.write_bytes(path.read_bytes().replace(b"\xff\xd8", b"\xff\xd8" + exif))


def _packed(corpus: Corpus) -> None:
    """MPEG-4 as DivX packed it: a frame and the B-frame before it in one packet, then an empty one."""
    name = "codecs/packed B-frames.avi"
    path = corpus.video(name, Clip(25, codec="mpeg4", options={"bf": "1", "g": "100", "sc_threshold": "1000000000"}))
    content = path.read_bytes()
    with av.open(BytesIO(content)) as inside, av.open(str(path), "w") as outside:
        stream = outside.add_stream_from_template(inside.streams.video[0])
        packets = [bytes(packet) for packet in inside.demux(video=0) if packet.size]
        pairs = zip(packets[1::2], packets[2::2], strict=True)
        packed = [part for pair in pairs for part in (b"".join(pair), b"\0\0\x01\xb6\x50\0\x7f")]
        for time, part in enumerate([b"\0\0\x01\xb2DivX503b1393p" + packets[0], *packed]):
            packet = av.Packet(part)
            packet.pts = packet.dts = time
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 25), stream, time == 0
            outside.mux(packet)
    corpus.expected[name] = replace(corpus.expected[name], fate="either")


def streams(corpus: Corpus) -> None:
    """Files with other streams than one of video, and video in fragments."""
    video, sound = corpus.good("mp4"), silence(1)
    cover = encoded(Clip(1, codec="png", format="rgb24"), "png")

    def attached(_: OutputContainer, streams: list[Stream]) -> None:
        streams[-1].disposition = Disposition.attached_pic

    def data(container: OutputContainer, _: list[Stream]) -> None:
        container.add_data_stream()

    def attachment(container: OutputContainer, _: list[Stream]) -> None:
        container.add_attachment("cover.png", "image/png", cover)

    mixtures: dict[str, tuple[list[bytes], Decoration]] = {
        "audio only.mkv": ([sound], lambda *_: None),
        "audio only.mp4": ([sound], lambda *_: None),
        "audio and cover.mp4": ([sound, cover], attached),
        "audio and cover.mkv": ([sound], attachment),
        "video and cover.mp4": ([video, cover], attached),
        "video and attachment.mkv": ([video], attachment),
        "two videos.mp4": ([video, video], lambda *_: None),
        "two videos.mkv": ([video, video], lambda *_: None),
        "three sounds.mkv": ([sound, sound, video, sound], lambda *_: None),
        "three sounds.mov": ([video, sound, sound, sound], lambda *_: None),
        "long sound.mov": ([video, silence(100)], lambda *_: None),
        "data.ts": ([video], data),
    }
    for name, (sources, decorate) in mixtures.items():
        content = remuxed(corpus.path(f"streams/{name}"), sources, decorate)
        if video in sources:
            corpus.variant(f"streams/{name}", content, "ok", "mp4")
        else:
            corpus.content(f"streams/{name}", content)
    with av.open(str(corpus.path("streams/subtitles only.mkv")), "w") as container:
        packet = av.Packet(b"Hello")
        packet.stream = container.add_mux_stream("subrip")
        packet.pts, packet.dts, packet.duration, packet.time_base = 0, 0, 1000, Fraction(1, 1000)
        container.mux(packet)
    corpus.expected["streams/subtitles only.mkv"] = Expected("refused")


def fragments(corpus: Corpus) -> None:
    """MP4 in other orders, and in pieces of which some are missing."""
    video = corpus.good("mp4")
    for name, flags in {"fragmented": "frag_keyframe+empty_moov", "moov first": "faststart"}.items():
        corpus.variant(
            f"streams/{name}.mp4", remuxed(corpus.path(f"streams/{name}.mp4"), [video], movflags=flags), "ok"
        )
    content = corpus.bytes_of("streams/fragmented.mp4")
    corpus.variant("streams/fragments cut.mp4", content[: len(content) * 2 // 3])
    corpus.variant("streams/fragments without moov.mp4", content[content.index(b"moof") - 4 :])


def metadata(corpus: Corpus) -> None:
    """Titles that are no text, or too much of it."""
    clips = {"avi": _MPEG4, "mp4": _H264, "mkv": _H264, "flv": Clip(codec="flv"), "wmv": Clip(codec="wmv2")}
    for suffix, clip in clips.items():
        path = corpus.video(f"metadata/not UTF-8.{suffix}", replace(clip, metadata={"title": "QQQQ"}))
        content = path.read_bytes().replace(b"QQQQ", b"\xe9\xff\x80\x81")
        path.write_bytes(content.replace("QQQQ".encode("utf-16-le"), b"\0\xd8\0\xd8\xff\xff\0\xdc"))
        huge = {"title": "Q" * 1_000_000, "comment": "🎬" * 50_000}
        corpus.video(f"metadata/huge.{suffix}", replace(clip, metadata=huge))
        corpus.video(f"metadata/markup.{suffix}", replace(clip, metadata={"title": "<b>1</b>\n\r%s%n[red]"}))


_NAMES = (
    "with space", "line\nbreak", "tab\t", "carriage\rreturn", "'quoted'", '"double"', "🎬", "日本語", "e\u0301 é", "-y",
    "--help", "a:b", "http:", "file:", "concat:a|b", "pipe:0", "-", "%03d", "%s%n", "$(touch pwned)", "`id`", ";|&",
    "back\\slash", "star*?[a-z]", "[red]markup[/red]", "<b>bold</b>", "~", "#hash", "comma,semicolon;",
    "\u202ebackwards", "\ufeffmark", "zero\u200bwidth", "two.dots..", " leading", "trailing ", "x" * 200, "é" * 100,
    "UPPER", "CON", "\x01\x7f",
)  # fmt: skip


def names(corpus: Corpus) -> None:
    """Good videos whose names some program would stumble over, or whose suffix is another's."""
    mp4 = corpus.good("mp4")
    for name in _NAMES:
        corpus.variant(f"names/{name}.mp4", mp4, "ok")
    corpus.variant("names/SUFFIX.MP4", mp4, "ok", "mp4")
    for suffix in ("avi", "mkv", "ts", "mjpeg"):
        corpus.variant(f"names/{suffix} inside.mp4", corpus.good(suffix), "ok", suffix)
        corpus.variant(f"names/mp4 inside.{suffix}", mp4, "ok", "mp4")
    for suffix, clip in {"gif": Clip(codec="gif", format="rgb8"), "h264": _H264, "hevc": Clip(codec="libx265")}.items():
        path = corpus.video(f"names/{suffix} inside.{suffix}", clip)
        path.rename(path.with_suffix(".mp4"))
        corpus.expected[f"names/{suffix} inside.mp4"] = corpus.expected.pop(f"names/{suffix} inside.{suffix}")
    Path(os.fsdecode(os.fsencode(corpus.folder) + b"/names/caf\xe9 \xff.mp4")).write_bytes(mp4)
    corpus.expected["names/caf\\xe9 \\xff.mp4"] = corpus.expected["good/mp4.mp4"]


def special_files(corpus: Corpus) -> None:
    """Links, pipes, sockets and folders."""
    good, refused = corpus.expected["good/mp4.mp4"], Expected("refused")
    for name, target, expected in (
        ("link.mp4", "../good/mp4.mp4", good),
        ("link of link.mp4", "link.mp4", good),
        ("nowhere.mp4", "nothing", refused),
        ("itself.mp4", "itself.mp4", refused),
        ("there.mp4", "and back.mp4", refused),
        ("and back.mp4", "there.mp4", refused),
        ("endless.mp4", "/dev/zero", refused),
        ("null.mp4", "/dev/null", refused),
    ):
        corpus.path(f"special/{name}").symlink_to(target)
        corpus.expected[f"special/{name}"] = expected
    corpus.path("special/round").symlink_to("..")
    corpus.path("special/twin.mp4").hardlink_to(corpus.folder / "good" / "mp4.mp4")
    corpus.expected["special/twin.mp4"] = good
    os.mkfifo(corpus.path("special/pipe.mp4"))
    with socket.socket(socket.AF_UNIX) as server, TemporaryDirectory() as short:  # its path may have 107 bytes
        server.bind(f"{short}/s")
        Path(short, "s").rename(corpus.path("special/socket.mp4"))
    corpus.expected |= {"special/pipe.mp4": refused, "special/socket.mp4": refused}
    corpus.path("special/empty folder.mp4").mkdir()
    corpus.variant("special/folder.mp4/inside.mp4", corpus.good("mp4"), "ok")


def flipped(corpus: Corpus, seeds: Iterable[int]) -> None:
    """Good videos with 1 to 128 bits flipped, in half of them within the first 2 kB, where the headers are."""
    for seed in seeds:
        draw = random.Random(seed)
        suffix = _DAMAGED[seed % len(_DAMAGED)]
        content = bytearray(corpus.good(suffix))
        end = min(len(content), 2048) if draw.random() < 0.5 else len(content)
        for _ in range(2 ** draw.randrange(8)):
            content[draw.randrange(end)] ^= 1 << draw.randrange(8)
        corpus.variant(f"flipped/{seed}.{suffix}", bytes(content))


_SECTIONS: tuple[Callable[[Corpus], None], ...] = (
    containers, truncated, disguised, playlists, counts, timing, patches, boxes, pages, bombs, orientations, colours,
    sizes, codecs, streams, fragments, metadata, names, special_files,
)  # fmt: skip


def main() -> None:
    """Write the corpus, and what is expected of it to `expected.json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--flips", type=int, default=0, help="how many files with flipped bits")
    arguments = parser.parse_args()
    expected = write_corpus(arguments.folder, range(arguments.flips))
    facts = {name: asdict(fate) for name, fate in sorted(expected.items())}
    (arguments.folder / "expected.json").write_text(json.dumps(facts, indent=1))
    print(f"{len(expected)} files in {arguments.folder}")


if __name__ == "__main__":
    main()
