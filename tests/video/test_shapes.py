"""The appearances of Moving Shapes, seen in the pixels they paint."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from unreel.rng import generator
from unreel.video.moving_shapes.shapes import (
    APPEARANCES,
    RADIUS,
    Pose,
    Texture,
    draw_look,
    paint_ground,
    paint_shape,
    polygon,
)

SIDE = 64
CENTRE = Pose(0.5, 0.5, 0.0, 1.0)
ARROW = ((0.0, -1.0), (0.8, 0.0), (0.3, 0.0), (0.3, 0.9), (-0.3, 0.9), (-0.3, 0.0), (-0.8, 0.0))


def usual(appearance: str) -> Texture:
    return Texture(appearance, RADIUS, (0.0, 0.0), (0.0, 0.0), (1.0, 1.0, 1.0))


def painted(appearance: str, pose: Pose) -> NDArray[np.floating]:
    """How much the shape changes each pixel of its ground."""
    look = usual(appearance)
    ground = paint_ground(look, SIDE)
    change: NDArray[np.floating] = np.abs(paint_shape(ground, look, pose) - ground).sum(axis=2)
    return change


def test_appearances_are_six_different_colours_textures_and_shapes() -> None:
    assert len(APPEARANCES) == 6
    for words in zip(*(name.split("-") for name in APPEARANCES), strict=True):
        assert len(set(words)) == 6


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_polygon_is_the_distance_to_the_nearest_point_of_its_outline(u: float, v: float) -> None:
    edges = list(zip(ARROW, ARROW[1:] + ARROW[:1], strict=True))
    outline = [
        (u0 + step / 500 * (u1 - u0), v0 + step / 500 * (v1 - v0))
        for (u0, v0), (u1, v1) in edges
        for step in range(500)
    ]
    nearest = min(math.dist((u, v), point) for point in outline)
    turns = sum(
        math.remainder(math.atan2(v1 - v, u1 - u) - math.atan2(v0 - v, u0 - u), math.tau)
        for (u0, v0), (u1, v1) in edges
    )
    expected = -nearest if abs(turns) > math.pi else nearest

    got = polygon(*ARROW)(np.array([[u]]), np.array([[v]])).item()

    assert got == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("appearance", APPEARANCES)
def test_shape_stays_within_its_radius_and_halo(appearance: str) -> None:
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    distance = np.hypot(rows - 0.5 * SIDE, columns - 0.5 * SIDE) / SIDE
    change = painted(appearance, CENTRE)

    assert change[distance > RADIUS * 1.35 + 1 / SIDE].max() == 0
    assert (change > 60).mean() > 0.03, "large enough to be seen"


@pytest.mark.parametrize("appearance", APPEARANCES)
@pytest.mark.parametrize("degrees", [60, 72, 90, 120, 144, 180])
def test_no_turn_leaves_a_shape_as_it_was(appearance: str, degrees: float) -> None:
    look = usual(appearance)
    ground = paint_ground(look, SIDE)
    turned = CENTRE._replace(angle=math.radians(degrees))
    difference = np.abs(paint_shape(ground, look, turned) - paint_shape(ground, look, CENTRE)).max(axis=2)

    assert (difference > 40).mean() > 0.01


@pytest.mark.parametrize("appearance", APPEARANCES)
@pytest.mark.parametrize("place", [(-0.4, 0.5), (1.4, 0.5), (0.5, -0.4), (0.5, 1.4)])
def test_shape_out_of_sight_leaves_the_ground_alone(appearance: str, place: tuple[float, float]) -> None:
    assert painted(appearance, Pose(*place, 0.0, 1.0)).max() == 0


def test_painting_leaves_its_argument_alone() -> None:
    look = usual("yellow-plain-arrow")
    ground = paint_ground(look, SIDE)
    before = ground.copy()
    paint_shape(ground, look, CENTRE)

    assert np.array_equal(ground, before)


@given(st.floats(0.4, 0.6), st.floats(0.4, 0.6), st.floats(0, math.tau))
def test_edges_are_smooth_so_that_fractions_of_a_pixel_count(x: float, y: float, angle: float) -> None:
    rows, columns = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    look = usual("orange-waved-square")
    nothing = np.zeros((SIDE, SIDE, 3), dtype=np.float32)
    white = np.full((SIDE, SIDE, 3), 255, dtype=np.float32)
    # over black and over white only what the shape does not cover differs
    cover = 255 - (
        paint_shape(white, look, Pose(x, y, angle, 1.0)) - paint_shape(nothing, look, Pose(x, y, angle, 1.0))
    )
    weight = cover.sum(axis=2)

    assert (columns * weight).sum() / weight.sum() == pytest.approx(x, abs=0.1 / SIDE)
    assert (rows * weight).sum() / weight.sum() == pytest.approx(y, abs=0.1 / SIDE)


def test_scale_multiplies_lengths() -> None:
    small, large = ((painted("yellow-plain-arrow", CENTRE._replace(scale=s)) > 60).sum() for s in (0.7, 1.4))

    assert large / small == pytest.approx(4, rel=0.15)


def test_grounds_have_one_mean_colour() -> None:
    means = np.array([paint_ground(usual(appearance), SIDE).mean(axis=(0, 1)) for appearance in APPEARANCES])

    assert np.ptp(means, axis=0).max() < 1.5


def test_grounds_have_different_patterns() -> None:
    grounds = [paint_ground(usual(appearance), SIDE) for appearance in APPEARANCES]

    for index, first in enumerate(grounds):
        for second in grounds[index + 1 :]:
            assert np.abs(first - second).max() > 10


@given(st.sampled_from(APPEARANCES), st.integers(0, 2**32))
def test_looks_vary_little(appearance: str, seed: int) -> None:
    look = draw_look(appearance, generator(seed, "test"))

    assert look.appearance == appearance
    assert 0.85 * RADIUS <= look.radius <= 1.15 * RADIUS
    assert all(0.75 < gain < 1.25 for gain in look.gains)
    assert look == draw_look(appearance, generator(seed, "test"))
    assert look != draw_look(appearance, generator(seed + 1, "test"))
