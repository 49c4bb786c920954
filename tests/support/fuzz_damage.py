"""The part of the fuzz corpus that is damaged, in disguise, or means harm."""

import random
import re
import struct
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from io import BytesIO

from clips import Clip, picture
from fuzz_pieces import (
    DAMAGED,
    H264,
    MJPEG,
    MPEG4,
    Corpus,
    Expected,
    Fate,
    encoded,
    marker_bytes,
    patched,
    png_of,
    remuxed,
)
from PIL import Image


def containers(corpus: Corpus) -> None:
    """A good video of every suffix."""
    fast = {"deadline": "realtime"}
    for clip, suffixes in (
        (H264, "mp4 mov mkv ts flv f4v m2ts mts"),
        (MPEG4, "avi m4v 3gp 3g2"),
        (Clip(codec="libvpx-vp9", options=fast), "webm"),
        (Clip(codec="libvpx", options=fast), "ogv"),
        (Clip(codec="mpeg2video"), "mpg m2v mxf vob"),
        (Clip(codec="mpeg1video"), "mpeg"),
        (Clip(codec="wmv2"), "wmv asf"),
        (Clip(codec="rv10"), "rm"),
        (Clip(codec="dvvideo", width=720, height=576), "dv"),
        (MJPEG, "mjpeg"),
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
    for suffix in (*DAMAGED, "dv"):
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
    for suffix, clip in {"png": Clip(1, codec="png", format="rgb24"), "jpg": replace(MJPEG, frames=1)}.items():
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
        fate: Fate = "skipped" if "encrypted" in name or "unknown codec" in name else "either"
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


def flipped(corpus: Corpus, seeds: Iterable[int]) -> None:
    """Good videos with 1 to 128 bits flipped, in half of them within the first 2 kB, where the headers are."""
    for seed in seeds:
        draw = random.Random(seed)
        suffix = DAMAGED[seed % len(DAMAGED)]
        content = bytearray(corpus.good(suffix))
        end = min(len(content), 2048) if draw.random() < 0.5 else len(content)
        for _ in range(2 ** draw.randrange(8)):
            content[draw.randrange(end)] ^= 1 << draw.randrange(8)
        corpus.variant(f"flipped/{seed}.{suffix}", bytes(content))
