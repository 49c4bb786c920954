"""Pictures and pieces of video files of any origin, for processes that may end: see `unreel.web.clip_cache`.

strip      [160×120][160×120] … [160×120]     12 pictures side by side in one WebP, which the page moves
piece      H.264 without sound, shorter side at most 480 pixels: what every browser plays
"""

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from io import BytesIO
from itertools import chain, dropwhile, takewhile
from pathlib import Path
from types import TracebackType
from typing import final
from uuid import uuid4

import av
import numpy as np
from av.video.frame import PictureType
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image

from unreel.engine.files import UNFINISHED
from unreel.errors import VideoError
from unreel.video.collection.probe import Framing, Orientation, check_file, seen_shape
from unreel.video.decoding.timestamps import TOLERANCE, FrameSpan, measure, played

PICTURES, FILM_PICTURES = 12, 6
STRIP_SECONDS = 1.2
"""How long a strip plays: ten pictures a second, as the video shows them."""

WIDTH, HEIGHT = 160, 120
"""Of one picture of a strip, in pixels; what the video's shape leaves free of it is transparent."""

LARGEST_SIDE = 480
"""The shorter side of a piece, in pixels, where the video's own is not smaller."""

_QUALITY = 45
_LEAP = 5.0  # seconds to the next wanted picture, from which on seeking beats decoding what lies between
_TICKS = 90_000  # of a second, as MPEG counts
_BT601, _LIMITED_RANGE = 6, 1  # the numbers of H.273 and of FFmpeg


def strip_times(start: float, end: float, duration: float) -> list[float]:
    """When the pictures of a strip are shown, in seconds.

    ........[......xxxxxxxxxxxx......]......    from the middle of the piece
    .............xxxx[xxx]xxxxx.............    from around a piece that is shorter
    [xxxxxxxxxx]                                closer together where the whole video is shorter
    """
    length = min(STRIP_SECONDS, duration)
    first = min(max((start + end - length) / 2, 0.0), duration - length)
    return [first + length * place / PICTURES for place in range(PICTURES)]


def film_times(duration: float) -> list[float]:
    """When the pictures of a film strip are shown: equally far apart, the whole video through."""
    return [duration * (place + 0.5) / FILM_PICTURES for place in range(FILM_PICTURES)]


def cut_strip(source: Path, times: Sequence[float]) -> bytes:
    """A strip of the pictures shown at `times` (seconds, ascending); where the video ends before, of its last one.

    Raises:
        VideoError: not one frame could be decoded.
    """
    check_file(source)
    pictures = list(_pictures(source, times))
    pictures += pictures[-1:] * (len(times) - len(pictures))
    image = BytesIO()
    Image.fromarray(np.concatenate(pictures, axis=1)).save(image, "WEBP", quality=_QUALITY)
    return image.getvalue()


def cut_piece(source: Path, start: float, end: float, target: Path) -> float:
    """Make the file `target`, whole or not at all, of what is shown from `start` on and before `end`.

    How many seconds it lasts.

    Raises:
        VideoError: there are none.
    """
    check_file(source)
    unfinished = target.with_suffix(f".{uuid4().hex}{UNFINISHED}")
    try:
        with played(source, start) as film:
            begun = dropwhile(lambda each: each.end <= start + TOLERANCE, film.frames)
            wanted = takewhile(lambda each: each.start < end - TOLERANCE, begun)
            first = next(wanted, None)
            if first is None:
                raise VideoError(f"no frame from {start:g} to {end:g} s could be decoded")
            with _Encoder(unfinished, first, film.stream) as encoder:
                for each in chain([first], wanted):
                    encoder.write(each)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return encoder.seconds


def look_at_upload(source: Path, folder: Path, longest: float) -> float:
    """Make `view.mp4` and `filmstrip.webp` of a file that somebody has sent; how many seconds it lasts.

    Raises:
        VideoError: it is no video that can be used, or lasts longer than `longest` seconds.
    """
    check_file(source)
    seconds = measure(source).seconds
    if seconds > longest:
        raise VideoError(f"lasts {seconds:.0f} s, expected at most {longest:.0f} s: cut it first")
    seconds = cut_piece(source, 0.0, longest, folder / "view.mp4")
    (folder / "filmstrip.webp").write_bytes(cut_strip(folder / "view.mp4", film_times(seconds)))
    return seconds


def _pictures(source: Path, times: Sequence[float]) -> Iterator[UInt8[np.ndarray, "h w 4"]]:
    """The picture on the screen at each time, as far as the video goes, but one in any case.

    Raises:
        VideoError: not one frame could be decoded.
    """
    left = deque(times)
    yielded = -1.0
    while left:
        with played(source, left[0]) as film:
            last: FrameSpan | None = None
            for last in film.frames:
                while left and left[0] < last.end - TOLERANCE:
                    yield _small(last, film.stream)
                    yielded = last.start
                    left.popleft()
                if not left or left[0] - last.end > _LEAP:
                    break
            else:
                left.clear()
                if last is None:
                    raise VideoError("no frame could be decoded")
                if last.start != yielded:
                    yield _small(last, film.stream)


def _small(each: FrameSpan, stream: VideoStream) -> UInt8[np.ndarray, "h w 4"]:
    """The picture upright, as large as it fits into a strip."""
    orientation = Orientation.of(each.frame)
    width, height = map(float, seen_shape(each.frame, stream))
    room = (HEIGHT, WIDTH) if orientation.transposed else (WIDTH, HEIGHT)
    scale = min(room[0] / width, room[1] / height)
    small = each.frame.reformat(
        max(1, round(width * scale)), max(1, round(height * scale)), "rgb24", interpolation="AREA", threads=1
    ).to_ndarray()
    upright = np.swapaxes(small, 0, 1) if orientation.transposed else small
    upright = upright[:: -1 if orientation.flipped else 1, :: -1 if orientation.mirrored else 1]
    height, width = upright.shape[:2]
    top, left = (HEIGHT - height) // 2, (WIDTH - width) // 2
    picture = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    picture[top : top + height, left : left + width, :3] = upright
    picture[top : top + height, left : left + width, 3] = 255
    return picture


@final
class _Encoder:
    """Writes frames as H.264, upright, the first one at time 0. Use as a context manager."""

    def __init__(self, target: Path, first: FrameSpan, stream: VideoStream) -> None:
        side = min(LARGEST_SIDE, round(min(seen_shape(first.frame, stream))))
        self._framing = Framing(first.frame, stream, max(2, side))
        self._container = av.open(str(target), "w", format="mp4", container_options={"movflags": "+faststart"})
        rate = min(max(round(1 / max(first.end - first.start, 1e-3)), 1), 240)  # for the encoder alone: times are told
        self._stream = self._container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "23"})
        self._stream.width, self._stream.height = self._framing.width, self._framing.height
        self._stream.pix_fmt = "yuv420p"
        codec = self._stream.codec_context
        codec.time_base, codec.thread_count = Fraction(1, _TICKS), 1
        codec.color_range = _LIMITED_RANGE
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT601
        self._zero, self._last, self._end = first.start, -1, first.end

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last one."""
        return self._end - self._zero

    def __enter__(self) -> "_Encoder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def write(self, each: FrameSpan) -> None:
        frame = self._framing.upright(each.frame)
        self._last = max(round((each.start - self._zero) * _TICKS), self._last + 1)  # no two at one time
        self._end = each.end
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        frame.pict_type = PictureType.NONE  # the source's key frames are not ours
        self._container.mux(self._stream.encode(frame))
