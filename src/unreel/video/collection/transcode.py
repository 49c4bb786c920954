"""Preparing one video: any file in, a small H.264 file out whose every frame is found and decoded fast.

A prepared file has the source's frames one for one, upright, with square pixels, the shorter side as asked, in BT.601
limited range, frame `i` at time `i / fps`. The same source always gives the same bytes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import final
from uuid import uuid4

import av
from av.container import OutputContainer
from av.video.frame import PictureType, VideoFrame

from unreel.engine.files import UNFINISHED
from unreel.errors import CollectionError, VideoError
from unreel.video.collection.probe import Examination, Framing, ProbeResult, check_file, checksum_of
from unreel.video.decoding.decode import KEY_FRAME_INTERVAL, open_video
from unreel.video.decoding.timestamps import measure

_CONTAINER_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
# Without CABAC and deblocking ("fastdecode") the files are 0 to 6 % larger and decode in half the time; "veryfast" has
# the bytes for the quality of "medium" at these sizes, in half the time. The macroblock tree of x264 reads memory that
# nobody wrote: the same video would now and then become other bytes.
H264_OPTIONS = {
    "preset": "veryfast",
    "tune": "fastdecode",
    "crf": "18",
    "x264-params": f"keyint={KEY_FRAME_INTERVAL}:min-keyint={KEY_FRAME_INTERVAL}:scenecut=0:bframes=0:mbtree=0",
}
_BT601, _LIMITED_RANGE = 6, 1  # the numbers of H.273 and of FFmpeg


@dataclass(frozen=True)
class Transcoded:
    """What was made of what: a file of `size` bytes."""

    source: ProbeResult
    size: int


@dataclass(frozen=True)
class PreparedFile:
    """What became of one file: skipped for a `reason`, `transcoded`, or neither as nothing has changed."""

    checksum: str = ""
    reason: str = ""
    transcoded: Transcoded | None = None


def prepare_file(source: Path, target: Path, side: int, known_checksum: str = "") -> PreparedFile:
    """Transcode `source` unless its SHA-256 is the known one.

    Raises:
        CollectionError: `target` cannot be written.
    """
    checksum = ""
    try:
        checksum = checksum_of(source)
        if checksum == known_checksum:
            return PreparedFile(checksum)
        return PreparedFile(checksum, transcoded=transcode(source, target, side))
    except VideoError as error:
        return PreparedFile(checksum, reason=str(error))


def transcode(source: Path, target: Path, side: int) -> Transcoded:
    """Make the prepared file `target`, whole or not at all.

    Raises:
        VideoError: `source` is of no use; the message is a short reason, the same for the same trouble.
        CollectionError: `target` cannot be written.
    """
    check_file(source)
    unfinished = target.with_suffix(f".{uuid4().hex}{UNFINISHED}")  # others may be at it, left by a run that was killed
    try:
        rate = measure(source).rate
        with open_video(source) as (container, stream):
            video = Examination(container, stream, side)
            with _encoding(unfinished, video.framing, rate) as encoder:
                for frame in video:
                    encoder.write(video.framing.orientation.turn_frame(frame))
            facts = video.facts(rate)
        size = unfinished.stat().st_size
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return Transcoded(facts, size)


@final
class _Encoder:
    """Writes frames as H.264, frame `i` at time `i / rate`."""

    def __init__(self, container: OutputContainer, rate: Fraction, width: int, height: int) -> None:
        self._frames = 0
        self._container = container
        self._time_base = 1 / rate
        self._stream = container.add_stream("libx264", rate=rate, options=H264_OPTIONS)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        codec = self._stream.codec_context
        codec.time_base = self._time_base
        codec.thread_count = 1  # more threads are other bytes
        codec.color_range = _LIMITED_RANGE
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT601

    def write(self, frame: VideoFrame) -> None:
        frame.pts, frame.time_base = self._frames, self._time_base
        frame.pict_type = PictureType.NONE  # the source's key frames are not ours
        self._container.mux(self._stream.encode(frame))
        self._frames += 1

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))


@contextmanager
def _encoding(target: Path, framing: Framing, rate: Fraction) -> Iterator[_Encoder]:
    """An encoder that writes to `target`; what it cannot write is no fault of the video's."""
    timescale = {"video_track_timescale": str(rate.numerator)}
    try:
        with av.open(str(target), "w", format="mp4", container_options=_CONTAINER_OPTIONS | timescale) as container:
            encoder = _Encoder(container, rate, framing.width, framing.height)
            yield encoder
            encoder.finish()
    except av.FFmpegError as error:
        raise CollectionError(
            f"{target.parent} cannot be written to: {error.strerror}. Free some space or choose another folder."
        ) from error
