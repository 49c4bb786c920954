"""Decoded frames of any format, size and colour to yuv420p frames of one, and those to planes."""

from typing import final

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import VideoReformatter
from jaxtyping import UInt8

from unreel.errors import VideoError
from unreel.video.decoding.yuv import Colour, Matrix

# What streams call their matrix (ITU-T H.273, as FFmpeg's AVColorSpace), and what swscale calls it.
_MATRICES: dict[int, Matrix] = {1: "bt709", 4: "bt601", 5: "bt601", 6: "bt601", 7: "bt601", 9: "bt2020", 10: "bt2020"}
_SWSCALE_MATRICES: dict[Matrix, int] = {"bt601": 5, "bt709": 1, "bt2020": 9}
_LIMITED_RANGE, _FULL_RANGE = 1, 2


@final
class Converter:
    """Converts frames to yuv420p frames of one size and colour; a frame that is so already is returned as it is."""

    def __init__(self, width: int, height: int, colour: Colour) -> None:
        self.width, self.height, self.colour = width, height, colour
        self._reformatter = VideoReformatter()
        self._kind: tuple[str, int, int, int, int] | None = None  # of the last frame

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """The frame, converted.

        Raises:
            VideoError: its pixel format cannot be converted.
        """
        kind = frame.format.name, frame.width, frame.height, frame.colorspace, frame.color_range
        if kind != self._kind:  # which is rare, and all that a colour depends on
            self._kind, self._own = kind, colour_of(frame)
            planar = frame.format.name in ("yuv420p", "yuvj420p")
            self._fits = planar and (*kind[1:3], self._own) == (self.width, self.height, self.colour)
        return frame if self._fits else self._converted(frame, self._own)

    def _converted(self, frame: VideoFrame, own: Colour) -> VideoFrame:
        try:
            return self._reformatter.reformat(
                frame,
                self.width,
                self.height,
                "yuv420p",
                src_colorspace=_SWSCALE_MATRICES[own.matrix],
                dst_colorspace=_SWSCALE_MATRICES[self.colour.matrix],
                interpolation="AREA",
                src_color_range=_FULL_RANGE if own.full_range or _is_rgb(frame) else _LIMITED_RANGE,
                dst_color_range=_FULL_RANGE if self.colour.full_range else _LIMITED_RANGE,
                threads=1,  # otherwise swscale starts one per core
            )
        except av.FFmpegError as error:
            raise VideoError(f"pixel format {frame.format.name} cannot be converted") from error


def colour_of(frame: VideoFrame) -> Colour:
    """The colour that a frame has, or gets where it is RGB: BT.601, limited range.

    A stream that does not name its matrix has BT.709 above 576 lines or from 1280 columns on, as players assume.
    """
    if _is_rgb(frame):
        return Colour("bt601")
    unnamed: Matrix = "bt709" if frame.height > 576 or frame.width >= 1280 else "bt601"
    full_range = frame.color_range == _FULL_RANGE or frame.format.name.startswith("yuvj")
    full_range |= frame.format.name.startswith("gray") and frame.color_range != _LIMITED_RANGE
    return Colour(_MATRICES.get(frame.colorspace, unnamed), full_range)


def plane_views(
    frame: VideoFrame,
) -> tuple[UInt8[np.ndarray, "h w"], UInt8[np.ndarray, "_h _w"], UInt8[np.ndarray, "_h _w"]]:
    """Luma, Cb and Cr of a yuv420p frame, not copied."""
    luma, cb, cr = map(_view, frame.planes)
    return luma, cb, cr


def _view(plane: VideoPlane) -> UInt8[np.ndarray, "h w"]:
    """A plane as an array; a negative line size says that its last row comes first in memory."""
    rows: np.ndarray = np.ndarray((plane.height, plane.width), np.uint8, plane, strides=(abs(plane.line_size), 1))  # type: ignore[arg-type]
    return rows[::-1] if plane.line_size < 0 else rows


def _is_rgb(frame: VideoFrame) -> bool:
    return bool(frame.format.is_rgb or frame.format.has_palette)
