"""Moving previews: a few frames of a video side by side in one small picture, which a page moves with CSS.

Browsers limit how many players a page may have, but not how many pictures: a page of strips shows hundreds of videos
moving at once.
"""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import av
import numpy as np
from PIL import Image

from unreel.errors import VideoError

FRAMES = 12
FRAMES_PER_SECOND = 10.0
SHORTER_SIDE, LONGER_SIDE = 96, 171
QUALITY = 40


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


def cut_strip(path: Path, frames: int, fps: float) -> Strip:
    """The strip of a prepared video of `frames` frames, from around its middle, playing at the video's own speed.

    Raises:
        VideoError: the file is gone, or nothing could be decoded from it.
    """
    wanted = chosen_frames(frames, fps)
    try:
        pictures = _decode(path, wanted, fps)
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path} cannot be read any more ({error.strerror}). Prepare the collection again.") from error
    if not pictures:
        raise VideoError(f"{path} has no frame from number {wanted.start} on. Prepare the collection again.")
    height, width, _ = pictures[0].shape
    image = BytesIO()
    Image.fromarray(np.concatenate(pictures, axis=1)).save(image, "WEBP", quality=QUALITY)
    return Strip(image.getvalue(), len(pictures), width, height, len(pictures) * wanted.step / fps)


def chosen_frames(frames: int, fps: float) -> range:
    """The numbers of up to `FRAMES` frames around the middle, spaced to play at about `FRAMES_PER_SECOND`.

    ...........x.x.x.x.x.x.x.x.x.x.x.x...........    25 fps: every second frame, 0.96 s
    xxxxxxxxxx                                       too short for that: every frame there is
    """
    stride = max(1, min(round(fps / FRAMES_PER_SECOND), frames // FRAMES))
    count = max(1, min(FRAMES, frames // stride))
    start = max(0, frames - count * stride) // 2
    return range(start, start + count * stride, stride)


def _decode(path: Path, wanted: range, fps: float) -> list[np.ndarray]:
    """The wanted frames (height, width, 3), as many as there are."""
    pictures: list[np.ndarray] = []
    with av.open(str(path), metadata_errors="ignore") as container:
        if not container.streams.video:
            return []
        stream = container.streams.video[0]
        zero = stream.start_time or 0
        if wanted.start and stream.time_base:
            container.seek(zero + int(wanted.start / fps / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if frame.pts is None or stream.time_base is None:
                continue
            if round(float((frame.pts - zero) * stream.time_base) * fps) >= wanted[len(pictures)]:
                pictures.append(_small(frame))
            if len(pictures) == len(wanted):
                break
    return pictures


def _small(frame: av.VideoFrame) -> np.ndarray:
    shorter, longer = sorted((frame.width, frame.height))
    scale = min(1.0, SHORTER_SIDE / shorter, LONGER_SIDE / longer)
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    return frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray()
