"""Pictures and pieces of video files of any origin, for processes that may end: see `unreel.web.cuts`.

strip      [160×120][160×120] … [160×120]     12 pictures side by side in one WebP, which the page moves
piece      H.264 without sound, shorter side at most 480 pixels: what every browser plays
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from io import BytesIO
from itertools import chain, dropwhile, takewhile
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, final
from uuid import uuid4

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image

from unreel.errors import VideoError
from unreel.video.decode import decode, open_video
from unreel.video.examine import DEFAULT_RATE, Orientation, check_file
from unreel.video.frames import Converter
from unreel.video.planes import Colour
from unreel.video.transcode import UNFINISHED

PICTURES, FILM_PICTURES = 12, 6
STRIP_SECONDS = 1.2
"""How long a strip plays: ten pictures a second, as the video shows them."""

WIDTH, HEIGHT = 160, 120
"""Of one picture of a strip, in pixels; what the video's shape leaves free of it is transparent."""

LARGEST_SIDE = 480
"""The shorter side of a piece, in pixels, where the video's own is not smaller."""

_QUALITY = 45
_LEAP = 5.0  # seconds to the next wanted picture, from which on seeking beats decoding what lies between
_LEAP_OF_AVI = 60.0  # FFmpeg makes up the times of its frames: near the beginning it is better to count
_TOLERANCE = 2e-3  # seconds: times come from a table, or from the address of a page
_TICKS = 90_000  # of a second, as MPEG counts
_BT601, _LIMITED_RANGE = 6, 1  # the numbers of H.273 and of FFmpeg


class Shown(NamedTuple):
    """A frame and when it is shown, in seconds from the beginning of the video."""

    time: float
    frame: VideoFrame
    stream: VideoStream


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
    """Make the file `target`, whole or not at all, of the frames shown from `start` on and before `end`.

    How many seconds it lasts.

    Raises:
        VideoError: there are none.
    """
    check_file(source)
    unfinished = target.with_suffix(f".{uuid4().hex}{UNFINISHED}")
    try:
        with closing(_shown_from(source, start)) as shown:
            begun = dropwhile(lambda each: each.time < start - _TOLERANCE, shown)
            wanted = takewhile(lambda each: each.time < end - _TOLERANCE, begun)
            first = next(wanted, None)
            if first is None:
                raise VideoError(f"no frame from {start:g} to {end:g} s could be decoded")
            with _Encoder(unfinished, first) as encoder:
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
    with open_video(source) as (container, _):
        seconds = (container.duration or 0) / av.time_base
    if seconds > longest:
        raise VideoError(f"lasts {seconds:.0f} s, expected at most {longest:.0f} s: cut it first")
    seconds = cut_piece(source, 0.0, longest, folder / "view.mp4")
    (folder / "filmstrip.webp").write_bytes(cut_strip(folder / "view.mp4", film_times(seconds)))
    return seconds


def _pictures(source: Path, times: Sequence[float]) -> Iterator[UInt8[np.ndarray, "h w 4"]]:
    """The picture at each time, as far as the video goes, but one in any case."""
    shown = _shown_from(source, times[0])
    last: Shown | None = None
    now: Shown | None = next(shown)
    for time in times:
        if now is not None and time - now.time > _LEAP:
            shown.close()
            shown = _shown_from(source, time)
            now = next(shown)
        while now is not None and now.time < time - _TOLERANCE:
            last, now = now, next(shown, None)
        if now is None:
            break
        yield _small(now)
        last = None
    if last is not None:
        yield _small(last)
    shown.close()


def _shown_from(source: Path, start: float) -> Generator[Shown, None, None]:
    """Frames from a key frame before `start` on; from the first one where the file cannot be sought in.

    Raises:
        VideoError: there is not one.
    """
    with open_video(source) as (container, stream):
        is_avi = container.format.name == "avi"
        if start > (_LEAP_OF_AVI if is_avi else _LEAP):
            ticks = (stream.start_time or 0) + int(start / (stream.time_base or 1))
            try:
                container.seek(ticks, stream=stream)
                shown = _timed(decode(container, stream), stream)
                first = next(shown, None)
            except (av.FFmpegError, VideoError):
                first = None
            if first is not None and first.frame.pts is not None and first.time <= start + _TOLERANCE:
                yield first
                yield from shown
                return
    with open_video(source) as (container, stream):
        shown = _timed(decode(container, stream), stream, counted=is_avi)
        first = next(shown, None)
        if first is None:
            raise VideoError("no frame could be decoded")
        yield first
        yield from shown


def _timed(frames: Iterator[VideoFrame], stream: VideoStream, *, counted: bool = False) -> Iterator[Shown]:
    """Each frame with its time; where it has none, or all are `counted`, one frame later than the one before.

    Ends where decoding fails.
    """
    step = float(1 / (stream.average_rate or DEFAULT_RATE))
    zero, unit = stream.start_time or 0, float(stream.time_base or 0)
    time = -step
    try:
        for frame in frames:
            told = None if counted or frame.pts is None else (frame.pts - zero) * unit
            time = time + step if told is None else max(told, time)  # AVI's packed frames are told out of order
            yield Shown(time, frame, stream)
    except VideoError:
        if time < 0:
            raise


def _seen_size(each: Shown) -> tuple[float, float]:
    """Width and height of the stored picture, were its pixels square."""
    aspect = each.stream.sample_aspect_ratio or Fraction(1)
    within = Fraction(1, 4) <= aspect <= 4  # otherwise nonsense that some writers leave in the header
    return each.frame.width * float(aspect if within else 1), float(each.frame.height)


def _small(each: Shown) -> UInt8[np.ndarray, "h w 4"]:
    """The picture upright, as large as it fits into a strip."""
    orientation = Orientation.of(each.frame)
    width, height = _seen_size(each)
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

    def __init__(self, target: Path, first: Shown) -> None:
        width, height = _seen_size(first)
        scale = min(1.0, LARGEST_SIDE / min(width, height))
        even = [max(2, 2 * round(side * scale / 2)) for side in (width, height)]
        self._orientation = Orientation.of(first.frame)
        self._convert = Converter(even[0], even[1], Colour("bt601"))
        self._container = av.open(str(target), "w", format="mp4", container_options={"movflags": "+faststart"})
        rate = first.stream.average_rate or DEFAULT_RATE
        self._stream = self._container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "crf": "23"})
        self._stream.width, self._stream.height = reversed(even) if self._orientation.transposed else even
        self._stream.pix_fmt = "yuv420p"
        codec = self._stream.codec_context
        codec.time_base, codec.thread_count = Fraction(1, _TICKS), 1
        codec.color_range = _LIMITED_RANGE
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT601
        self._zero, self._last, self._rate = first.time, -1, float(rate)

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last one."""
        return self._last / _TICKS + 1 / self._rate

    def __enter__(self) -> "_Encoder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def write(self, each: Shown) -> None:
        frame = self._orientation.turn_frame(self._convert(each.frame))
        self._last = max(round((each.time - self._zero) * _TICKS), self._last + 1)  # no two at one time
        frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
        frame.pict_type = PictureType.NONE  # the source's key frames are not ours
        self._container.mux(self._stream.encode(frame))
