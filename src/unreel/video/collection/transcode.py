"""Preparing one video: any file in, a small H.264 file out whose every frame is found and decoded fast.

A prepared file has the source's frames one for one, upright, with square pixels, the shorter side as asked, in BT.601
limited range, frame `i` at time `i / fps`. The same source always gives the same bytes.
"""

from dataclasses import dataclass
from pathlib import Path

from unreel.engine.files import whole
from unreel.errors import VideoError
from unreel.video.collection.h264 import H264Writer
from unreel.video.collection.probe import Examination, ProbeResult, check_file, checksum_of
from unreel.video.decoding.decode import KEY_FRAME_INTERVAL, open_video
from unreel.video.decoding.timestamps import measure

# Without CABAC and deblocking ("fastdecode") the files are 0 to 6 % larger and decode in half the time; "veryfast" has
# the bytes for the quality of "medium" at these sizes, in half the time. The macroblock tree of x264 reads memory that
# nobody wrote: the same video would now and then become other bytes.
H264_OPTIONS = {
    "preset": "veryfast",
    "tune": "fastdecode",
    "crf": "18",
    "x264-params": f"keyint={KEY_FRAME_INTERVAL}:min-keyint={KEY_FRAME_INTERVAL}:scenecut=0:bframes=0:mbtree=0",
}


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
        OutputError: `target` cannot be written.
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
        OutputError: `target` cannot be written.
    """
    check_file(source)
    rate = measure(source).rate
    with whole(target) as unfinished:
        with open_video(source) as (container, stream):
            video = Examination(container, stream, side)
            with H264Writer(unfinished, video.framing, rate, rate, H264_OPTIONS) as writer:
                for number, frame in enumerate(video):
                    writer.write(frame, number)
            facts = video.facts(rate)
        size = unfinished.stat().st_size
    return Transcoded(facts, size)
