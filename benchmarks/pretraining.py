"""Where a pretraining step's time goes: does the loader keep up?

The same steps of the same run, once with batches from the real loader (files on disk, decoded on the way), once with
one batch held in memory. Prints both rates and their ratio. Run with `make bench` on an otherwise idle machine.
"""

import json
import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter

import torch

from unreel import recipes
from unreel.methods import HDC
from unreel.settings.pretraining import PretrainSettings
from unreel.training.optimization import sgd
from unreel.training.run import versions
from unreel.types import ClipBatch
from unreel.video.loading import PretrainDataset, pretrain_batches
from unreel.video.prepare import PrepareOptions, prepare
from unreel.video.synth import MovingShapes, render_collection

STEPS = 12
ROUNDS = 3


def main() -> None:
    """Measure alternately, so that a drift of the machine meets both alike, and print JSON."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        videos = render_collection(folder / "videos", MovingShapes(48))
        values = {**recipes.changes("hdc-small"), "folder": videos, "out": folder / "run"}
        settings = PretrainSettings.model_validate(values)
        manifest = prepare(videos, folder / "prepared", PrepareOptions(settings.encoder_settings.prepared_side))
        batches = pretrain_batches(PretrainDataset(manifest, manifest.usable, 16, 0), settings.batch_size, 0)
        held = next(batches)
        step = _stepper(settings)
        step(held)
        loaded: list[float] = []
        memory: list[float] = []
        for _ in range(ROUNDS):
            loaded.append(_seconds(lambda: [step(batch) for batch in islice(batches, STEPS)]) / STEPS)
            memory.append(_seconds(lambda: [step(held) for _ in range(STEPS)]) / STEPS)
    figures = {
        "seconds per step from files": median(loaded),
        "seconds per step from memory": median(memory),
        "speed from files / from memory": median(m / f for f, m in zip(loaded, memory, strict=True)),
        "videos per step": settings.batch_size,
        "threads": torch.get_num_threads(),
    }
    print(json.dumps({**figures, **versions()}, indent=1))


def _stepper(settings: PretrainSettings) -> Callable[[ClipBatch], None]:
    method = HDC(settings)
    optimizer = sgd(method, settings)

    def step(batch: ClipBatch) -> None:
        optimizer.zero_grad()
        method(batch).total.backward()
        optimizer.step()

    return step


def _seconds(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started


if __name__ == "__main__":
    main()
