"""All frames of a video, whatever is damaged in it."""

from collections.abc import Iterator
from pathlib import Path

from av.video.frame import VideoFrame

from unreel.video.decoding.decode import Losses, decode, open_video


def decode_all(path: Path) -> Iterator[VideoFrame]:
    """Every frame of a file in its order: what frame numbers mean.

    Raises:
        VideoError: it cannot be opened.
    """
    with open_video(path) as (container, stream):
        yield from decode(container, stream, Losses())
