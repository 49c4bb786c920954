"""A piece of any video, decoded as `prepare` decodes: upright, square pixels, the prepared side, BT.601.

    seconds   0         at        at + seconds
    frames    |. . . . .|x x x x x|. . . . . . .|
              |. . . . . . . . . . . x x x|x x|      where the video ends too early: its last frames

Knows nothing of encoders: a process that only decodes starts fast, and may be ended if a file makes it hang.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8

from unreel.errors import VideoError
from unreel.video.decode import open_video
from unreel.video.examine import DEFAULT_RATE, Examination, check_file
from unreel.video.frames import plane_views
from unreel.video.planes import Colour, Planes

MOST_FRAMES = 4096
"""Of a piece: they are held in memory, 33 KB a frame at the usual side."""

GLANCE_SECONDS, GLANCE_SIDE = 2.0, 96

Timed = tuple[float, VideoFrame]
"""A frame, and the seconds from the first one of its video to it."""


@dataclass(frozen=True)
class Wanted:
    """A piece: so many `seconds` from `at` on, but at least `fewest` frames, with the shorter side `side`."""

    at: float
    seconds: float
    fewest: int
    side: int


@dataclass(frozen=True)
class Piece:
    """Frames of a video, shown from `start` to `end`, in seconds from its first frame."""

    planes: Planes
    start: float
    end: float


def read_piece(path: Path, wanted: Wanted) -> Piece:
    """The frames of a piece; fewer than the fewest only where the whole video has fewer.

    Raises:
        VideoError: the video cannot be decoded, ends before the piece begins, or the piece is too long.
    """
    check_file(path)
    with open_video(path) as (container, stream):
        rate = float(stream.average_rate or DEFAULT_RATE)
        if wanted.seconds * rate > MOST_FRAMES:
            raise VideoError(f"{wanted.seconds:g} s are more than {MOST_FRAMES} frames: ask for a shorter piece")
        earliest = wanted.at - wanted.fewest / rate  # in case the video ends soon after `at`
        if earliest > 0 and _seek(container, stream, earliest):
            video = Examination(path, container, stream, wanted.side)
            frames = _timed(video, container, stream)
            first = next(frames)
            if first[0] <= earliest:
                return _chosen(video, chain([first], frames), wanted, rate)
    with open_video(path) as (container, stream):
        video = Examination(path, container, stream, wanted.side)
        return _chosen(video, _timed(video, container, stream), wanted, rate)


def _seek(container: InputContainer, stream: VideoStream, seconds: float) -> bool:
    """Go to a key frame before that time, where the file knows times and can be entered in its middle."""
    if container.format.name == "avi" or stream.start_time is None or stream.time_base is None:
        return False  # the times of an AVI are made up by FFmpeg
    try:
        container.seek(stream.start_time + int(seconds / stream.time_base), stream=stream)
    except av.FFmpegError:
        return False
    return True


def _timed(video: Examination, container: InputContainer, stream: VideoStream) -> Iterator[Timed]:
    """The frames with their times; where the file does not say, as many in a second as it has on the mean."""
    known = container.format.name != "avi"
    for number, frame in enumerate(video):
        if known and frame.pts is not None and stream.time_base is not None:
            yield float((frame.pts - (stream.start_time or 0)) * stream.time_base), frame
        else:
            yield number / float(video.rate), frame


def _chosen(video: Examination, frames: Iterable[Timed], wanted: Wanted, rate: float) -> Piece:
    """Those of the frames that make the piece."""
    earlier: deque[Timed] = deque(maxlen=wanted.fewest)
    piece: list[Timed] = []
    time = 0.0
    for time, frame in frames:
        if time < wanted.at - 0.5 / rate:
            earlier.append((time, frame))
        elif len(piece) < wanted.fewest or time < wanted.at + wanted.seconds - 0.5 / rate:
            piece.append((time, frame))
        else:
            break
    if not piece and time + 1 / rate <= wanted.at:
        raise VideoError(f"ends after {time + 1 / rate:.2f} s, before the {wanted.at:g} s that were asked for")
    while earlier and len(piece) < wanted.fewest:
        piece.insert(0, earlier.pop())
    planes = [plane_views(video.orientation.turn_frame(frame)) for _, frame in piece]
    luma, chroma = np.stack([y for y, _, _ in planes]), np.stack([np.stack([cb, cr]) for _, cb, cr in planes])
    return Piece(Planes(luma, chroma, Colour("bt601")), piece[0][0], piece[-1][0] + 1 / rate)


def glance(path: Path, start: float, end: float) -> Planes | str:
    """Up to `GLANCE_SECONDS` of a moment, from around its middle, to be shown; or the reason why there are none."""
    middle = (start + end) / 2
    seconds = min(end - start, GLANCE_SECONDS)
    try:
        return read_piece(path, Wanted(max(0.0, middle - seconds / 2), seconds, 1, GLANCE_SIDE)).planes
    except VideoError as error:
        return str(error)


def picture(path: Path, start: float, end: float) -> UInt8[np.ndarray, "h w 3"] | None:
    """One frame of a moment as RGB, from its middle; None where there is none."""
    try:
        return read_piece(path, Wanted((start + end) / 2, 0.0, 1, GLANCE_SIDE)).planes.picture(0)
    except VideoError:
        return None
