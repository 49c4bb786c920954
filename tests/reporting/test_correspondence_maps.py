"""Where it looks: maps enlarged as a slow loop does it, one scale for all, and the words that say so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps

from unreel.evaluation.correspondence import ClipPair, Correspondence
from unreel.reporting.correspondence_maps import enlarge, looks, overlay, shown_frames


def _slow(map_: np.ndarray, side: int, y: int, x: int) -> float:
    """Bilinear between the centres of cells, the outermost values continued."""
    height, width = map_.shape
    down = min(max((y + 0.5) * height / side - 0.5, 0), height - 1)
    across = min(max((x + 0.5) * width / side - 0.5, 0), width - 1)
    top, left = int(down), int(across)
    below, beside = min(top + 1, height - 1), min(left + 1, width - 1)
    upper = map_[top, left] * (1 - across + left) + map_[top, beside] * (across - left)
    lower = map_[below, left] * (1 - across + left) + map_[below, beside] * (across - left)
    return float(upper * (1 - down + top) + lower * (down - top))


@given(st.integers(0, 99), st.sampled_from([1, 2, 4]), st.integers(1, 5), st.integers(1, 5))
def test_maps_are_enlarged_between_the_centres_of_their_cells(seed: int, time: int, height: int, width: int) -> None:
    cosines = np.random.default_rng(seed).normal(size=(time, height, width))
    large = enlarge(cosines, 8, 10)
    assert large.shape == (8, 10, 10)
    for frame in range(8):
        for y, x in ((0, 0), (3, 7), (9, 9), (5, 2)):
            assert large[frame, y, x] == pytest.approx(_slow(cosines[frame * time // 8], 10, y, x))


def test_low_and_high_have_the_colours_of_the_ends() -> None:
    black = np.zeros((2, 4, 4, 3), np.uint8)
    shown = overlay(black, np.array([[[0.2]], [[0.8]]]), 0.2, 0.8)
    for frame, share in enumerate((0.0, 1.0)):
        expected = 0.6 * 255 * np.array(colormaps["inferno"](share)[:3])
        np.testing.assert_allclose(shown[frame], np.broadcast_to(expected, (4, 4, 3)), atol=1)
    assert overlay(black, np.full((1, 1, 1), 0.5), 0.5, 0.5).shape == black.shape


def _pair() -> ClipPair:
    chance = np.random.default_rng(0)
    clips = chance.integers(0, 255, size=(2, 16, 8, 8, 3), dtype=np.uint8)
    levels = tuple(
        Correspondence(level, *chance.uniform(low, 0.9, size=(2, 8 // level, 2, 2)), similarity=0.5)
        for level, low in ((3, 0.25), (4, 0.5))
    )
    return ClipPair("hdc", ("q.mp4", "h.mp4"), clips[0], clips[1], levels)


def test_one_scale_for_all_maps_is_stated() -> None:
    pair = _pair()
    found = looks(pair)
    values = np.concatenate([each.ravel() for level in pair.levels for each in (level.query, level.hit)])
    assert (found.low, found.high) == (values.min(), values.max())
    said = " ".join(found.remarks)
    assert f"one scale for all maps, from {found.low:.3f} to {found.high:.3f}" in said
    assert "not centred" in said
    assert "level 3 2×2×2; level 4 2×2×2; bilinear in space, in time the position that a frame is in" in said
    assert "Cosine of the two means: level 3 0.500; level 4 0.500" in said
    assert [(clip.role, clip.video, list(clip.levels)) for clip in found.clips] == [
        ("Query", "q.mp4", [3, 4]),
        ("Hit", "h.mp4", [3, 4]),
    ]
    np.testing.assert_array_equal(found.clips[1].plain, pair.hit)
    np.testing.assert_array_equal(
        found.clips[1].levels[3], overlay(pair.hit, pair.levels[0].hit, found.low, found.high)
    )
    assert (found.colours[0], found.colours[-1]) == ("#000004", "#fcffa4")


def test_strips_move_together_and_are_never_too_wide_for_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = looks(_pair())
    assert [(strip.frames, round(strip.seconds, 6)) for strip in figure.clips[0].strips] == [(16, 1.6)] * 3
    monkeypatch.setattr("unreel.reporting.correspondence_maps.WIDEST", 110)
    assert [(strip.frames, round(strip.seconds, 6)) for strip in figure.clips[0].strips] == [(13, 1.6)] * 3


@given(st.integers(1, 40), st.integers(1, 40))
def test_shown_frames_are_in_order_and_once(count: int, wanted: int) -> None:
    frames = shown_frames(count, wanted)
    assert len(frames) == min(count, wanted)
    assert frames == sorted(set(frames))
    assert frames[0] == 0
    assert frames[-1] == (count - 1 if len(frames) > 1 else 0)
