"""The one way in which frames of a video become H.264: 4:2:0, BT.601, limited range, by one thread."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import final

import av
from av.video.frame import PictureType, VideoFrame

from unreel.video.collection.probe import Framing

_CONTAINER_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
_BT601, _LIMITED_RANGE = 6, 1  # the numbers of H.273 and of FFmpeg


@final
class H264Writer:
    """Writes the frames of a framing to an mp4 file, at whole ticks of `ticks` a second. Use as a context manager.

    `rate` is what the encoder expects of the times. Equal frames make equal bytes.

    Raises:
        OSError: the file cannot be written, here and in writing.
    """

    def __init__(
        self, target: Path, framing: Framing, rate: Fraction, ticks: Fraction, options: Mapping[str, str]
    ) -> None:
        timescale = {"video_track_timescale": str(ticks.numerator)}
        self._container = av.open(str(target), "w", format="mp4", container_options=_CONTAINER_OPTIONS | timescale)
        self._framing, self._time_base = framing, 1 / ticks
        self._stream = self._container.add_stream("libx264", rate=rate, options=dict(options))
        self._stream.width, self._stream.height, self._stream.pix_fmt = framing.width, framing.height, "yuv420p"
        codec = self._stream.codec_context
        codec.time_base = self._time_base
        codec.thread_count = 1  # more threads are other bytes
        codec.color_range = _LIMITED_RANGE
        codec.colorspace = codec.color_primaries = codec.color_trc = _BT601

    def __enter__(self) -> "H264Writer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def write(self, frame: VideoFrame, tick: int) -> None:
        """Write a converted frame, which is turned upright, at a time after that of the one before."""
        frame = self._framing.orientation.turn_frame(frame)
        frame.pts, frame.time_base = tick, self._time_base
        frame.pict_type = PictureType.NONE  # the source's key frames are not ours
        self._container.mux(self._stream.encode(frame))
