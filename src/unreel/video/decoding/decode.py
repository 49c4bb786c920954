"""Clips of a video file, by frame number.

The one contract of every reader: frame `i` is the `i`-th frame, from 0, that comes out of decoding the whole file from
its beginning, beyond what is damaged, whatever its timestamps and key frames are. Times never decide which it is.

    frames of the file   0 1 2 3 4 5 6 7 8 9 …
    starts 2, 4, length 4    [2 3 4 5]
                                 [4 5 6 7]      decoded once, 0 to 7
"""

import errno
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Protocol, final, runtime_checkable

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import Int

from unreel.engine.limits import is_limited, progress
from unreel.errors import VideoError
from unreel.video.decoding.convert import Converter, colour_of, plane_views
from unreel.video.decoding.yuv import Planes

# Prepared files have a key frame every so many frames, none else, and no frame refers to a later one.
KEY_FRAME_INTERVAL = 12

_MOST_PIXELS = 64 * 1024 * 1024  # of a frame: twice 8K; a header of some bytes can ask for any amount of memory
_MOST_FAILURES = 1000  # to read, one after the other, until nothing more is expected of a file
_OPTIONS = {"protocol_whitelist": "file"}  # playlists must not make us read the network
_PLAYLISTS = frozenset({"concat", "dash", "hls", "imf"})
_PLAYLIST = "a playlist of other files, not a video itself"
_OTHERS = {"tty": "a text, not a video", "webp_pipe": "a WebP picture, or an animated one, which FFmpeg cannot read"}
_PICTURE = re.compile(r".*\.(bmp|jpe?g|jp2|jxl|p[bgnp]m|png|tga|tiff?)", re.IGNORECASE | re.DOTALL)
_WHOLE_FRAMES = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi")
_WHOLE_FRAME_CODECS = ("av1", "ffv1", "h264", "hevc", "mjpeg", "mpeg4", "png", "vp9")
# Opening decodes a frame only to learn what its header says, if it finds a decoder.
_PREPARED_OPTIONS = _OPTIONS | {"codec_whitelist": "none"}


@runtime_checkable
class VideoReader(Protocol):
    """Anything that gives clips by frame number."""

    def read_frames(self, path: Path, table: Int[np.ndarray, "v t"]) -> list[Planes]:
        """`v` clips of the frames with these numbers, which may be in any order and come several times.

        Raises:
            VideoError: the file cannot be decoded, or ends before a clip does.
        """
        ...


@final
class PyAVReader:
    """Reads clips with PyAV, one opening of the file for all of them, on one thread.

    `prepared` promises that the files come from `unreel prepare` (MP4, constant frame rate, a key frame every
    `KEY_FRAME_INTERVAL` frames): then gaps before and between clips are leaped over, otherwise they are decoded, as
    nothing in a file of unknown origin proves how many frames a packet gives and which others its picture needs.
    """

    def __init__(self, prepared: bool = False) -> None:
        self.prepared = prepared

    def read_clips(self, path: Path, starts: Sequence[int], length: int) -> list[Planes]:
        """The frames `start` to `start + length - 1` of every start, in the order of `starts`.

        Raises:
            VideoError: the file cannot be decoded, or ends before a clip does.
        """
        assert length > 0
        return self.read_frames(path, np.asarray(starts, np.int64).reshape(-1, 1) + np.arange(length))

    def read_frames(self, path: Path, table: Int[np.ndarray, "v t"]) -> list[Planes]:
        """`v` clips of the frames with these numbers: each is decoded once, in order, whatever the table's.

        Raises:
            VideoError: the file cannot be decoded, or ends before a clip does.
        """
        assert table.min(initial=0) >= 0
        if not table.size:
            return []
        clips = Clips(table)
        try:
            with open_video(path, self.prepared) as (container, stream):
                for index, frame in self._frames(container, stream, table):
                    clips.take(index, frame)
        except VideoError as error:
            raise VideoError(f"{path}: {error}") from error
        return clips.planes()

    def _frames(
        self, container: InputContainer, stream: VideoStream, table: Int[np.ndarray, "v t"]
    ) -> Iterator[tuple[int, VideoFrame]]:
        """All frames of the table, each once and in order, among others."""
        losses = None if self.prepared else Losses()  # frames of a damaged prepared file would have other numbers
        frames: Iterator[tuple[int, VideoFrame]] = enumerate(decode(container, stream, losses))
        position = 0  # of the next frame
        for wanted in np.unique(table).tolist():
            if self.prepared and wanted - wanted % KEY_FRAME_INTERVAL > position:
                frames = _decode_from_key_frame(container, stream, wanted)
            while position <= wanted:
                index, frame = next(frames, (position, None))
                if frame is None:
                    raise _too_short(position, table)
                yield index, frame
                position = index + 1


@final
class Clips:
    """Clips of equal length being filled; a frame that comes several times is decoded and converted once."""

    def __init__(self, table: Int[np.ndarray, "v t"]) -> None:
        self._shape = table.shape
        self._places: dict[int, list[tuple[int, int]]] = {}
        for place, number in np.ndenumerate(table):
            self._places.setdefault(int(number), []).append((place[0], place[1]))
        self._converter: Converter | None = None

    def take(self, index: int, frame: VideoFrame) -> None:
        """Copy frame number `index` to every place that it belongs to."""
        if self._converter is None:
            self._converter = Converter(frame.width, frame.height, colour_of(frame))
            height, width = frame.height, frame.width
            self._luma = np.empty((*self._shape, height, width), np.uint8)
            self._chroma = np.empty((*self._shape, 2, (height + 1) // 2, (width + 1) // 2), np.uint8)
        if index in self._places:
            luma, cb, cr = plane_views(self._converter(frame))
            for place in self._places[index]:
                self._luma[place] = luma
                self._chroma[place][0] = cb
                self._chroma[place][1] = cr

    def planes(self) -> list[Planes]:
        """The clips, once all their frames were taken."""
        assert self._converter is not None
        colour = self._converter.colour
        return [Planes(luma, chroma, colour) for luma, chroma in zip(self._luma, self._chroma, strict=True)]


@contextmanager
def open_video(path: Path, prepared: bool = False) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its best video stream, set to decode on one thread; closed at the end.

    A `prepared` file is opened three times as fast, as its format is known and its header says all: nothing is probed.

    Raises:
        VideoError: it cannot be opened, or holds no video that can be decoded; the message is a short reason.
    """
    try:
        container = av.open(
            str(path.absolute()),  # a relative name such as "a:b.mp4" would be taken for a protocol
            format="mp4" if prepared else None,
            metadata_errors="replace",
            options={"max_pixels": str(_MOST_PIXELS)},
            container_options=_PREPARED_OPTIONS if prepared else _OPTIONS,
        )
    except MemoryError as error:
        raise out_of_memory() from error
    except av.error.InvalidDataError as error:
        raise VideoError("not a video, or damaged beyond opening") from error
    except av.FFmpegError as error:
        if error.errno == errno.EPERM:
            raise VideoError(_PLAYLIST) from error
        raise VideoError(f"cannot be opened: {_words(error)}") from error
    with container:
        if container.format.name in _PLAYLISTS:  # those of files beside them, which FFmpeg may open
            raise VideoError(_PLAYLIST)
        if container.format.name in _OTHERS:
            raise VideoError(_OTHERS[container.format.name])
        if container.format.name.endswith("_pipe") and _PICTURE.fullmatch(path.name):
            raise VideoError("a picture, not a video")
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
            raise VideoError("no video stream")
        if stream.codec_context is None:
            raise VideoError("no decoder for its codec")
        stream.thread_type = "NONE"  # loaders run one reader per core already
        stream.codec_context.thread_count = 1
        yield container, stream


@dataclass
class Losses:
    """Pictures of a stream that could not be read or decoded, between others and after the last; `why` in words.

    `packets` is how many were decoded or lost, and `smallest` the bytes of the smallest; `starved` says that memory was
    lacking.
    """

    inside: int = 0
    after: int = 0
    why: str = ""
    packets: int = 0
    smallest: int = sys.maxsize
    starved: bool = False

    def error(self, reason: str) -> Exception:
        """The error of a video that has lost too much, or that of a lack of memory where this was among the losses."""
        return out_of_memory() if self.starved else VideoError(reason)

    def see(self, packet: "Packet[Any] | None") -> None:
        """Count a packet that should give a picture."""
        if packet is not None and packet.size and not packet.is_discard:
            self.packets, self.smallest = self.packets + 1, min(self.smallest, packet.size)

    def add(self, error: av.FFmpegError) -> None:
        """Count one more, which is the last one so far."""
        self.after, self.why = self.after + 1, _failure(error)
        self.starved |= isinstance(error, MemoryError)

    def go_on(self) -> None:
        """A picture has come after those that were lost."""
        self.inside, self.after = self.inside + self.after, 0


def decode(container: InputContainer, stream: VideoStream, losses: Losses | None = None) -> Iterator[VideoFrame]:
    """The frames from where the container stands; with `losses`, beyond what is damaged.

    Raises:
        VideoError: something is damaged, and there are no `losses` to count it.
    """
    for packet in packets_of(container, stream, losses):
        if losses is not None:
            losses.see(packet)
        try:
            frames = packet.decode() if packet is not None else stream.codec_context.decode(None)
        except av.FFmpegError as error:
            if losses is None:
                raise VideoError(_failure(error)) from error
            if packet is not None and packet.size:
                losses.add(error)
            continue
        if losses is not None and frames:
            losses.go_on()
        yield from frames


def least_frame(container: InputContainer, stream: VideoStream) -> int | None:
    """The bytes that a packet has at least if it is a frame; None where not every such packet need be one.

    In transport streams a packet may be one field of two, in VP8 it may be no picture. A picture of MPEG-4 has at least
    one bit for each macroblock of 16 × 16 pixels, after a header of 9 bytes; what is smaller says that there is none.
    """
    codec = stream.codec_context.codec.canonical_name
    if container.format.name not in _WHOLE_FRAMES or codec not in _WHOLE_FRAME_CODECS:
        return None
    if container.format.name == "avi" and stream.codec_context.has_b_frames:
        return None  # two may share a packet
    return 9 + stream.width * stream.height // 2048 if codec == "mpeg4" else 1


def packets_of(
    container: InputContainer, stream: VideoStream, losses: Losses | None = None
) -> Iterator["Packet[Any] | None"]:
    """The packets from where the container stands, the last one empty or None; with `losses`, beyond what is damaged.

    Raises:
        VideoError: something is damaged, and there are no `losses` to count it.
    """
    failures = 0
    while failures < _MOST_FAILURES:
        try:
            for packet in container.demux(stream):
                progress()
                failures = 0
                yield packet
            return
        except av.FFmpegError as error:
            if losses is None:
                raise VideoError(_failure(error)) from error
            losses.add(error)
            failures += 1
    yield None  # what the decoder still holds


def _decode_from_key_frame(
    container: InputContainer, stream: VideoStream, start: int
) -> Iterator[tuple[int, VideoFrame]]:
    """Numbered frames of a prepared file from the last key frame before `start`, or from one before that.

    Raises:
        VideoError: there is none.
    """
    broken = VideoError(f"breaks off before frame {start}. Prepare the collection again.")
    if not stream.average_rate or not stream.time_base:
        raise broken
    ticks = 1 / (stream.time_base * stream.average_rate)  # from one frame to the next
    try:
        container.seek(round(start * ticks), stream=stream)
    except av.FFmpegError as error:
        raise broken from error
    frames = decode(container, stream)
    first = next(frames, None)
    number = -1 if first is None or first.pts is None else round(first.pts / ticks)
    if first is None or not 0 <= number <= start or number % KEY_FRAME_INTERVAL:
        raise broken
    return enumerate(chain([first], frames), number)


def _too_short(frames: int, table: Int[np.ndarray, "v t"]) -> VideoError:
    """The error of a file that ends before one of the clips does."""
    clip = next(each for each in table if each.max() >= frames)
    return VideoError(
        f"has {frames} frames, but frames {clip.min()} to {clip.max()} are wanted. "
        "Prepare the collection again if the file has changed."
    )


def out_of_memory() -> Exception:
    """The error of a file that asks for more memory than there is; in a process with limits, what ends it."""
    return MemoryError() if is_limited() else VideoError("needs more memory than there is")


def _failure(error: av.FFmpegError) -> str:
    return f"decoding failed: {_words(error)}"


def _words(error: av.FFmpegError) -> str:
    return (error.strerror or type(error).__name__).lower()
