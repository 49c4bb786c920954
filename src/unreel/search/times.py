"""When the clips of a video are shown, in the file that was prepared."""

from collections.abc import Sequence
from pathlib import Path

import av

from unreel.errors import VideoError
from unreel.video.decode import open_video

Span = tuple[float, float]
"""Start and end in seconds from the first frame."""


def even_spans(starts: Sequence[int], length: int, frames: int, fps: float) -> list[Span]:
    """The spans of clips of `length` frames, from their first frames, in a video that shows all equally long.

    A clip that is longer than the video ends with it.
    """
    return [(start / fps, min(start + length, frames) / fps) for start in starts]


def uneven_spans(path: Path, starts: Sequence[int], length: int, frames: int, fps: float) -> list[Span]:
    """The same in a video whose frames are shown for different times; as if they were not, where it does not say.

    Frame `i` is the one that is shown as the `i`-th. Nothing is decoded.
    """
    times = _times(path)
    if len(times) < frames:
        return even_spans(starts, length, frames, fps)
    times = [*times[:frames], times[frames] if len(times) > frames else times[frames - 1] + 1 / fps]
    return [(times[start], times[min(start + length, frames)]) for start in starts]


def _times(path: Path) -> list[float]:
    """Seconds from the first frame to each, in order; nothing where the file does not say."""
    try:
        with open_video(path) as (container, stream):
            shown = sorted(packet.pts for packet in container.demux(stream) if packet.size and packet.pts is not None)
            base = stream.time_base
    except (VideoError, av.FFmpegError):
        return []
    return [float((each - shown[0]) * base) for each in shown] if base else []
