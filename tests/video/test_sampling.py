"""Which frames are picked."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.rng import generator
from unreel.video.clips.sampling import (
    consecutive_starts,
    equally_spaced_starts,
    one_start,
    starts_of_centres,
    two_starts,
)


@given(frames=st.integers(16, 400), seed=st.integers(0, 9))
def test_two_clips_lie_inside_the_video(frames: int, seed: int) -> None:
    for start in two_starts(frames, 16, generator(seed, "test")):
        assert 0 <= start <= frames - 16


def test_two_starts_are_uniform_and_independent() -> None:
    pairs = np.array([two_starts(19, 16, generator(0, "test", number)) for number in range(4000)])
    counts = np.zeros((4, 4))
    np.add.at(counts, (pairs[:, 0], pairs[:, 1]), 1)
    assert counts.min() > 180  # 250 expected in each of the 16 cells
    assert counts.max() < 320


@given(frames=st.integers(16, 400), gap=st.floats(0, 0.99), seed=st.integers(0, 9))
def test_two_clips_with_a_gap_lie_apart_and_inside_the_video(frames: int, gap: float, seed: int) -> None:
    first, second = two_starts(frames, 16, generator(seed, "test"), gap)
    assert 0 <= min(first, second) <= max(first, second) <= frames - 16
    assert abs(first - second) >= gap * (frames - 16)


def test_two_starts_with_a_gap_are_uniform_over_what_it_allows() -> None:
    pairs = np.array([two_starts(20, 16, generator(0, "test", number), 0.5) for number in range(4000)])
    counts = np.zeros((5, 5))
    np.add.at(counts, (pairs[:, 0], pairs[:, 1]), 1)
    rows, columns = np.indices(counts.shape)
    allowed = abs(rows - columns) >= 2
    assert counts[~allowed].sum() == 0
    assert allowed.sum() == 12
    assert counts[allowed].min() > 265  # 333 expected in each of them
    assert counts[allowed].max() < 400


def test_a_video_shorter_than_a_clip_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="got 15 frames, a clip needs 16"):
        two_starts(15, 16, generator(0, "test"))


def test_one_start_is_uniform_and_0_where_the_video_is_looped() -> None:
    starts = [one_start(19, 16, generator(0, "test", number)) for number in range(4000)]
    assert np.bincount(starts, minlength=4).min() > 900  # 1000 expected of each of 4
    assert set(starts) == {0, 1, 2, 3}
    assert {one_start(frames, 16, generator(number, "test")) for frames in (1, 15, 16) for number in range(9)} == {0}


@given(frames=st.integers(1, 400), clip_length=st.integers(1, 20))
def test_a_test_sees_every_frame_once_but_for_a_tail_shorter_than_a_clip(frames: int, clip_length: int) -> None:
    starts = consecutive_starts(frames, clip_length)
    seen = [frame for start in starts for frame in range(start, start + clip_length)]
    if frames < clip_length:
        assert starts == [0]
    else:
        assert seen == list(range(frames - frames % clip_length))


@given(frames=st.integers(16, 400), count=st.integers(1, 12))
def test_equally_spaced_clips_have_equally_spaced_centres(frames: int, count: int) -> None:
    starts = equally_spaced_starts(frames, 16, count)
    assert np.allclose(np.array(starts) + 8, np.linspace(8, frames - 8, count), atol=0.5)


def test_short_videos_begin_at_their_first_frame() -> None:
    assert equally_spaced_starts(5, 16, 3) == [0, 0, 0]


@pytest.mark.parametrize("frames", [16, 17, 29, 100, 164, 1001])
def test_clips_by_their_centres_start_where_clip_order_prediction_has_them(frames: int) -> None:
    starts = starts_of_centres(frames, 16, 10)
    assert starts == [math.floor((frames - 16) * Fraction(number, 9)) for number in range(10)]
    rounded = equally_spaced_starts(frames, 16, 10)
    assert all(0 <= near - down <= 1 for near, down in zip(rounded, starts, strict=True))


def test_clips_by_their_centres_of_short_videos_start_at_once() -> None:
    assert starts_of_centres(5, 16, 3) == [0, 0, 0]
    assert starts_of_centres(40, 16, 1) == [0]
