"""A piece of any video, decoded as `prepare` decodes: upright, square pixels, the prepared side, BT.601.

    seconds   0           at        at + seconds
    frames    |. . . . .|x x x x x|. . . . . . .|    from the one on the screen at that time
              |. . . . . . . . . . . x x x|x x|      where the video ends too early: its last frames

Knows nothing of encoders: a process that only decodes starts fast, and may be ended if a file makes it hang.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from unreel.errors import VideoError
from unreel.video.collection.manifest import VideoRecord
from unreel.video.collection.probe import Framing, check_file
from unreel.video.decoding.convert import plane_views
from unreel.video.decoding.timestamps import TOLERANCE, FrameSpan, Times, played
from unreel.video.decoding.yuv import Colour, Planes

MOST_FRAMES = 4096
"""Of a piece: they are held in memory, 33 KB a frame at the usual side."""

GLANCE_SECONDS, GLANCE_SIDE = 2.0, 96


@dataclass(frozen=True)
class ClipRequest:
    """A piece: so many `seconds` from `at` on, but at least `fewest` frames, with the shorter side `side`."""

    at: float
    seconds: float
    fewest: int
    side: int


@dataclass(frozen=True)
class Piece:
    """Frames of a video, shown from `start` to `end`, in seconds of a player (see `decoding.timestamps`)."""

    planes: Planes
    times: Times

    @property
    def start(self) -> float:
        """When the first frame is shown."""
        return float(self.times.starts[0])

    @property
    def end(self) -> float:
        """When the last one has gone."""
        return self.times.end

    def record(self, name: str, fps: float) -> VideoRecord:
        """What a manifest says of a video of these frames alone, cut out of one of `fps` frames a second."""
        frames, height, width = self.planes.luma.shape
        return VideoRecord(
            name,
            "ok",
            frames=frames,
            fps=fps,
            width=width,
            height=height,
            start=self.start,
            duration=self.end,
            times=self.times.packed(),
        )


def read_piece(path: Path, wanted: ClipRequest) -> Piece:
    """The frames of a piece; fewer than the fewest only where the whole video has fewer.

    Raises:
        VideoError: the video cannot be decoded, ends before the piece begins, or the piece is too long.
    """
    check_file(path)
    lead = 0.0
    while True:
        with played(path, wanted.at - lead) as film:
            chosen = _chosen(film.frames, wanted)
            if len(chosen) >= wanted.fewest or film.whole:
                framing = Framing(chosen[0].frame, film.stream, wanted.side)
                planes = [plane_views(framing.upright(each.frame)) for each in chosen]
                luma, chroma = np.stack([y for y, _, _ in planes]), np.stack([np.stack(each[1:]) for each in planes])
                times = Times(np.array([each.start for each in chosen]), chosen[-1].end)
                return Piece(Planes(luma, chroma, Colour("bt601")), times)
        lead = max(1.0, 4 * lead)  # the video ends soon: look for its last frames


def _chosen(frames: Iterable[FrameSpan], wanted: ClipRequest) -> list[FrameSpan]:
    """Those of the frames that make the piece."""
    earlier: deque[FrameSpan] = deque(maxlen=wanted.fewest)
    piece: list[FrameSpan] = []
    for each in frames:
        if each.end <= wanted.at + TOLERANCE:
            earlier.append(each)
        elif len(piece) < wanted.fewest or each.start < wanted.at + wanted.seconds - TOLERANCE:
            piece.append(each)
        else:
            break
        if len(piece) > MOST_FRAMES:
            raise VideoError(f"{wanted.seconds:g} s are more than {MOST_FRAMES} frames: ask for a shorter piece")
    if not piece and not earlier:
        raise VideoError("no frame could be decoded")
    if not piece and earlier[-1].end < wanted.at - TOLERANCE:
        raise VideoError(f"ends after {earlier[-1].end:.2f} s, before the {wanted.at:g} s that were asked for")
    while earlier and len(piece) < wanted.fewest:
        piece.insert(0, earlier.pop())
    return piece


def glance(path: Path, start: float, end: float) -> Planes | str:
    """Up to `GLANCE_SECONDS` of a moment, from around its middle, to be shown; or the reason why there are none."""
    middle = (start + end) / 2
    seconds = min(end - start, GLANCE_SECONDS)
    try:
        return read_piece(path, ClipRequest(max(0.0, middle - seconds / 2), seconds, 1, GLANCE_SIDE)).planes
    except VideoError as error:
        return str(error)


def picture(path: Path, start: float, end: float) -> UInt8[np.ndarray, "h w 3"] | None:
    """One frame of a moment as RGB, from its middle; None where there is none."""
    try:
        return read_piece(path, ClipRequest((start + end) / 2, 0.0, 1, GLANCE_SIDE)).planes.picture(0)
    except VideoError:
        return None
