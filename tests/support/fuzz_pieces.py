"""What the fuzz corpus is made of: videos that show whose they are, and ways to take files apart."""

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, final

import av
import numpy as np
from av.container import OutputContainer
from av.stream import Stream
from clips import Clip, number_of, picture
from jaxtyping import UInt8

Fate = Literal["ok", "skipped", "either"]

Turn = Callable[[np.ndarray], np.ndarray]

Decoration = Callable[[OutputContainer, list[Stream]], object]

H264 = Clip(options={"g": "8", "bf": "2", "x264-params": "mbtree=0"})  # mbtree is not the same every time

MPEG4 = Clip(codec="mpeg4", options={"g": "8"})

LOSSLESS = Clip(codec="ffv1")

MJPEG = Clip(codec="mjpeg", format="yuvj420p")

_ONES = b"\xff\xff\xff\xff"

DAMAGED = ("mp4", "mov", "mkv", "webm", "avi", "ts", "flv", "3gp", "ogv", "mpg", "wmv", "rm", "mxf", "m4v", "mjpeg")


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

    def content(self, name: str, content: bytes, fate: Fate = "skipped") -> None:
        """A file that shows no video's number."""
        self.path(name).write_bytes(content)
        self.expected[name] = Expected(fate)

    def variant(self, name: str, content: bytes, fate: Fate = "either", base: str = "") -> None:
        """A file that may show what `base` shows: the good video with the same suffix, if it is not named."""
        base = base or name.rpartition(".")[2]
        self.path(name).write_bytes(content)
        self.expected[name] = replace(self.expected[base if "/" in base else f"good/{base}.{base}"], fate=fate)


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
