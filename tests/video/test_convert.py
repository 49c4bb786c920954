"""Every kind of frame becomes planes of the same colours."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import Clip, frames_of, number_of, solid

from unreel.errors import VideoError
from unreel.video.decoding.convert import Converter, colour_of, plane_views
from unreel.video.decoding.yuv import Colour

LIMITED_601 = Colour("bt601")
KINDS = {
    "h264.mp4": (Clip(), LIMITED_601),
    "h264-709.mp4": (Clip(matrix="bt709", tagged=True), Colour("bt709")),
    "h264-full.mp4": (Clip(full_range=True, tagged=True), Colour("bt601", True)),
    "h264-444.mkv": (Clip(format="yuv444p", width=33, height=35), LIMITED_601),
    "h264-10-bit-2020.mkv": (Clip(format="yuv420p10le", matrix="bt2020", tagged=True), Colour("bt2020")),
    "ffv1-422.avi": (Clip(codec="ffv1", format="yuv422p", width=33, height=35), LIMITED_601),
    "ffv1-10-bit.mkv": (Clip(codec="ffv1", format="yuv420p10le", width=33, height=35), LIMITED_601),
    "ffv1-rgb.mkv": (Clip(codec="ffv1", format="bgr0"), LIMITED_601),
    "png-rgb.avi": (Clip(codec="png", format="rgb24", width=33, height=35), LIMITED_601),
    "png-alpha.mov": (Clip(codec="png", format="rgba"), LIMITED_601),
    "mpeg4.avi": (Clip(codec="mpeg4"), LIMITED_601),
    "vp9.webm": (Clip(codec="libvpx-vp9", width=33, height=35), LIMITED_601),
    "mjpeg.avi": (Clip(codec="mjpeg", format="yuvj420p", full_range=True), Colour("bt601", True)),
    "raw.avi": (Clip(codec="rawvideo", format="yuyv422"), LIMITED_601),
}


if av.__version__ < "18":
    del KINDS["h264-10-bit-2020.mkv"]  # PyAV could not write BT.2020 before


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("rgb", [(200, 50, 30), (20, 180, 90)], ids=["red", "green"])
def test_colours_survive_in_every_format(tmp_path: Path, name: str, rgb: tuple[int, int, int]) -> None:
    clip, colour = KINDS[name]
    path = Clip(**(vars(clip) | {"pictures": solid(*rgb), "frames": 2})).write(tmp_path / name)
    frame = next(frames_of(path))
    assert colour_of(frame) == colour
    for target in (colour, LIMITED_601, Colour("bt709", True)):
        planes = plane_views(Converter(frame.width, frame.height, target)(frame))
        codes = np.array([*(plane[plane.shape[0] // 2, plane.shape[1] // 2] for plane in planes), 1])
        np.testing.assert_allclose(target.to_rgb() @ codes * 255, rgb, atol=6)


@pytest.mark.parametrize("codec", ["ffv1", "png"])
def test_grey_has_the_full_range_unless_it_says_otherwise(tmp_path: Path, codec: str) -> None:
    clip = Clip(frames=1, codec=codec, format="gray", full_range=True, pictures=solid(90, 90, 90))
    frame = next(frames_of(clip.write(tmp_path / "grey.avi")))
    assert colour_of(frame) == Colour("bt601", True)
    luma, cb, cr = plane_views(Converter(64, 48, LIMITED_601)(frame))
    assert np.unique(luma) == pytest.approx(16 + 219 * 90 / 255, abs=1)
    assert set(np.unique([cb, cr])) == {128}


@pytest.mark.parametrize(("width", "height"), [(1280, 64), (64, 578)])
def test_high_definition_without_a_name_is_bt709(tmp_path: Path, width: int, height: int) -> None:
    path = Clip(frames=1, width=width, height=height).write(tmp_path / "large.mp4")
    assert colour_of(next(frames_of(path))) == Colour("bt709")


def test_a_palette_is_rgb() -> None:
    frame = av.VideoFrame(32, 32, "pal8")
    assert colour_of(frame) == LIMITED_601


def test_a_frame_that_fits_is_not_touched(tmp_path: Path) -> None:
    frame = next(frames_of(Clip(frames=1).write(tmp_path / "a.mp4")))
    assert Converter(64, 48, LIMITED_601)(frame) is frame


def test_a_stream_may_change_from_frame_to_frame(tmp_path: Path) -> None:
    clips = [Clip(), Clip(width=96), Clip(full_range=True, tagged=True), Clip(matrix="bt709", tagged=True)]
    red = [Clip(**(vars(clip) | {"pictures": solid(200, 50, 30), "frames": 2})) for clip in clips]
    pairs = [list(frames_of(clip.write(tmp_path / f"{number}.mp4"))) for number, clip in enumerate(red)]
    convert = Converter(64, 48, LIMITED_601)
    for frame in [*(pair[0] for pair in pairs), *(pair[1] for pair in pairs)]:
        luma, cb, cr = (plane[plane.shape[0] // 2, plane.shape[1] // 2] for plane in plane_views(convert(frame)))
        np.testing.assert_allclose(LIMITED_601.to_rgb() @ [luma, cb, cr, 1] * 255, (200, 50, 30), atol=6)
    assert convert(pairs[0][0]) is pairs[0][0]


def test_frames_are_scaled(tmp_path: Path) -> None:
    path = Clip(frames=20, width=200, height=120, rate=Fraction(25)).write(tmp_path / "a.mp4")
    convert = Converter(64, 40, LIMITED_601)
    planes = [plane_views(convert(frame)) for frame in frames_of(path)]
    assert [number_of(luma) for luma, _, _ in planes] == list(range(20))
    assert {tuple(plane.shape for plane in each) for each in planes} == {((40, 64), (20, 32), (20, 32))}


def test_views_keep_their_frame_alive(tmp_path: Path) -> None:
    lumas = [plane_views(frame)[0] for frame in frames_of(Clip(frames=30).write(tmp_path / "a.mp4"))]
    assert [number_of(luma) for luma in lumas] == list(range(30))


def test_a_format_that_cannot_be_converted_is_named() -> None:
    with pytest.raises(VideoError, match=r"^pixel format bgr4 cannot be converted$"):
        Converter(16, 16, LIMITED_601)(av.VideoFrame(32, 32, "bgr4"))
