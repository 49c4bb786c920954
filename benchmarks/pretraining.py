"""Where a pretraining step's time goes: does the loader keep up?

    python benchmarks/pretraining.py [FOLDER] [--recipe hdc-small] [--size …] [--batch-size …] [--precision 32-true]
        [--steps 12] [--rounds 3] [--workers …]

The same steps of the same run, on a CPU, once with batches from the real loader (prepared files on disk, decoded
on the way), once with one batch held in memory, alternating. Prints both paces, the median of the rounds' ratios and
how long the steps waited for data. FOLDER holds videos, prepared ones or not; without one, Moving Shapes are rendered.
The paper's encoder at its size:

    python benchmarks/pretraining.py --recipe hdc --size 112 --batch-size 4 --precision bf16-mixed --steps 6

Run on an otherwise idle machine: another program on its cores slows whichever half it meets.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from lightning_fabric import Fabric

from unreel import recipes
from unreel.engine.cpus import default_workers
from unreel.engine.malloc import keep_freed_memory
from unreel.errors import UnreelError
from unreel.methods.hdc import HDC
from unreel.settings.hdc import HDCSettings
from unreel.training.optimization import sgd
from unreel.training.pretrain import choose_videos
from unreel.training.run import versions
from unreel.types import ClipBatch
from unreel.video.clips.datasets import TrainingDataset
from unreel.video.clips.loading import training_batches
from unreel.video.clips.sampling import TwoClips
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepared
from unreel.video.moving_shapes.synth import MovingShapes, render_collection


@dataclass
class Pace:
    """Seconds per step of every round, and those of them spent waiting for a batch."""

    steps: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def add(self, step: Callable[[ClipBatch], None], batches: Iterator[ClipBatch], count: int) -> None:
        """One round of `count` steps."""
        waited, started = 0.0, perf_counter()
        for _ in range(count):
            asked = perf_counter()
            batch = next(batches)
            waited += perf_counter() - asked
            step(batch)
        self.steps.append((perf_counter() - started) / count)
        self.waits.append(waited / count)


def main(arguments: argparse.Namespace) -> None:
    """Measure alternately, so that a drift of the machine meets both alike, and print JSON."""
    if not arguments.give_memory_back:
        keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        videos = arguments.folder or render_collection(Path(name) / "videos", MovingShapes(48))
        settings = _settings(arguments, videos, Path(name) / "run")
        manifest = prepared(videos, PrepareOptions(settings.encoder_settings.prepared_side))
        loaded, held = _measure(settings, manifest, arguments)
    figures = {
        "seconds per step from files": median(loaded.steps),
        "seconds per step from memory": median(held.steps),
        "of them waiting for data": median(loaded.waits),
        "speed from files / from memory": median(m / f for f, m in zip(loaded.steps, held.steps, strict=True)),
        "of each round": [round(m / f, 3) for f, m in zip(loaded.steps, held.steps, strict=True)],
        "videos per step": settings.batch_size,
        "workers": _workers(arguments),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps({**vars(arguments), **figures, **versions()}, indent=1, default=str))


def _measure(settings: HDCSettings, manifest: Manifest, arguments: argparse.Namespace) -> tuple[Pace, Pace]:
    records = choose_videos(settings, manifest).videos
    dataset = TrainingDataset(manifest, records, TwoClips(settings.encoder.clip_length), settings.seed)
    step, loaded, held = _stepper(settings), Pace(), Pace()
    with closing(training_batches(dataset, settings.batch_size, 0, workers=_workers(arguments))) as batches:
        batch = next(batches)
        step(batch)  # the first is slower
        for _ in range(arguments.rounds):
            loaded.add(step, batches, arguments.steps)
            held.add(step, repeat(batch), arguments.steps)
    return loaded, held


def _stepper(settings: HDCSettings) -> Callable[[ClipBatch], None]:
    """A step as training takes it, in the same precision."""
    torch.manual_seed(settings.seed)
    fabric = Fabric(accelerator="cpu", devices=1, precision=settings.precision)
    method = HDC(settings)
    model: Any
    optimizer: Any
    model, optimizer = fabric.setup(method, sgd(method, settings))

    def step(batch: ClipBatch) -> None:
        loss = method.loss(model(batch))
        optimizer.zero_grad()
        fabric.backward(loss.total)
        optimizer.step()

    return step


def _settings(arguments: argparse.Namespace, videos: Path, out: Path) -> HDCSettings:
    given = {name: getattr(arguments, name) for name in ("size", "batch_size", "precision")}
    chosen = {name: value for name, value in given.items() if value is not None}
    return HDCSettings.model_validate({**recipes.changes(arguments.recipe), **chosen, "folder": videos, "out": out})


def _workers(arguments: argparse.Namespace) -> int:
    return default_workers("cpu") if arguments.workers is None else int(arguments.workers)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--recipe", default="hdc-small")
    parser.add_argument("--size", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--give-memory-back", action="store_true", help="as C libraries do unless told otherwise")
    try:
        main(parser.parse_args())
    except UnreelError as error:
        sys.exit(str(error))
