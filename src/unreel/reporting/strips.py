"""Moving previews: a few frames of a video side by side in one small picture, which a page moves with CSS.

Browsers limit how many players a page may have, but not how many pictures: a page of strips shows hundreds of videos
moving at once. On paper some of the frames stand beside each other.
"""

from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from jaxtyping import UInt8
from PIL import Image

from unreel.errors import VideoError
from unreel.video.decoding.timestamps import TOLERANCE, FrameSpan, played

FRAMES = 12
FRAMES_PER_SECOND = 10.0
_LEAP = 5.0  # seconds to the next wanted picture, from which on seeking beats decoding what lies between

Picture = UInt8[np.ndarray, "h w _"]


@dataclass(frozen=True)
class Fineness:
    """How large frames may be, in pixels, and the quality of their compression (WebP, 0 to 100)."""

    shorter_side: int
    longer_side: int
    quality: int


SCREEN = Fineness(96, 171, 40)
"""Of the hundreds on a page."""
CLOSE = Fineness(192, 342, 60)
"""Of the few on a page."""
PAPER = Fineness(256, 455, 90)


@dataclass(frozen=True)
class Strip:
    """`frames` pictures of `width` × `height` pixels, left to right in one WebP `image`; one turn lasts `seconds`."""

    image: bytes
    frames: int
    width: int
    height: int
    seconds: float

    @property
    def address(self) -> str:
        """The picture as a `data:` address."""
        return "data:image/webp;base64," + b64encode(self.image).decode("ascii")

    def pictures(self) -> UInt8[np.ndarray, "f h w 3"]:
        """The frames, one by one."""
        with Image.open(BytesIO(self.image)) as image:
            whole: np.ndarray = np.asarray(image.convert("RGB"))
        return np.stack(np.split(whole, self.frames, axis=1))


def strip_of(pictures: Iterable[UInt8[np.ndarray, "h w 3"]], seconds: float, quality: int = SCREEN.quality) -> Strip:
    """The strip of frames of one size."""
    frames = list(pictures)
    height, width, _ = frames[0].shape
    image = BytesIO()
    Image.fromarray(np.concatenate(frames, axis=1)).save(image, "WEBP", quality=quality)
    return Strip(image.getvalue(), len(frames), width, height, seconds)


def cut_strip(path: Path, frames: int, fps: float, fineness: Fineness = SCREEN, first: int = 0) -> Strip:
    """The strip of `frames` frames of a prepared video, from around their middle, playing at the video's own speed.

    Raises:
        VideoError: the file is gone, or nothing could be decoded from it.
    """
    wanted = chosen_frames(frames, fps)
    times = [(first + frame + 0.5) / fps for frame in wanted]
    try:
        pictures = list(pictures_at(path, times, lambda each, _: _small(each.frame, fineness)))
    except VideoError as error:
        raise VideoError(f"{path} cannot be read any more ({error}). Prepare the collection again.") from error
    return strip_of(pictures, len(pictures) * wanted.step / fps, fineness.quality)


def chosen_frames(frames: int, fps: float) -> range:
    """The numbers of up to `FRAMES` frames around the middle, spaced to play at about `FRAMES_PER_SECOND`.

    ...........x.x.x.x.x.x.x.x.x.x.x.x...........    25 fps: every second frame, 0.96 s
    xxxxxxxxxx                                       too short for that: every frame there is
    """
    stride = max(1, min(round(fps / FRAMES_PER_SECOND), frames // FRAMES))
    count = max(1, min(FRAMES, frames // stride))
    start = max(0, frames - count * stride) // 2
    return range(start, start + count * stride, stride)


def pictures_at(
    path: Path, times: Sequence[float], picture: Callable[[FrameSpan, VideoStream], Picture]
) -> Iterator[Picture]:
    """What `picture` makes of the frame shown at each of the times (seconds, ascending).

    It goes on as far as the video does, and once more where that ends before a time.

    Raises:
        VideoError: it cannot be opened, or not one frame could be decoded.
    """
    left = deque(times)
    yielded = -1.0
    while left:
        with played(path, left[0]) as film:
            last: FrameSpan | None = None
            for last in film.frames:
                while left and left[0] < last.end - TOLERANCE:
                    yield picture(last, film.stream)
                    yielded = last.start
                    left.popleft()
                if not left or left[0] - last.end > _LEAP:
                    break
            else:
                left.clear()
                if last is None:
                    raise VideoError("no frame could be decoded")
                if last.start != yielded:
                    yield picture(last, film.stream)


def _small(frame: VideoFrame, fineness: Fineness) -> np.ndarray:
    shorter, longer = sorted((frame.width, frame.height))
    scale = min(1.0, fineness.shorter_side / shorter, fineness.longer_side / longer)
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    return frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray()
