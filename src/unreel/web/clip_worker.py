"""Pictures and pieces of video files of any origin, for processes that may end: see `unreel.web.clip_cache`.

strip      [160×120][160×120] … [160×120]     12 pictures side by side in one WebP, which the page moves
piece      H.264 without sound, shorter side at most 480 pixels: what every browser plays
"""

from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO
from itertools import chain, dropwhile, takewhile
from pathlib import Path

import numpy as np
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image

from unreel.errors import VideoError
from unreel.reporting.strips import pictures_at
from unreel.video.collection.h264 import H264Writer
from unreel.video.collection.probe import Framing, Orientation, check_file, seen_shape
from unreel.video.decoding.timestamps import TOLERANCE, FrameSpan, measure, played

PICTURES, FILM_PICTURES = 12, 6
STRIP_SECONDS = 1.2
"""How long a strip plays: ten pictures a second, as the video shows them."""

WIDTH, HEIGHT = 160, 120
"""Of one picture of a strip, in pixels; what reaches beyond them of a video's shape is cut off on both sides."""

LARGEST_SIDE = 480
"""The shorter side of a piece, in pixels, where the video's own is not smaller."""

_QUALITY = 45
_TICKS = 90_000  # of a second, as MPEG counts
_H264_OPTIONS = {"preset": "veryfast", "crf": "23"}


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


def cut_pictures(source: Path, times: Sequence[float]) -> bytes:
    """A strip of the pictures shown at `times` (seconds, ascending); where the video ends before, of its last one.

    Raises:
        VideoError: not one frame could be decoded.
    """
    check_file(source)
    pictures = list(pictures_at(source, times, _small))
    pictures += pictures[-1:] * (len(times) - len(pictures))
    image = BytesIO()
    Image.fromarray(np.concatenate(pictures, axis=1)).save(image, "WEBP", quality=_QUALITY)
    return image.getvalue()


def cut_piece(source: Path, start: float, end: float, target: Path) -> float:
    """Write what is shown from `start` on and before `end` to the file `target`; how many seconds it lasts.

    Raises:
        VideoError: there are none.
        OSError: it cannot be written.
    """
    check_file(source)
    with played(source, start) as film:
        begun = dropwhile(lambda each: each.end <= start + TOLERANCE, film.frames)
        wanted = takewhile(lambda each: each.start < end - TOLERANCE, begun)
        first = next(wanted, None)
        if first is None:
            raise VideoError(f"no frame from {start:g} to {end:g} s could be decoded")
        side = min(LARGEST_SIDE, round(min(seen_shape(first.frame, film.stream))))
        framing = Framing(first.frame, film.stream, max(2, side))
        rate = min(max(round(1 / max(first.end - first.start, 1e-3)), 1), 240)  # for the encoder alone: times are told
        with H264Writer(target, framing, Fraction(rate), Fraction(_TICKS), _H264_OPTIONS) as writer:
            tick = -1
            for each in chain([first], wanted):
                tick = max(round((each.start - first.start) * _TICKS), tick + 1)  # no two at one time
                writer.write(framing.convert(each.frame), tick)
                stop = each.end
    return stop - first.start


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
    (folder / "filmstrip.webp").write_bytes(cut_pictures(folder / "view.mp4", film_times(seconds)))
    return seconds


def _small(each: FrameSpan, stream: VideoStream) -> UInt8[np.ndarray, "h w 3"]:
    """The picture upright, its middle as it fills its place in a strip."""
    orientation = Orientation.of(each.frame)
    width, height = map(float, seen_shape(each.frame, stream))
    room = (HEIGHT, WIDTH) if orientation.transposed else (WIDTH, HEIGHT)
    scale = max(room[0] / width, room[1] / height)
    small = each.frame.reformat(
        max(room[0], round(width * scale)),
        max(room[1], round(height * scale)),
        "rgb24",
        interpolation="AREA",
        threads=1,
    ).to_ndarray()
    upright = np.swapaxes(small, 0, 1) if orientation.transposed else small
    upright = upright[:: -1 if orientation.flipped else 1, :: -1 if orientation.mirrored else 1]
    height, width = upright.shape[:2]
    top, left = (height - HEIGHT) // 2, (width - WIDTH) // 2
    return upright[top : top + HEIGHT, left : left + WIDTH]
