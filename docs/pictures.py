"""The pictures of docs/method.md, drawn from one video by the code that training runs.

    python docs/pictures.py VIDEO

Writes docs/images/views.webp and docs/images/transformations.webp.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory

import matplotlib
import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from unreel.augment import CENTRE_SHARE, ViewDraws, apply_views, centre_draws, draw_views
from unreel.rng import generator
from unreel.settings.augmentation import AugmentationSettings
from unreel.types import ClipBatch
from unreel.video.clips.datasets import TrainingDataset
from unreel.video.clips.loading import collate
from unreel.video.clips.sampling import TwoClips, two_starts
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare

SEED, EPOCH = 148, 0
FRAMES, SIZE, SHOWN = 16, 112, (0, 3, 6, 9, 12, 15)
IMAGES = Path(__file__).parent / "images"
PLAIN = centre_draws(1, CENTRE_SHARE)


def main(video: Path) -> None:
    """Draw both pictures."""
    with TemporaryDirectory() as folder:
        videos = Path(folder) / "videos"
        videos.mkdir()
        copy(video, videos)
        manifest = prepare(videos, Path(folder) / "prepared", PrepareOptions(128))
        (record,) = manifest.usable
        batch = collate([TrainingDataset(manifest, [record], TwoClips(FRAMES), SEED)[EPOCH, 0]])
    starts = two_starts(record.frames, FRAMES, generator(SEED, "clips", EPOCH, record.id))
    _views(batch, record.frames, starts).savefig(IMAGES / "views.webp", dpi=110)
    _transformations(batch).savefig(IMAGES / "transformations.webp", dpi=110)


def _views(batch: ClipBatch, frames: int, starts: Sequence[int]) -> Figure:
    """The video's time line with x and Γ(x), then frames of both clips and of the three views."""
    figure = Figure(figsize=(9, 8.6), layout="constrained")
    axes = figure.subplots(6, len(SHOWN), gridspec_kw={"height_ratios": [0.35, 1, 1, 1, 1, 1]})
    for axis in axes[0]:
        axis.remove()
    line = figure.add_subplot(axes[0, 0].get_gridspec()[0, :])
    line.broken_barh([(0, frames)], (0, 1), color="0.88")
    for start, name, bottom, colour in ((starts[0], "x", 0.5, "#2a6fbb"), (starts[1], "Γ(x)", 0, "#c8553d")):
        line.broken_barh([(start, FRAMES)], (bottom, 0.5), color=colour)
        line.text(start + FRAMES + 1, bottom + 0.25, f"{name}: frames {start} to {start + FRAMES - 1}", va="center")
    line.set(xlim=(0, frames), ylim=(0, 1), yticks=[], xlabel=f"frames of the video, 0 to {frames - 1}")
    rows = [("x", 0, PLAIN), ("o = φₒ(x)", 0, _draws(batch, "o")), ("s = φₛ(x)", 0, _draws(batch, "s"))]
    rows += [("Γ(x)", 1, PLAIN), ("t = φₜ(Γ(x))", 1, _draws(batch, "t"))]
    for (name, clip, draws), row in zip(rows, axes[1:], strict=True):
        view = _view(batch, clip, draws)
        for axis, frame in zip(row, SHOWN, strict=True):
            _show(axis, view[:, frame])
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=12)
    return figure


def _transformations(batch: ClipBatch) -> Figure:
    """One frame of the clip as each transformation, alone, may leave it; the frame itself first."""
    scales = [replace(PLAIN, box=torch.tensor([[0.3 * (1 - side), 0.5 * (1 - side), side]])) for side in _SIDES]
    crops = [replace(PLAIN, box=torch.tensor([[x, y, 0.66]])) for x, y in ((0, 0), (0.34, 0), (0, 0.34), (0.34, 0.34))]
    jitters = [_jitter(0, 0.6), _jitter(0, 1.4), _jitter(1, 0.6), _jitter(1, 1.4)]
    colours = [_jitter(2, 0.6), _jitter(2, 1.4), _jitter(3, -0.1), _jitter(3, 0.1)]
    channels = [replace(PLAIN, channel=torch.full_like(PLAIN.channel, index)) for index in range(3)]
    rows: list[tuple[str, list[ViewDraws], list[str]]] = [
        ("scale jitter", scales, [f"{side:g} of 128 px" for side in _SIDES]),
        ("random crop", crops, ["left, top", "right, top", "left, bottom", "right, bottom"]),
        ("flip", [replace(PLAIN, flip=torch.tensor([-1.0]))], ["mirrored"]),
        ("colour jitter", jitters, ["brightness 0.6", "brightness 1.4", "contrast 0.6", "contrast 1.4"]),
        ("", colours, ["saturation 0.6", "saturation 1.4", "hue −0.1", "hue +0.1"]),
        ("channel replication", channels, ["R", "G", "B"]),
    ]
    figure = Figure(figsize=(9, 10.6), layout="constrained")
    for (name, draws, titles), row in zip(rows, figure.subplots(len(rows), 5), strict=True):
        for axis, each, title in zip(row, [PLAIN, *draws], ["the frame", *titles], strict=False):
            _show(axis, _view(batch, 0, each)[:, 8])
            axis.set_title(title, fontsize=9)
        for axis in row[len(draws) + 1 :]:
            axis.axis("off")
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11)
    return figure


_SIDES = (1.0, 0.875, 0.75, 0.66)


def _jitter(column: int, value: float) -> ViewDraws:
    jitter = PLAIN.jitter.clone()
    jitter[:, column] = value
    return replace(PLAIN, jitter=jitter)


def _draws(batch: ClipBatch, view: str) -> ViewDraws:
    return draw_views(AugmentationSettings(), seed=SEED, epoch=EPOCH, ids=batch.ids, view=view)


def _view(batch: ClipBatch, clip: int, draws: ViewDraws) -> Float[Tensor, "3 t s s"]:
    return apply_views(batch.luma[:, clip], batch.chroma[:, clip], batch.to_rgb, draws, SIZE)[0]


def _show(axis: Axes, picture: Float[Tensor, "3 s s"]) -> None:
    axis.imshow(np.asarray((picture.permute(1, 2, 0) + 1) / 2))
    axis.set(xticks=[], yticks=[])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/pictures.py VIDEO")
    matplotlib.use("agg")
    main(Path(sys.argv[1]))
