"""What is cut is what is asked for: the right frames, upright, in square pixels, of any file; or a reason."""

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from clips import Clip, cut, number_of, rotate
from jaxtyping import UInt8
from PIL import Image

from unreel.errors import VideoError
from unreel.web.clip_worker import (
    FILM_PICTURES,
    HEIGHT,
    PICTURES,
    WIDTH,
    cut_pictures,
    cut_piece,
    film_times,
    look_at_upload,
    strip_times,
)


def pictures(strip: bytes) -> list[UInt8[np.ndarray, "120 160 3"]]:
    """The pictures of a strip."""
    image = np.asarray(Image.open(BytesIO(strip)).convert("RGB"))
    assert image.shape[0] == HEIGHT
    return np.split(image, image.shape[1] // WIDTH, axis=1)


def seen(strip: bytes) -> list[int]:
    """The numbers that the pictures of a strip show (of clips of 4:3)."""
    return [number_of(picture[..., 0]) for picture in pictures(strip)]


def frames_of(path: Path) -> list[int]:
    """The numbers that the frames of a file show."""
    with av.open(str(path)) as container:
        return [number_of(frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mkv", "a.webm", "a.mpg"])
def test_a_strip_shows_what_is_shown_at_its_times(tmp_path: Path, name: str) -> None:
    codec = {"a.avi": "mpeg4", "a.webm": "libvpx", "a.mpg": "mpeg1video"}.get(name, "libx264")
    path = Clip(frames=50, codec=codec).write(tmp_path / name)
    assert seen(cut_pictures(path, [0.0, 0.4, 0.4, 1.2, 1.96])) == [0, 10, 10, 30, 49]


def test_far_apart_pictures_of_a_long_video_are_the_same_as_by_decoding_all(tmp_path: Path) -> None:
    path = Clip(frames=250, rate=5, options={"g": "40"}).write(tmp_path / "long.mp4")
    assert seen(cut_pictures(path, [3.0, 17.0, 31.0, 49.8])) == [15, 85, 155, 249]
    assert seen(cut_pictures(path, [40.0, 41.0])) == [200, 205]


def test_where_a_video_ends_its_last_picture_stays(tmp_path: Path) -> None:
    path = Clip(frames=10).write(tmp_path / "short.mp4")
    assert seen(cut_pictures(path, [0.2, 5.0, 60.0])) == [5, 9, 9]
    broken = cut(Clip(frames=40).write(tmp_path / "broken.mkv"), 0.7)
    first, second, last = seen(cut_pictures(broken, [0.0, 0.2, 1.5]))
    assert (first, second) == (0, 5)
    assert 5 < last < 37


@pytest.mark.parametrize(("turns", "mirrored"), [(0, False), (1, False), (2, False), (3, True)])
def test_pictures_are_upright(tmp_path: Path, turns: int, mirrored: bool) -> None:
    def corner(_: int, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
        image = np.zeros((height, width, 3), np.uint8)
        image[: height // 2, : width // 2] = 255
        return image

    path = rotate(Clip(pictures=corner).write(tmp_path / "a.mp4"), quarter_turns=turns, mirrored=mirrored)
    (picture,) = pictures(cut_pictures(path, [0.0]))
    rows, columns = np.nonzero(picture[..., 0] > 128)
    upright = np.rot90(np.array([[0, 1], [2, 3]])[:, :: -1 if mirrored else 1], -turns)
    (top,), (left,) = np.nonzero(upright == 0)
    assert (rows.mean() > HEIGHT / 2, columns.mean() > WIDTH / 2) == (top == 1, left == 1)


@pytest.mark.parametrize(
    ("width", "height", "aspect", "sees"), [(64, 64, 2, (64, 43)), (48, 64, 1, (36, 48)), (16, 64, 1, (12, 16))]
)
def test_a_picture_fills_its_place_with_the_middle_of_the_video(
    tmp_path: Path, width: int, height: int, aspect: int, sees: tuple[int, int]
) -> None:
    def ramps(_: int, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
        image = np.full((height, width, 3), 60, np.uint8)
        image[(height - sees[0]) // 2 : (height + sees[0]) // 2, (width - sees[1]) // 2 : (width + sees[1]) // 2] = 200
        return image

    path = Clip(width=width, height=height, aspect=Fraction(aspect), pictures=ramps).write(tmp_path / "a.mp4")
    (picture,) = pictures(cut_pictures(path, [0.0]))
    assert (picture[4:-4, 4:-4] > 150).all()  # nothing but what is seen, and no bar


def test_a_piece_has_the_frames_from_its_start_to_before_its_end(tmp_path: Path) -> None:
    path = Clip(frames=100).write(tmp_path / "a.avi")
    assert cut_piece(path, 1.0, 2.0, tmp_path / "piece.mp4") == pytest.approx(1.0, abs=1e-3)
    assert frames_of(tmp_path / "piece.mp4") == list(range(25, 50))
    assert [path.name for path in tmp_path.iterdir() if path.suffix not in (".avi", ".mp4")] == []


def test_a_piece_far_into_a_long_video(tmp_path: Path) -> None:
    path = Clip(frames=200, rate=10, options={"g": "30"}).write(tmp_path / "long.mp4")
    cut_piece(path, 15.2, 16.0, tmp_path / "piece.mp4")
    assert frames_of(tmp_path / "piece.mp4") == list(range(152, 160))


def test_uneven_times_are_kept(tmp_path: Path) -> None:
    path = Clip(frames=8, rate=10, times=[0, 1, 2, 10, 11, 12, 20, 21]).write(tmp_path / "a.mkv")
    assert cut_piece(path, 0.0, 9.0, tmp_path / "piece.mp4") == pytest.approx(2.2, abs=0.35)
    with av.open(str(tmp_path / "piece.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([0, 0.1, 0.2, 1.0, 1.1, 1.2, 2.0, 2.1])


@pytest.mark.parametrize(
    ("width", "height", "expected"), [(1280, 720, (854, 480)), (63, 47, (64, 48)), (48, 64, (48, 64))]
)
def test_a_piece_is_no_larger_than_it_need_be(
    tmp_path: Path, width: int, height: int, expected: tuple[int, int]
) -> None:
    path = Clip(frames=3, width=width, height=height, codec="ffv1").write(tmp_path / "a.mkv")
    cut_piece(path, 0.0, 1.0, tmp_path / "piece.mp4")
    with av.open(str(tmp_path / "piece.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == expected
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")


FAULTS = {
    "text.mp4": (b"no video at all, but a text that is long enough to look at", "not a video, or damaged"),
    "empty.mp4": (b"", "empty file"),
    "list.mp4": (b"ffconcat version 1.0\nfile good.mp4\n", "a playlist of other files, not a video itself"),
}


@pytest.mark.parametrize("name", [*FAULTS, "truncated.mp4", "gone.mp4", "folder.mp4"])
def test_what_is_no_video_has_a_reason(tmp_path: Path, name: str) -> None:
    Clip().write(tmp_path / "good.mp4")
    cut(Clip().write(tmp_path / "truncated.mp4"), 0.5)
    (tmp_path / "folder.mp4").mkdir()
    if name in FAULTS:
        (tmp_path / name).write_bytes(FAULTS[name][0])
    for work in (
        lambda: cut_pictures(tmp_path / name, [0.0]),
        lambda: cut_piece(tmp_path / name, 0.0, 1.0, tmp_path / "piece.mp4"),
        lambda: look_at_upload(tmp_path / name, tmp_path, 60.0),
    ):
        with pytest.raises(VideoError, match=FAULTS[name][1] if name in FAULTS else "."):
            work()
    assert not (tmp_path / "piece.mp4").exists()


def test_a_piece_beyond_the_end(tmp_path: Path) -> None:
    path = Clip().write(tmp_path / "a.mp4")
    with pytest.raises(VideoError, match=r"^no frame from 5 to 6 s could be decoded$"):
        cut_piece(path, 5.0, 6.0, tmp_path / "piece.mp4")


def test_an_upload_is_looked_at_once_and_not_too_long(tmp_path: Path) -> None:
    path = Clip(frames=50).write(tmp_path / "a.mp4")
    assert look_at_upload(path, tmp_path, 60.0) == pytest.approx(2.0, abs=0.01)
    assert frames_of(tmp_path / "view.mp4") == list(range(50))
    assert len(pictures((tmp_path / "filmstrip.webp").read_bytes())) == FILM_PICTURES
    with pytest.raises(VideoError, match=r"^lasts 2 s, expected at most 1 s: cut it first$"):
        look_at_upload(path, tmp_path, 1.0)


@pytest.mark.parametrize(
    ("start", "end", "duration", "first", "last"),
    [(0, 10, 10, 4.4, 5.5), (0, 0.5, 10, 0, 1.1), (9.5, 10, 10, 8.8, 9.9), (0, 0.6, 0.6, 0, 0.55)],
)
def test_a_strip_is_from_around_the_middle_of_its_piece(
    start: float, end: float, duration: float, first: float, last: float
) -> None:
    times = strip_times(float(start), float(end), float(duration))
    assert len(times) == PICTURES
    assert (times[0], times[-1]) == pytest.approx((first, last))


def test_a_film_strip_is_of_the_whole_video() -> None:
    assert film_times(12.0) == pytest.approx([1, 3, 5, 7, 9, 11])
