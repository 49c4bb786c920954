"""How far a fused view is from one made step by step, in grey levels of 255, and how much sooner it is made.

    python benchmarks/augmentation.py FOLDER [--clips 100] [--seed 0]

Clips of 16 frames of the videos of FOLDER (any; without one, Moving Shapes), views as pretraining draws them: crop,
scale, flip, colour jitter and channel replication. A crop is put on whole pixels first, as no step-by-step version can
cut another. The first row leaves the decoder's rounding to whole numbers out. Prints Markdown.
"""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import final

import numpy as np
import torch
from av.video.frame import VideoFrame
from frames import decode_all
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from unreel.augment import ViewDraws, apply_views, draw_views
from unreel.errors import UnreelError
from unreel.rng import generator
from unreel.settings.augmentation import AugmentationSettings
from unreel.training.run import versions
from unreel.video.clips.sampling import two_starts
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.convert import colour_of, plane_views
from unreel.video.moving_shapes.synth import MovingShapes, render_collection

SIDE, SIZE, FRAMES = 128, 112, 16
# swscale's flags: as PyAV sets them by default, which copies each chroma sample to four pixels and rounds down, or with
# FULL_CHR_H_INT and ACCURATE_RND, which interpolates chroma and rounds to the nearest.
QUICK, ACCURATE = 2, 2 | 0x2000 | 0x40000
TIMED_CLIPS, ROUNDS = 8, 5

Rgb = Float[Tensor, "t 3 h w"]


@dataclass(frozen=True)
class Clip:
    """Decoded frames, the corner (left, top) of the square region in them, and one drawn view."""

    frames: list[VideoFrame]
    corner: tuple[int, int]
    draws: ViewDraws

    @cached_property
    def planes(self) -> tuple[Tensor, Tensor, Tensor]:
        """Luma, chroma and colour matrix of the region, a batch of one."""
        left, top = self.corner
        luma, *chroma = (np.stack(planes) for planes in zip(*map(plane_views, self.frames), strict=True))
        luma = luma[:, top : top + SIDE, left : left + SIDE]
        half = np.s_[:, top // 2 : (top + SIDE) // 2, left // 2 : (left + SIDE) // 2]
        cbcr, to_rgb = np.stack([plane[half] for plane in chroma], axis=1), colour_of(self.frames[0]).to_rgb()
        return torch.from_numpy(luma)[None], torch.from_numpy(cbcr)[None], torch.from_numpy(to_rgb)[None]

    def fused(self) -> Rgb:
        """The view as training gets it."""
        return apply_views(*self.planes, self.draws, SIZE)[0].transpose(0, 1)

    def interpolated(self) -> Rgb:
        """RGB frames, 0 to 1, neither rounded nor clamped, chroma sited on every second column of luma."""
        luma, chroma, matrix = (part[0].float() for part in self.planes)
        chroma = functional.interpolate(chroma, scale_factor=(2, 1), mode="bilinear", align_corners=False)
        after = torch.cat([chroma[..., 1:], chroma[..., -1:]], dim=-1)
        chroma = torch.stack([chroma, (chroma + after) / 2], dim=-1).flatten(-2)
        yuv = torch.cat([luma[:, None], chroma], dim=1)
        return torch.einsum("rc,tchw->trhw", matrix[:, :3], yuv) + matrix[:, 3, None, None]

    def converted(self, flags: int) -> Rgb:
        """RGB frames, 0 to 1, as PyAV converts them."""
        left, top = self.corner
        images = np.stack([frame.to_ndarray(format="rgb24", interpolation=flags) for frame in self.frames])
        region = images[:, top : top + SIDE, left : left + SIDE]
        return torch.from_numpy(region).permute(0, 3, 1, 2).float() / 255


@dataclass(frozen=True)
class Steps:
    """How a view is made step by step: hue in HSV or about the grey axis; clamped after every step or at the end."""

    hsv: bool = False
    clamped: bool = False
    antialias: bool = False

    def view(self, rgb: Rgb, draws: ViewDraws) -> Rgb:
        """Crop, resize, mirror, brightness, contrast, saturation, hue, channel copy."""
        left, top, side = (draws.box[0] * SIDE).round().int().tolist()
        rgb = rgb[:, :, top : top + side, left : left + side]
        rgb = functional.interpolate(
            rgb, size=(SIZE, SIZE), mode="bilinear", align_corners=False, antialias=self.antialias
        )
        if draws.flip[0] < 0:
            rgb = rgb.flip(-1)
        brightness, contrast, saturation, hue = draws.jitter[0].tolist()
        rgb = self._kept(rgb * brightness)
        rgb = self._kept(contrast * rgb + (1 - contrast) * grey(rgb).mean())
        rgb = self._kept(saturation * rgb + (1 - saturation) * grey(rgb))
        rgb = self._kept(turned_in_hsv(rgb, hue) if self.hsv else turned_about_grey(rgb, hue))
        channel = int(draws.channel[0, 0])
        if channel >= 0:
            rgb = rgb[:, [channel] * 3]
        return 2 * rgb.clamp(0, 1) - 1

    def _kept(self, rgb: Rgb) -> Rgb:
        return rgb.clamp(0, 1) if self.clamped else rgb


def grey(rgb: Rgb) -> Float[Tensor, "t 1 h w"]:
    """ITU-R BT.601 luma."""
    return (rgb * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(dim=1, keepdim=True)


def turned_about_grey(rgb: Rgb, hue: float) -> Rgb:
    """The linear turn, by Rodrigues' formula: the axis is (1, 1, 1) / √3."""
    angle = torch.tensor(2 * torch.pi * hue)
    mean = rgb.mean(dim=1, keepdim=True)
    across = (rgb.roll(1, dims=1) - rgb.roll(-1, dims=1)) / 3**0.5
    return mean + angle.cos() * (rgb - mean) + angle.sin() * across


def turned_in_hsv(rgb: Rgb, hue: float) -> Rgb:
    """The turn of hexagonal hue that torchvision's adjust_hue makes, for any values: none needs to lie in 0..1."""
    high, low = rgb.amax(dim=1, keepdim=True), rgb.amin(dim=1, keepdim=True)
    spread = high - low
    red, green, blue = (rgb / torch.where(spread == 0, 1, spread)).unsqueeze(2).unbind(dim=1)
    at_green = torch.where(rgb[:, 1:2] == high, 2 + blue - red, 4 + red - green)
    sextant = torch.where(rgb[:, :1] == high, green - blue, at_green) + 6 * hue
    distance = (torch.tensor([5.0, 3.0, 1.0])[:, None, None] + sextant) % 6
    return high - spread * torch.minimum(distance, 4 - distance).clamp(0, 1)


@final
class Distance:
    """Differences between views, over all pixels of all clips."""

    STEP = 0.01  # grey levels

    def __init__(self) -> None:
        self._counts = torch.zeros(int(255 / self.STEP) + 1, dtype=torch.long)
        self._means: list[float] = []

    def add(self, one: Rgb, other: Rgb) -> None:
        """One clip."""
        levels = (one - other).abs().flatten() * 127.5
        self._counts += torch.bincount((levels / self.STEP).long(), minlength=len(self._counts))
        self._means.append(levels.mean().item())

    def cells(self) -> str:
        """Mean, 99th percentile and the worst clip's mean."""
        share = self._counts.cumsum(0) / self._counts.sum()
        percentile = self.STEP * int((share < 0.99).sum())
        return f"{np.mean(self._means):.2f} | {percentile:.1f} | {max(self._means):.2f}"


@dataclass
class Table:
    """The rows of the comparison."""

    rows: dict[str, Distance] = field(default_factory=dict)

    def add(self, clip: Clip) -> None:
        """Compare one view with all its counterparts."""
        view, frames = clip.fused(), clip.converted(ACCURATE)
        self._add("one clamp, hue about grey, RGB not rounded", view, Steps().view(clip.interpolated(), clip.draws))
        self._add("(a) one clamp, hue about grey", view, Steps().view(frames, clip.draws))
        self._add("(a) from PyAV's quick conversion", view, Steps().view(clip.converted(QUICK), clip.draws))
        self._add("(b) one clamp, hue in HSV", view, Steps(hsv=True).view(frames, clip.draws))
        neutral = replace(clip, draws=replace(clip.draws, jitter=clip.draws.jitter * torch.tensor([1.0, 1, 1, 0])))
        self._add("(b) with hue off", neutral.fused(), Steps(hsv=True).view(frames, neutral.draws))
        stepwise = Steps(hsv=True, clamped=True)
        self._add("(c) a clamp after every step, hue in HSV", view, stepwise.view(frames, clip.draws))
        antialiased = replace(stepwise, antialias=True)
        self._add("(d) as (c), resized with antialiasing", view, antialiased.view(frames, clip.draws))

    def _add(self, name: str, view: Rgb, other: Rgb) -> None:
        self.rows.setdefault(name, Distance()).add(view, other)


def clips(folder: Path, count: int, seed: int) -> Iterator[Clip]:
    """Clips of prepared videos in turn, each with a view drawn as in pretraining."""
    with tempfile.TemporaryDirectory() as name:
        manifest = prepare(folder, Path(name) / "prepared", PrepareOptions(SIDE))
        records = [record for record in manifest.usable if record.frames >= FRAMES]
        order = generator(seed, "order", 0).permutation(len(records))
        for number in range(count):
            epoch, record = number // len(records), records[order[number % len(records)]]
            start, _ = two_starts(record.frames, FRAMES, generator(seed, "clips", epoch, record.id))
            frames = list(islice(decode_all(manifest.file(record)), start, start + FRAMES))
            place = generator(seed, "regions", epoch, record.id).random(2)
            left, top = (
                2 * round(float(share) * (room - SIDE) / 2)
                for share, room in zip(place, (record.width, record.height), strict=True)
            )
            draws = draw_views(AugmentationSettings(), seed=seed, epoch=epoch, ids=[record.id], view="o", frames=FRAMES)
            yield Clip(frames, (left, top), on_whole_pixels(draws))


def on_whole_pixels(draws: ViewDraws) -> ViewDraws:
    """The same draws, the boxes moved to whole pixels of the region."""
    corner, side = (draws.box[:, :2] * SIDE).floor(), (draws.box[:, 2:] * SIDE).round()
    return replace(draws, box=torch.cat([torch.minimum(corner, SIDE - side), side], dim=1) / SIDE)


def speed(held: list[Clip]) -> tuple[float, float]:
    """Milliseconds per clip from frames to view, on one thread: fused as one batch, and step by step one by one."""
    fused, stepwise = [], []
    draws = ViewDraws(*(torch.cat([getattr(clip.draws, name) for clip in held]) for name in vars(held[0].draws)))
    for _ in range(ROUNDS):
        started = perf_counter()
        planes = [replace(clip).planes for clip in held]  # a new clip has not gathered its planes yet
        luma, chroma, to_rgb = (torch.cat(parts) for parts in zip(*planes, strict=True))
        apply_views(luma, chroma, to_rgb, draws, SIZE)
        fused.append(perf_counter() - started)
        started = perf_counter()
        for clip in held:
            Steps(hsv=True, clamped=True).view(clip.converted(QUICK), clip.draws)
        stepwise.append(perf_counter() - started)
    return 1000 * median(fused) / len(held), 1000 * median(stepwise) / len(held)


def main(folder: Path | None, count: int, seed: int) -> None:
    """Compare, measure and print."""
    torch.set_num_threads(1)
    table, held = Table(), list[Clip]()
    with tempfile.TemporaryDirectory() as name:
        for clip in clips(folder or render_collection(Path(name) / "shapes", MovingShapes(48)), count, seed):
            table.add(clip)
            held = [*held, clip][-TIMED_CLIPS:]
    fused, stepwise = speed(held)
    facts = versions() | {"command": shlex.join(sys.argv)}
    print(f"{count} clips of {FRAMES} frames; {', '.join(f'{key} {value}' for key, value in facts.items())}\n")
    print("| the fused view compared with one made step by step | mean | 99th percentile | worst clip's mean |")
    print("|---|---:|---:|---:|")
    for row, distance in table.rows.items():
        print(f"| {row} | {distance.cells()} |")
    print(f"\nFrom frames to view, one thread: {fused:.1f} ms fused, {stepwise:.1f} ms step by step as (c),", end=" ")
    print(f"{stepwise / fused:.1f} times as long.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        main(arguments.folder, arguments.clips, arguments.seed)
    except UnreelError as error:
        sys.exit(str(error))
