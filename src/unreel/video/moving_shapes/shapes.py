"""What is seen in Moving Shapes: six appearances, each a shape, its colours, its texture and the ground behind it.

All three are functions of the plane: a shape is a signed distance, a texture or a ground the share (0 to 1) of the
second of two colours. The grounds have their palette and their mean in common, so that it takes more than the mean
colour of a frame to tell the appearances apart.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unreel.rng import generator

Plane = NDArray[np.floating[Any]]
Image = NDArray[np.floating[Any]]
Colour = tuple[int, int, int]
Field = Callable[[Plane, Plane], Plane]

RADIUS = 0.19
"""Mean distance from the centre of a shape to its farthest corner, in sides of the frame."""

_SIZE_VARIATION = 0.15
_BRIGHTNESS_VARIATION = 0.15
_TINT_VARIATION = 0.07
_OUTLINE = 0.06  # radii
_HALO = 0.35  # radii
_OUTLINE_COLOUR: Colour = (250, 248, 244)
_GROUND_COLOURS: tuple[Colour, Colour] = (49, 60, 90), (81, 98, 134)
_MEAN_SHARE = 0.35


class Pose(NamedTuple):
    """Where a shape is: centre in sides of the frame (y points down), angle in radians (clockwise), scale a factor."""

    x: float
    y: float
    angle: float
    scale: float


@dataclass(frozen=True)
class Texture:
    """One member of an appearance: what differs from video to video, and never within one.

    `radius` and `ground_shift` are in sides of the frame, `texture_shift` in radii; `gains` multiply red, green, blue.
    """

    appearance: str
    radius: float
    texture_shift: tuple[float, float]
    ground_shift: tuple[float, float]
    gains: tuple[float, float, float]


def draw_look(appearance: str, chance: np.random.Generator) -> Texture:
    """A look of the appearance, drawn at random: variations smaller than what separates the appearances."""
    brightness = 1 + chance.uniform(-_BRIGHTNESS_VARIATION, _BRIGHTNESS_VARIATION)
    red, green, blue = (brightness * (1 + chance.uniform(-_TINT_VARIATION, _TINT_VARIATION, size=3))).tolist()
    return Texture(
        appearance=appearance,
        radius=RADIUS * (1 + chance.uniform(-_SIZE_VARIATION, _SIZE_VARIATION)),
        texture_shift=(chance.uniform(-0.3, 0.3), chance.uniform(-0.3, 0.3)),
        ground_shift=(chance.uniform(0, 4), chance.uniform(0, 4)),
        gains=(red, green, blue),
    )


def paint_ground(look: Texture, side: int) -> Image:
    """The ground alone: (side, side, 3), 0 to 255."""
    axis = (np.arange(side, dtype=np.float32) + 0.5) / side
    x, y = np.meshgrid(axis, axis)
    share = _APPEARANCES[look.appearance].ground(x + look.ground_shift[0], y + look.ground_shift[1])
    share += _MEAN_SHARE - share.mean()
    vignette = 1 - 0.45 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
    return _mix(*_GROUND_COLOURS, share) * vignette[..., None] * _row(look.gains)


def paint_shape(ground: Image, look: Texture, pose: Pose) -> Image:
    """A copy of the ground with the shape on it, anti-aliased; what leaves the frame is cut off."""
    image: Image = ground.copy()
    side = len(ground)
    pixels = look.radius * pose.scale * side  # per radius
    reach = pixels * (1 + _HALO) + 1
    rows, columns = _span(pose.y * side, reach, side), _span(pose.x * side, reach, side)
    right = (np.arange(side, dtype=np.float32)[None, columns] + (0.5 - pose.x * side)) / pixels
    down = (np.arange(side, dtype=np.float32)[rows, None] + (0.5 - pose.y * side)) / pixels
    cosine, sine = math.cos(pose.angle), math.sin(pose.angle)
    u, v = cosine * right + sine * down, cosine * down - sine * right

    kind = _APPEARANCES[look.appearance]
    distance = kind.shape(u, v)
    fill = _mix(*kind.colours, kind.texture(u + look.texture_shift[0], v + look.texture_shift[1]))
    fill += _coverage(-distance - _OUTLINE, pixels)[..., None] * (_row(_OUTLINE_COLOUR) - fill)
    window = image[rows, columns]
    window *= 1 - 0.55 * np.clip(1 - distance / _HALO, 0, 1)[..., None] ** 2
    window += _coverage(distance, pixels)[..., None] * (fill * _row(look.gains) - window)
    return image


def _span(centre: float, reach: float, side: int) -> slice:
    return slice(max(0, math.floor(centre - reach)), max(0, min(side, math.ceil(centre + reach))))


def _coverage(distance: Plane, pixels: float) -> Plane:
    """The share of each pixel where the distance is negative: the edge is one pixel wide."""
    return _soft(-distance, pixels)


def _row(values: Colour | tuple[float, float, float]) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def _mix(first: Colour, second: Colour, share: Plane) -> Image:
    return _row(first) + share[..., None] * (_row(second) - _row(first))


# Shapes: signed distances in radii, negative inside. None looks the same after a turn, together with its texture.


def polygon(*corners: tuple[float, float]) -> Field:
    """The signed distance to a polygon: to its nearest edge, negative where a ray crosses an odd number of them."""

    def distance(u: Plane, v: Plane) -> Plane:
        squared = np.full(u.shape, np.inf, dtype=np.float32)
        inside = np.zeros(u.shape, dtype=bool)
        for (u0, v0), (u1, v1) in zip(corners, corners[1:] + corners[:1], strict=True):
            edge_u, edge_v = u1 - u0, v1 - v0
            from_u, from_v = u - u0, v - v0
            along = np.clip((from_u * edge_u + from_v * edge_v) / (edge_u**2 + edge_v**2), 0, 1)
            squared = np.minimum(squared, (from_u - along * edge_u) ** 2 + (from_v - along * edge_v) ** 2)
            crosses = (v >= v0) != (v >= v1)
            inside ^= crosses & ((from_v * edge_u < from_u * edge_v) == (v1 < v0))
        outline = np.sqrt(squared)
        return np.where(inside, -outline, outline)

    return distance


def _star(points: int, inner: float) -> Field:
    turns = [math.pi * corner / points for corner in range(2 * points)]
    radii = [1.0, inner] * points
    return polygon(
        *((radius * math.sin(turn), -radius * math.cos(turn)) for radius, turn in zip(radii, turns, strict=True))
    )


def _crescent(u: Plane, v: Plane) -> Plane:
    distance: Plane = np.maximum(np.hypot(u, v) - 1, 0.75 - np.hypot(u - 0.52, v))
    return distance


# Textures and grounds: the share of the second colour.


def _soft(wave: Plane, sharpness: float = 2.0) -> Plane:
    share: Plane = np.clip(0.5 + sharpness * wave, 0, 1)
    return share


def _plain(x: Plane, y: Plane) -> Plane:
    return np.zeros(np.broadcast_shapes(x.shape, y.shape), dtype=np.float32)


def _waves(x: Plane, y: Plane, cycles_x: float, cycles_y: float = 0.0) -> Plane:
    wave: Plane = np.sin(math.tau * (cycles_x * x + cycles_y * y))
    return wave


def _dots(x: Plane, y: Plane, cycles: float, size: float) -> Plane:
    """Round dots on a square lattice, `size` being their radius in lattice steps."""
    x, y = (cycles * x) % 1 - 0.5, (cycles * y) % 1 - 0.5
    return _soft(size - np.hypot(x, y), 5.0)


def _clouds(x: Plane, y: Plane) -> Plane:
    """Smooth noise, a sum of plane waves: one endless sky, of which each video sees another part."""
    chance = generator(0, "moving-shapes", "clouds")
    total = _plain(x, y)
    for cycles in np.geomspace(0.7, 6, 24).tolist():
        direction, phase = chance.uniform(0, math.tau, size=2).tolist()
        turn = x * (cycles * math.cos(direction)) + y * (cycles * math.sin(direction))
        total += np.cos(math.tau * turn + phase) / cycles**0.8
    return _soft(total, 0.16)


@dataclass(frozen=True)
class _Appearance:
    shape: Field
    colours: tuple[Colour, Colour]
    texture: Field
    ground: Field


_APPEARANCES = {
    "red-striped-star": _Appearance(
        shape=_star(5, 0.5),
        colours=((222, 46, 52), (255, 196, 178)),
        texture=lambda u, v: _soft(_waves(u, v, 1.7)),
        ground=lambda x, y: np.maximum(_soft(_waves(x, y, 7.0) - 0.85, 4.0), _soft(_waves(y, x, 7.0) - 0.85, 4.0)),
    ),
    "blue-dotted-cross": _Appearance(
        shape=polygon(
            *[(-0.32, -0.8), (0.32, -0.8), (0.32, -0.4), (0.84, -0.4), (0.84, 0.24), (0.32, 0.24)],
            *[(0.32, 1.0), (-0.32, 1.0), (-0.32, 0.24), (-0.84, 0.24), (-0.84, -0.4), (-0.32, -0.4)],
        ),
        colours=((36, 104, 232), (208, 230, 255)),
        texture=lambda u, v: _dots(u, v, 2.0, 0.3),
        ground=lambda x, y: 0.5 + 0.5 * _waves(x, y, 0.35, 0.35),
    ),
    "green-checked-triangle": _Appearance(
        shape=polygon((0.0, -1.0), (0.82, 0.66), (-0.82, 0.66)),
        colours=((24, 138, 74), (190, 240, 150)),
        texture=lambda u, v: _soft(_waves(u, v, 1.3) * _waves(v, u, 1.3), 4.0),
        ground=_clouds,
    ),
    "yellow-plain-arrow": _Appearance(
        shape=polygon((0.0, -1.0), (0.78, -0.1), (0.3, -0.1), (0.3, 0.9), (-0.3, 0.9), (-0.3, -0.1), (-0.78, -0.1)),
        colours=((252, 204, 42), (252, 204, 42)),
        texture=_plain,
        ground=lambda x, y: _soft(_waves(x, y, 5.0, 5.0)),
    ),
    "purple-ringed-crescent": _Appearance(
        shape=_crescent,
        colours=((134, 58, 216), (232, 200, 255)),
        texture=lambda u, v: _soft(_waves(np.hypot(u, v), v, 2.2)),
        ground=lambda x, y: _dots(x, y, 8.0, 0.26),
    ),
    "orange-waved-square": _Appearance(
        shape=polygon((-0.72, -0.72), (0.72, -0.72), (0.72, 0.72), (-0.72, 0.72)),
        colours=((240, 120, 24), (255, 226, 160)),
        texture=lambda u, v: _soft(_waves(v + 0.12 * _waves(u, v, 1.1), u, 1.7)),
        ground=_plain,
    ),
}

APPEARANCES: tuple[str, ...] = tuple(_APPEARANCES)
