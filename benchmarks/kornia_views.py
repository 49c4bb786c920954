"""Three views of a pair of clips at 112 pixels: unreel's, from the codec's planes, against kornia's VideoSequential.

Both make views o and s of the first clip and t of the second: crop, scale, flip, brightness, contrast, saturation,
hue, channel replication and values in [−1, 1], one draw per clip. kornia is given RGB frames, float in 0..1, in the
layout it works in; what it takes to get them is counted in "from uint8 RGB frames" only. unreel begins with what its
loader gives, with and without `compiled_views`. kornia's two ways to crop are both measured: which is faster depends on
the machine. All do the work in turn, another one first in each round, and keep freed memory as training does; a ratio
is the median of the rounds'. Prints a table and JSON. Run with `make bench` on an otherwise idle machine.
"""

import json
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, final

import kornia.augmentation as kornia
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from unreel.engine.malloc import keep_freed_memory
from unreel.methods.hdc import HDC
from unreel.settings.hdc import HDCSettings
from unreel.training.run import versions
from unreel.types import ClipBatch
from unreel.video.clips.datasets import TrainingDataset
from unreel.video.clips.loading import training_batches
from unreel.video.clips.sampling import TwoClips
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.moving_shapes.synth import MovingShapes, render_collection

THREADS = (2, 1)
BATCHES = (8, 1)
ROUNDS = 9
OWN = ("unreel", "compiled")  # as it is, with `compiled_views`
CROPPINGS = ("slice", "resample")
FROM_BYTES = ", from uint8 RGB frames"
SMALLEST = 0.66  # side of the smallest crop
HEAD = """\
| threads, pairs at once | unreel, ms per pair | compiled, ms per pair | kornia, times unreel's \
| times compiled's | kornia from uint8 frames, times unreel's | times compiled's |
|---|---:|---:|---:|---:|---:|---:|"""

Frames = UInt8[Tensor, "b v t h w 3"]
Pictures = Float[Tensor, "b v t 3 h w"]
Views = list[Tensor]
Figures = dict[str, dict[str, Any]]


@final
class ChannelReplication(kornia.IntensityAugmentationBase2D):
    """One of R, G and B in all three channels: kornia has no such transformation."""

    def generate_parameters(self, batch_shape: tuple[int, ...]) -> dict[str, Tensor]:
        """A channel for every clip; VideoSequential repeats it for the clip's frames."""
        return {"channel": torch.randint(3, batch_shape[:1])}

    def apply_transform(self, input: Tensor, params: dict[str, Tensor], *_: Any, **__: Any) -> Tensor:
        """The pixels."""
        return input.gather(1, params["channel"].view(-1, 1, 1, 1).expand_as(input))


def sequential(settings: HDCSettings, cropping: str) -> kornia.VideoSequential:
    """The same family of transformations with the same strengths."""
    strengths = settings.augmentation
    size = (settings.encoder.size, settings.encoder.size)
    return kornia.VideoSequential(
        kornia.RandomResizedCrop(size, scale=(SMALLEST**2, 1.0), ratio=(1.0, 1.0), cropping_mode=cropping),
        kornia.RandomHorizontalFlip(p=strengths.flip_probability),
        kornia.ColorJitter(strengths.brightness, strengths.contrast, strengths.saturation, strengths.hue, p=1.0),
        ChannelReplication(p=strengths.channel_replication_probability),
        kornia.Normalize(mean=0.5, std=0.5),
        data_format="BTCHW",
        same_on_frame=True,
    )


def rgb_frames(batch: ClipBatch) -> Frames:
    """The clips as a decoder gives them that converts."""
    chroma = functional.interpolate(batch.chroma.flatten(0, 2).float(), scale_factor=2.0)
    yuv = torch.cat([batch.luma.flatten(0, 2)[:, None].float(), chroma], dim=1)
    codes = yuv.view(*batch.luma.shape[:3], 3, *yuv.shape[2:])
    rgb = torch.einsum("brc,bvtchw->bvthwr", batch.to_rgb[:, :, :3], codes)
    rgb += batch.to_rgb[:, None, None, None, None, :, 3]
    return (255 * rgb).round().clamp(0, 255).byte()


def pictures(frames: Frames) -> Pictures:
    """What kornia takes: float in 0..1, channels before rows."""
    return frames.movedim(5, 3).contiguous().float() / 255


def unreels(method: HDC, batch: ClipBatch) -> Views:
    """The three views."""
    return [method.view(batch, view) for view in "ost"]


def kornias(sequence: kornia.VideoSequential, given: Callable[[], Pictures]) -> Views:
    """The three views."""
    clips = given()
    return [sequence(clips[:, clip]) for clip in (0, 0, 1)]


def works_on(batch: ClipBatch, settings: HDCSettings) -> dict[str, Callable[[], Views]]:
    """All ways to make the three views."""
    frames = rgb_frames(batch)
    ready = pictures(frames)
    works: dict[str, Callable[[], Views]] = {
        name: partial(unreels, HDC(settings.model_copy(update={"compiled_views": name == "compiled"})), batch)
        for name in OWN
    }
    for cropping in CROPPINGS:
        theirs = partial(kornias, sequential(settings, cropping))
        works[f"kornia, {cropping}"] = partial(theirs, lambda: ready)
        works[f"kornia, {cropping}{FROM_BYTES}"] = partial(theirs, lambda: pictures(frames))
    return works


def measured(batch: ClipBatch, settings: HDCSettings) -> Figures:
    """Milliseconds per pair of clips, and how many times as long as unreel either takes."""
    works = works_on(batch, settings)
    seconds: dict[str, list[float]] = {name: [] for name in works}
    values: dict[str, list[Tensor]] = {name: [] for name in works}
    for number in range(1 + ROUNDS):
        batch.epoch = number  # other draws, as in training
        first = number % len(works)
        for name in [*works, *works][first : first + len(works)]:
            started = perf_counter()
            views = works[name]()
            if number:  # the first round warms up
                seconds[name].append(perf_counter() - started)
            values[name].append(torch.stack([torch.stack([view.mean(), view.std()]) for view in views]).mean(dim=0))

    def times(name: str, own: str) -> float:
        return round(median(one / other for one, other in zip(seconds[name], seconds[own], strict=True)), 2)

    return {
        name: {
            "ms per pair of clips": round(1000 * median(seconds[name]) / len(batch), 2),
            **{f"times {own}'s": times(name, own) for own in OWN},
            "mean and spread": "{:.2f} ± {:.2f}".format(*torch.stack(values[name]).mean(dim=0).tolist()),
        }
        for name in works
    }


def row(name: str, figures: Figures) -> str:
    """A line of the table; kornia's figures are those of its faster way to crop."""
    cells = [figures[own]["ms per pair of clips"] for own in OWN]
    for theirs in ("", FROM_BYTES):
        ways = [figures[f"kornia, {cropping}{theirs}"] for cropping in CROPPINGS]
        cells += [min(way[f"times {own}'s"] for way in ways) for own in OWN]
    return f"| {name} | {' | '.join(map(str, cells))} |"


@torch.no_grad()
def main() -> None:
    """Measure alternately, so that a drift of the machine meets all alike, and print."""
    torch.manual_seed(0)
    keep_freed_memory()
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        videos = render_collection(folder / "videos", MovingShapes(24))
        settings = HDCSettings(folder=videos, out=folder / "run", accelerator="cpu")
        manifest = prepare(videos, folder / "prepared", PrepareOptions(settings.encoder_settings.prepared_side))
        dataset = TrainingDataset(manifest, manifest.usable, TwoClips(settings.encoder.clip_length), settings.seed)
        for threads in THREADS:
            torch.set_num_threads(threads)
            for size in BATCHES:
                batch = next(training_batches(dataset, size, settings.seed, workers=0))
                figures[f"{threads} threads, {size} pairs"] = measured(batch, settings)
    print(HEAD, *(row(name, each) for name, each in figures.items()), "", sep="\n")
    packages = {name: metadata.version(name) for name in ("kornia", "numba")}
    print(json.dumps({**figures, **packages, **versions()}, indent=1))


if __name__ == "__main__":
    main()
