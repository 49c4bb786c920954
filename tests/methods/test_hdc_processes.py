"""Several processes with a share of the batch each, against one process with all of it: loss and every gradient."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from batches import noise_batch
from torch import distributed
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from unreel import recipes
from unreel.methods.hdc import HDC
from unreel.settings.hdc import HDCSettings
from unreel.types import ClipBatch

BATCH = 8
TINY = {"folder": "in", "out": "out", "width": 0.0625, "size": 24, "batch_size": BATCH, "clip_length": 8}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    **{name: recipes.RECIPES[name]() for name in recipes.RECIPES if name in recipes.ROWS and name != "scratch"},
    "hdc-c3d": recipes.RECIPES["hdc-c3d"](),
    "hdc-r2plus1d10": recipes.RECIPES["hdc-r2plus1d10"](),
    "hdc, summed": {**recipes.hdc(), "reduction": "sum"},
    "hdc, chunked": {**recipes.hdc(), "chunk_size": 3},
    "hdc, improved": {**recipes.hdc(), "projection": "mlp", "both_directions": True, "hard_negatives": 0.5},
    "hdc, standardised": {**recipes.hdc(), "standardise": True},
}
Results = dict[str, dict[str, torch.Tensor]]


def _share(rank: int, world: int) -> ClipBatch:
    whole, part = noise_batch(BATCH, frames=8, side=28), slice(rank * BATCH // world, (rank + 1) * BATCH // world)
    return replace(
        whole, luma=whole.luma[part], chroma=whole.chroma[part], to_rgb=whole.to_rgb[part], ids=whole.ids[part]
    )


def _results(batch: ClipBatch, parallel: bool) -> Results:
    """Per setting: the loss, its parts and accuracies, and the gradient of every parameter."""
    results: Results = {}
    for name, changes in SETTINGS.items():
        torch.manual_seed(0)
        method = HDC(HDCSettings.model_validate({**TINY, **changes})).double()  # far from float32's rounding
        method.encoder.register_forward_pre_hook(lambda _, clips: (clips[0].double(),))
        model = DistributedDataParallel(method) if parallel else method  # kept: its hooks end with it
        loss = method.loss(model(batch))
        loss.total.backward()  # type: ignore[no-untyped-call]
        gradients = {key: each.grad for key, each in method.named_parameters() if each.grad is not None}
        assert len(gradients) == len(list(method.parameters()))
        accuracies = {key: value for key, value in loss.figures.items() if key.startswith("accuracy")}
        results[name] = {"total": loss.total.detach(), **accuracies, **gradients}
    return results


def _process(rank: int, world: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=world)
    torch.save(_results(_share(rank, world), parallel=True), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def whole() -> Results:
    return _results(noise_batch(BATCH, frames=8, side=28), parallel=False)


@pytest.mark.parametrize("world", [2, 4])
def test_processes_learn_what_one_process_learns(world: int, whole: Results, tmp_path: Path) -> None:
    spawn(_process, (world, str(tmp_path)), nprocs=world)  # type: ignore[no-untyped-call]
    for rank in range(world):
        shared: Results = torch.load(tmp_path / f"{rank}.pt")
        for name, expected in whole.items():
            assert shared[name].keys() == expected.keys()
            for key, value in expected.items():
                scale = max(1.0, value.abs().max().item())
                distance = (shared[name][key] - value).abs().max().item() / scale
                assert distance < 1e-9, f"{name}, {key}, process {rank} of {world}: off by {distance:.1e}"
