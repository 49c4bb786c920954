"""Moving previews: the right frames, at the right speed, small, and never a crash."""

import wave
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from unreel.errors import VideoError
from unreel.reporting.strips import FRAMES, FRAMES_PER_SECOND, SCREEN, chosen_frames, cut_strip
from unreel.video.collection.manifest import VideoRecord

WriteVideo = Callable[..., VideoRecord]


def test_a_strip_shows_every_second_frame_around_the_middle(tmp_path: Path, write_video: WriteVideo) -> None:
    write_video(tmp_path / "long.mp4", frames=60, fps=25)
    strip = cut_strip(tmp_path / "long.mp4", 60, 25.0)
    picture = np.asarray(Image.open(BytesIO(strip.image)).convert("L"), float)
    assert picture.shape == (strip.height, strip.frames * strip.width) == (48, 12 * 64)
    levels = picture.reshape(48, 12, 64).mean(axis=(0, 2))
    np.testing.assert_allclose(levels, [8 * frame % 256 for frame in range(18, 42, 2)], atol=5)
    assert strip.seconds == pytest.approx(12 * 2 / 25)
    assert strip.address.startswith("data:image/webp;base64,")


def test_a_file_shorter_than_its_record_gives_the_frames_there_are(tmp_path: Path, write_video: WriteVideo) -> None:
    write_video(tmp_path / "cut.mp4", frames=20, fps=10)
    assert cut_strip(tmp_path / "cut.mp4", 30, 10.0).frames == 20 - 9


@pytest.mark.parametrize("size", [(48, 320), (640, 64), (400, 400), (16, 16)])
def test_pictures_stay_small_and_keep_their_shape(
    tmp_path: Path, write_video: WriteVideo, size: tuple[int, int]
) -> None:
    write_video(tmp_path / "video.mp4", frames=3, size=size)
    strip = cut_strip(tmp_path / "video.mp4", 3, 12.0)
    shorter, longer = sorted((strip.width, strip.height))
    assert shorter <= min(SCREEN.shorter_side, *size)
    assert longer <= SCREEN.longer_side
    assert strip.width / strip.height == pytest.approx(size[0] / size[1], rel=0.05)


def test_a_removed_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        VideoError, match=r"gone\.mp4 cannot be read any more \(.*no such file.*\)\. Prepare the collection"
    ):
        cut_strip(tmp_path / "gone.mp4", 16, 25.0)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(VideoError, match=r"noise\.mp4 cannot be read any more \(not a video"):
        cut_strip(tmp_path / "noise.mp4", 16, 25.0)


def test_a_file_without_pictures_is_named(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))
    with pytest.raises(VideoError, match=r"sound\.wav cannot be read any more \(.*\)\. Prepare the collection again"):
        cut_strip(tmp_path / "sound.wav", 16, 25.0)


@given(frames=st.integers(1, 100_000), fps=st.floats(0.5, 1000))
def test_chosen_frames_exist_are_central_and_near_the_speed(frames: int, fps: float) -> None:
    chosen = chosen_frames(frames, fps)
    assert 1 <= len(chosen) <= FRAMES
    assert chosen[0] >= 0
    assert chosen[-1] < frames
    assert len(chosen) == min(frames, FRAMES)
    assert abs(chosen.start - (frames - chosen.stop)) <= 1
    if frames >= FRAMES * fps / FRAMES_PER_SECOND + FRAMES and fps >= FRAMES_PER_SECOND:
        assert fps / chosen.step == pytest.approx(FRAMES_PER_SECOND, rel=0.51)
