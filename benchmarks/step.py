"""A whole pretraining step against a plain PyTorch version of the same step.

    python benchmarks/step.py [--recipe hdc-small] [--width …] [--size …] [--batch …] [--precision 32-true]
        [--compiled-views] [--fused] [--rounds 5] [--threads 1] [--device cpu] [--out FILE]

Both begin with decoded clips on the host and end with updated weights: unreel with the codec's planes, which it takes
to the device to make all views there, one pass of the encoder for all of them, its loss and SGD, in the precision asked
for; the plain version (`plain.py`) with RGB frames, transformed on the host frame by frame, an encoder pass for each
view, float32. The same encoder shape (r3d18), batch and machine. "plain, views ready" is the plain step without its
transforms, as if other CPUs made the views: what is left is layers and precision; below float32 it is measured
in unreel's precision too. The floor is what the convolutions take at the matrix rate of unreel's precision, measured in
the same run.

Methods that are not HDC are measured against the passes of their encoder instead (`passes.py`).

On a GPU (`--device cuda --fused --compiled-views`) the slow paths of unreel are measured beside its fast ones, its
three views by themselves, and the memory of every step; the plain step is measured with views that are ready only.
"""

import argparse
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import passes
import torch
from ceilings import measure as measured_ceilings
from counting import count
from lightning_fabric import Fabric
from measuring import add_options, alternate, bars, device_name, ratio, show, spread, times, write
from plain import PlainHDC, Transforms
from torch import Tensor
from torch.nn import functional

from unreel import recipes
from unreel.engine.malloc import keep_freed_memory
from unreel.methods.hdc import HDC
from unreel.settings.hdc import HDCSettings
from unreel.settings.pretraining import PretrainSettings, pretraining
from unreel.training.optimization import sgd
from unreel.types import ClipBatch
from unreel.video.decoding.yuv import Colour

VIEWS = {"o": 0, "s": 0, "t": 1}  # of which of a video's two clips


def noise(settings: HDCSettings) -> ClipBatch:
    """Clips as the loader gives them, of coarse noise."""
    torch.manual_seed(0)
    side, shape = settings.encoder_settings.prepared_side, (settings.batch_size, 2, settings.encoder.clip_length)

    def plane(side: int, planes: int) -> Tensor:
        coarse = torch.rand(shape[0] * shape[1] * shape[2], planes, 8, 8)
        fine = functional.interpolate(coarse, (side, side), mode="bilinear")
        return (16 + 219 * fine).byte().view(*shape, planes, side, side)

    to_rgb = torch.from_numpy(Colour("bt601", False).to_rgb()).expand(shape[0], 3, 4)
    ids = tuple(f"{number}.mp4" for number in range(shape[0]))
    return ClipBatch(plane(side, 1)[:, :, :, 0].contiguous(), plane(side // 2, 2), to_rgb, ids)


def rgb_frames(batch: ClipBatch) -> Tensor:
    """The same clips as a decoder gives them that converts: uint8 (b 2 t h w 3)."""
    chroma = functional.interpolate(batch.chroma.flatten(0, 2).float(), scale_factor=2.0)
    codes = torch.cat([batch.luma.flatten(0, 2)[:, None].float(), chroma], dim=1)
    rgb = torch.einsum("rc,nchw->nhwr", batch.to_rgb[0, :, :3], codes) + batch.to_rgb[0, :, 3]
    return (255 * rgb).round().clamp(0, 255).byte().view(*batch.luma.shape, 3)


def own_step(settings: HDCSettings, batch: ClipBatch) -> Callable[[], Tensor]:
    """A step as training takes it; gives the loss."""
    torch.manual_seed(settings.seed)
    fabric = Fabric(accelerator=settings.accelerator, devices=1, precision=settings.precision)
    method = HDC(settings)
    model: Any
    optimizer: Any
    model, optimizer = fabric.setup(method, sgd(method, settings))

    def step() -> Tensor:
        batch.epoch += 1  # other draws
        loss = method.loss(model(batch.to(fabric.device)))
        optimizer.zero_grad()
        fabric.backward(loss.total)
        optimizer.step()
        return loss.total.detach()

    return step


def own_views(settings: HDCSettings, batch: ClipBatch) -> Callable[[], object]:
    """The three views of a step."""
    method, there = HDC(settings), batch.to(settings.accelerator)
    return lambda: [method.view(there, view) for view in VIEWS]


def plain_steps(settings: HDCSettings, batch: ClipBatch) -> dict[str, Callable[[], object]]:
    """The plain step, and the same with views that are ready on the device."""
    torch.manual_seed(settings.seed)
    device = settings.accelerator
    model = PlainHDC(settings.encoder.width, settings.temperature, settings.alpha, settings.beta).to(device)
    optimizer = torch.optim.SGD(
        model.parameters(), settings.learning_rate, settings.momentum, weight_decay=2 * settings.l2
    )
    frames = rgb_frames(batch)
    transforms = Transforms(settings.augmentation, settings.encoder.size, random.Random(settings.seed))

    def made() -> dict[str, Tensor]:
        clips = {view: torch.stack([transforms(video[clip]) for video in frames]) for view, clip in VIEWS.items()}
        return {view: each.to(device) for view, each in clips.items()}

    def step(views: dict[str, Tensor], *, lower: bool = False) -> None:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=lower):
            loss = model(views)
        loss.backward()
        optimizer.step()

    ready = made()
    works: dict[str, Callable[[], object]] = {"plain, views ready": lambda: step(ready)}
    if settings.precision != "32-true":
        works["plain in bfloat16, views ready"] = lambda: step(ready, lower=True)
    return works if device == "cuda" else {"plain": lambda: step(made()), **works}


def add_recipe(parser: argparse.ArgumentParser, default: str) -> None:
    """The options that `settings_of` reads."""
    parser.add_argument("--recipe", default=default)
    parser.add_argument("--width", type=float)
    parser.add_argument("--size", type=int)
    parser.add_argument("--batch", type=int)


def settings_of(options: argparse.Namespace, **changes: Any) -> PretrainSettings:
    """Those of the recipe, with what was asked for and `changes`."""
    given = {"width": options.width, "size": options.size, "batch_size": options.batch}
    chosen = {name: value for name, value in given.items() if value is not None}
    fixed = {"folder": Path(), "out": Path(), "accelerator": options.device}
    return pretraining({**recipes.changes(options.recipe), **chosen, **fixed, **changes}, options.recipe)


def slow(settings: HDCSettings) -> HDCSettings:
    """The same without the fast paths."""
    return settings.model_copy(update={"compiled_views": False, "fused": False})


def highest_memory(work: Callable[[], object]) -> float:
    """GiB on the GPU at the highest, with all that stands there already."""
    torch.cuda.reset_peak_memory_stats()
    work()
    return torch.cuda.max_memory_allocated() / 2**30


def main(options: argparse.Namespace) -> None:
    """Measure, print and write."""
    torch.set_num_threads(options.threads)
    if options.memory or not isinstance(settings_of(options), HDCSettings):
        passes.main(options, settings_of)
        return
    keep_freed_memory()
    paths = {"compiled_views": options.compiled_views, "fused": options.fused}
    settings = settings_of(options, precision=options.precision, **paths)
    assert isinstance(settings, HDCSettings)
    assert settings.encoder.name == "r3d18" and settings.encoder.norm == "instance"  # what the plain version has
    ceilings = measured_ceilings(options.device, options.rounds, options.sides)
    batch = noise(settings)
    works = {"unreel": own_step(settings, batch), **plain_steps(settings, batch)}
    if options.device == "cuda":
        works["unreel, slow paths"] = own_step(slow(settings), batch)
        works["unreel's views"], works["slow views"] = own_views(settings, batch), own_views(slow(settings), batch)
    laps = alternate(works, options.rounds, options.device)
    precision = "float32" if settings.precision == "32-true" else "bfloat16"
    counted = count(works["unreel"])
    floor = counted.floor(ceilings, precision)
    figures: dict[str, Any] = {
        name: {
            "seconds": spread(each.seconds(options.device)),
            "seconds by the clock": spread(each.clock),
            "times unreel's": ratio(each, laps["unreel"], options.device),
            "floor / time": spread([floor / one for one in each.seconds(options.device)]),
        }
        for name, each in laps.items()
    }
    seconds = figures["unreel"]["seconds"]["median"]
    share = counted.operations / seconds / ceilings.rate(precision)
    facts = {"floor, seconds": floor, "operations": counted.operations, "share of the matrix rate": share}
    if options.device == "cuda":
        for name, work in works.items():
            figures[name]["memory, GiB"] = highest_memory(work)
    rows = [
        (
            name,
            f"{each['seconds']['median']:.3f}",
            times(each["times unreel's"]),
            f"{each['floor / time']['median']:.0%}",
        )
        for name, each in figures.items()
    ]
    title = (
        f"{options.recipe}, {settings.batch_size} videos of {settings.encoder.size} pixels, "
        f"unreel in {settings.precision}, "
        f"{share:.0%} of the matrix rate, {device_name(options.device)}"
    )
    show(title, ("step", "seconds", "times unreel's", "floor / time"), rows)
    ratios = {name: each["times unreel's"] for name, each in figures.items()}
    facts |= {"videos": settings.batch_size, "size": settings.encoder.size, "width": settings.encoder.width}
    charts = [bars("A pretraining step, times unreel's", "times", ratios)]
    write(options, {"ceilings": asdict(ceilings), "steps": figures, **facts, "charts": charts})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_recipe(parser, "hdc-small")
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"], default="32-true")
    parser.add_argument("--compiled-views", action="store_true")
    parser.add_argument("--fused", action="store_true")
    parser.add_argument("--memory", action="store_true", help="print the bytes that a step takes, and nothing else")
    add_options(parser, rounds=5)
    main(parser.parse_args())
