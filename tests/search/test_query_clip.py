"""Pieces of any video: the right frames, decoded as `prepare` decodes, from files of many kinds."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import Clip, cut, number_of, rotate

from unreel.errors import VideoError
from unreel.search.query_clip import ClipRequest, Piece, glance, picture, read_piece
from unreel.video.collection.transcode import transcode
from unreel.video.decoding.decode import PyAVReader

SIDE = 38


def numbers(piece: Piece) -> list[int]:
    return [number_of(luma) for luma in piece.planes.luma]


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        ("mp4", "libx264", {"g": "250", "bf": "2"}),
        ("mkv", "libx264", {"g": "10", "bf": "3"}),
        ("avi", "mpeg4", {}),
        ("mov", "mjpeg", {}),
        ("ts", "libx264", {"g": "30"}),
    ],
)
def test_frames_by_time(suffix: str, codec: str, options: dict[str, str], tmp_path: Path) -> None:
    kind = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    clip = Clip(frames=120, rate=25, width=96, height=64, codec=codec, format=kind, options=options)
    path = clip.write(tmp_path / f"a.{suffix}")
    for at, first in ((0.0, 0), (2.0, 50), (2.01, 50), (2.03, 50), (2.04, 51), (3.6, 90)):
        piece = read_piece(path, ClipRequest(at, 0.0, 16, SIDE))
        assert numbers(piece) == list(range(first, first + 16))
        assert piece.start == pytest.approx(first / 25)
        assert piece.end == pytest.approx((first + 16) / 25)
    assert numbers(read_piece(path, ClipRequest(1.0, 1.0, 16, SIDE))) == list(range(25, 50))


def test_near_the_end_its_last_frames(tmp_path: Path) -> None:
    path = Clip(frames=50, width=96, height=64).write(tmp_path / "a.mp4")
    for at in (1.5, 1.96, 1.99):
        assert numbers(read_piece(path, ClipRequest(at, 0.0, 16, SIDE))) == list(range(34, 50))
    with pytest.raises(VideoError, match=r"ends after 2.00 s, before the 2.1 s that were asked for"):
        read_piece(path, ClipRequest(2.1, 0.0, 16, SIDE))
    short = Clip(frames=9, width=96, height=64).write(tmp_path / "short.avi")
    assert numbers(read_piece(short, ClipRequest(0.2, 0.0, 16, SIDE))) == list(range(9))


def test_the_pixels_are_those_of_prepared_files(tmp_path: Path) -> None:
    source = Clip(frames=40, width=150, height=90, aspect=Fraction(4, 3), matrix="bt709", tagged=True)
    for path in (source.write(tmp_path / "a.mp4"), rotate(source.write(tmp_path / "b.mp4"), quarter_turns=1)):
        transcode(path, tmp_path / "prepared.mp4", SIDE)
        expected = PyAVReader(prepared=True).read_clips(tmp_path / "prepared.mp4", [8], 16)[0]
        (tmp_path / "prepared.mp4").unlink()
        piece = read_piece(path, ClipRequest(8 / 25, 0.0, 16, SIDE)).planes
        assert piece.luma.shape == expected.luma.shape
        assert piece.colour == expected.colour
        assert np.abs(piece.luma.astype(int) - expected.luma).mean() < 2
        assert np.abs(piece.chroma.astype(int) - expected.chroma).mean() < 2


def test_uneven_rates_go_by_their_times(tmp_path: Path) -> None:
    times = [number if number < 40 else 40 + 3 * (number - 40) for number in range(80)]
    path = Clip(frames=80, rate=50, times=times, width=96, height=64).write(tmp_path / "a.mp4")
    assert numbers(read_piece(path, ClipRequest(70 / 50, 0.0, 5, SIDE))) == [50, 51, 52, 53, 54]


def test_what_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.mp4").write_text("hello")
    with pytest.raises(VideoError, match="not a video"):
        read_piece(tmp_path / "text.mp4", ClipRequest(0.0, 0.0, 16, SIDE))
    path = Clip(frames=20).write(tmp_path / "a.mp4")
    assert numbers(read_piece(path, ClipRequest(0.0, 1e4, 16, SIDE))) == list(range(20))
    monkeypatch.setattr("unreel.search.query_clip.MOST_FRAMES", 19)
    with pytest.raises(VideoError, match="10000 s are more than 19 frames: ask for a shorter piece"):
        read_piece(path, ClipRequest(0.0, 1e4, 16, SIDE))
    broken = cut(Clip(frames=60, codec="mpeg4", width=160, height=120).write(tmp_path / "cut.avi"), 0.1)
    with pytest.raises(VideoError):
        read_piece(broken, ClipRequest(1.0, 0.0, 16, SIDE))


def test_glances_and_pictures_are_from_the_middle(tmp_path: Path) -> None:
    path = Clip(frames=200, width=96, height=64).write(tmp_path / "a.mp4")
    planes = glance(path, 1.0, 7.0)
    assert not isinstance(planes, str)
    assert [number_of(luma) for luma in planes.luma] == list(range(75, 125))
    rgb = picture(path, 1.0, 7.0)
    assert rgb is not None
    assert number_of(rgb.mean(axis=2).astype(np.uint8)) == 100
    (tmp_path / "text.mp4").write_text("hello")
    assert "not a video" in str(glance(tmp_path / "text.mp4", 0.0, 1.0))
    assert picture(tmp_path / "text.mp4", 0.0, 1.0) is None
