"""Where an encoder looks: the maps of two clips' correspondence laid over their frames, one scale for all of them."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from matplotlib import colormaps
from matplotlib.colors import to_hex
from torch.nn import functional

from unreel.evaluation.correspondence import ClipPair
from unreel.reporting.strips import Strip, strip_of

COLOURS = "inferno"
STOPS = 9
OPACITY = 0.6
SECONDS_PER_FRAME = 0.1
QUALITY = 80
WIDEST = 16_000
"""Pixels that a picture may be wide: WebP ends at 16,383."""

Frames = UInt8[np.ndarray, "f s s 3"]


@dataclass(frozen=True)
class ClipMaps:
    """One of the two clips: as it is, and at every level with the map of what is like the other clip over it."""

    video: str
    role: str
    plain: Frames
    levels: dict[int, Frames]

    @property
    def strips(self) -> list[Strip]:
        """All of it moving, the clip itself first."""
        kept = shown_frames(len(self.plain), WIDEST // self.plain.shape[2])
        seconds = SECONDS_PER_FRAME * len(self.plain)
        return [strip_of(each[kept], seconds, QUALITY) for each in (self.plain, *self.levels.values())]


@dataclass(frozen=True)
class Looks:
    """Both clips; colours go from cosine `low` to `high`, the least and the greatest of all maps shown.

    `sizes` are the positions of each level's map (t, h, w), `similarities` the cosines of the clips' mean features.
    """

    encoder: str
    clips: list[ClipMaps]
    low: float
    high: float
    sizes: dict[int, tuple[int, int, int]]
    similarities: dict[int, float]

    @property
    def colours(self) -> list[str]:
        """The scale from low to high."""
        return [self.colour(share) for share in np.linspace(0, 1, STOPS)]

    def colour(self, share: float) -> str:
        """What stands for the cosine so far (0 to 1) from low to high."""
        return str(to_hex(colormaps[COLOURS](share)))

    @property
    def remarks(self) -> list[str]:
        """What is said under the figure, line by line."""
        sizes = "; ".join(f"level {level} {t}×{h}×{w}" for level, (t, h, w) in self.sizes.items())
        means = "; ".join(f"level {level} {cosine:.3f}" for level, cosine in self.similarities.items())
        return [
            "Colour: the cosine of every position's feature with the mean feature of the other clip, not centred; one "
            f"scale for all maps, from {self.low:.3f} to {self.high:.3f}, the least and the greatest shown.",
            f"Positions (time × height × width): {sizes}; bilinear in space, in time the position that a frame is in. "
            f"Encoder {self.encoder}, the middle clip of each video. Cosine of the two means: {means}.",
        ]


def looks(pair: ClipPair) -> Looks:
    """The maps of two clips over their frames."""
    values = np.concatenate([cosines.ravel() for each in pair.levels for cosines in (each.query, each.hit)])
    low, high = float(values.min()), float(values.max())
    clips = [
        ClipMaps(
            video,
            role,
            plain,
            {
                each.level: overlay(plain, each.query if role == "Query" else each.hit, low, high)
                for each in pair.levels
            },
        )
        for role, video, plain in zip(("Query", "Hit"), pair.ids, (pair.query, pair.hit), strict=True)
    ]
    sizes = {each.level: (each.query.shape[0], each.query.shape[1], each.query.shape[2]) for each in pair.levels}
    return Looks(pair.encoder, clips, low, high, sizes, {each.level: each.similarity for each in pair.levels})


def overlay(frames: Frames, cosines: Float[np.ndarray, "t h w"], low: float, high: float) -> Frames:
    """The colours of the cosines over frames made grey."""
    spread = enlarge(cosines, len(frames), frames.shape[1])
    shares = (spread - low) / max(high - low, 1e-12)
    colours = colormaps[COLOURS](shares)[..., :3]
    grey = frames @ np.array([0.299, 0.587, 0.114]) / 255
    mixed = OPACITY * colours + (1 - OPACITY) * grey[..., None]
    return np.asarray((255 * mixed).round().clip(0, 255).astype(np.uint8))


def enlarge(cosines: Float[np.ndarray, "t h w"], frames: int, side: int) -> Float[np.ndarray, "f s s"]:
    """A map as large as the frames: bilinear in space, in time the position that a frame is in."""
    maps = torch.from_numpy(np.ascontiguousarray(cosines, dtype=np.float64))[:, None]
    large = functional.interpolate(maps, (side, side), mode="bilinear", align_corners=False)[:, 0].numpy()
    return np.asarray(large[np.arange(frames) * len(cosines) // frames])


def shown_frames(count: int, wanted: int) -> list[int]:
    """The numbers of `wanted` of `count` frames, equally spaced, the first and the last among them."""
    return [int(number) for number in np.linspace(0, count - 1, min(wanted, count)).round()]
