"""Which frames a time scale shows: a slow loop over the times, files of two rates, and what cannot be shown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import VideoError
from unreel.video.clips.sampling import EVERY_FRAME, TimeScale, too_short
from unreel.video.collection.manifest import VideoRecord
from unreel.video.decoding.timestamps import Times


def _video(frames: int, fps: float, times: bytes = b"", end: float | None = None) -> VideoRecord:
    end = frames / fps if end is None else end
    return VideoRecord("a.mp4", "ok", frames=frames, fps=fps, duration=end, times=times)


@given(st.integers(1, 300), st.integers(1, 50))
def test_a_step_shows_every_so_manieth_frame(frames: int, step: int) -> None:
    video = _video(frames, 25.0)
    if step >= frames > 1:
        with pytest.raises(VideoError, match=f"has {frames} frames, fewer than there are"):
            TimeScale(step).numbers(video)
    else:
        assert TimeScale(step).numbers(video).tolist() == list(range(0, frames, step))


@given(st.integers(2, 200), st.sampled_from([23.976, 25.0, 29.97, 50.0, 60.0]), st.sampled_from([5.0, 12.5, 20.0]))
def test_a_rate_shows_what_is_on_the_screen(frames: int, fps: float, rate: float) -> None:
    if frames / fps * rate <= 1.01:
        return
    expected, j = [], 0
    while j / rate < frames / fps - 1e-4:
        expected.append(max(i for i in range(frames) if i / fps <= j / rate + 1e-4))
        j += 1
    found = TimeScale(rate=rate).numbers(_video(frames, fps))
    assert found.tolist() == expected
    assert np.abs(found / fps - np.arange(len(found)) / rate).max() <= 1 / fps


def test_uneven_times_are_followed() -> None:
    starts = np.array([0.0, 0.5, 0.6, 0.7, 2.0, 2.1])
    video = _video(6, 2.5, Times(starts, 2.5).packed(), end=2.5)
    assert TimeScale(rate=2.0).numbers(video).tolist() == [0, 1, 3, 3, 4]


@given(st.integers(2, 8), st.floats(0, 1, exclude_max=True))
def test_a_phase_moves_all_frames_by_part_of_a_step(step: int, phase: float) -> None:
    found = TimeScale(step).numbers(_video(100, 25.0), phase)
    assert found[0] == int(phase * step)
    assert (np.diff(found) == step).all()


def test_a_rate_that_the_file_does_not_have_is_an_error_but_for_a_hair() -> None:
    with pytest.raises(VideoError, match="has 25 frames a second, fewer than the frame rate of 30"):
        TimeScale(rate=30.0).numbers(_video(50, 25.0))
    assert "fewer than the frame rate" in too_short(_video(50, 25.0), 16, TimeScale(rate=30.0))
    assert too_short(_video(50, 25.0), 16, TimeScale(4)) == "too short: 13 frames at that time scale, 16 are needed"
    assert too_short(_video(50, 25.0), 16, EVERY_FRAME) == ""
