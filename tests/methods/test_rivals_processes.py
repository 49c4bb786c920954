"""Rivals in two processes, with half of the batch each, against one process: loss, figures, gradients and state."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rival_runs import WITH_QUEUE, batch_of, in_double, method_of, settings_of
from torch import distributed
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from unreel import recipes

BATCH = 4
Results = dict[str, dict[str, torch.Tensor]]
LOCAL = ("rank/", "uniformity/", "alignment/")
"""Figures of a process alone."""


def _results(rank: int, world: int) -> Results:
    """Per rival: the loss, figures, the gradient of every parameter, and the buffers after a step."""
    results: Results = {}
    part = slice(rank * BATCH // world, (rank + 1) * BATCH // world)
    for name in recipes.RIVALS:
        centre = {"centre": True} if recipes.RIVALS[name].family in ("order", "speed") else {}
        settings = settings_of(name, **centre, **({"queue": 8} if name in WITH_QUEUE else {}))
        method = in_double(method_of(settings))
        whole = batch_of(method, settings, BATCH)
        parts = {each: getattr(whole, each)[part] for each in ("luma", "chroma", "to_rgb", "ids")}
        model = DistributedDataParallel(method) if world > 1 else method  # kept: its hooks end with it
        outputs = model(replace(whole, **parts))
        loss = method.loss(outputs, watched=True)
        loss.total.backward()
        method.updated({key: each.detach() for key, each in outputs.items()}, 1)
        gradients = {key: each.grad for key, each in method.named_parameters() if each.grad is not None}
        assert len(gradients) == sum(each.requires_grad for each in method.parameters())
        figures = {key: value for key, value in loss.figures.items() if not key.startswith(LOCAL)}
        results[name] = {"total": loss.total.detach(), **loss.parts, **figures, **gradients}
        results[name] |= {key: each.clone() for key, each in method.named_buffers()}
    return results


def _process(rank: int, world: int, folder: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=world)
    torch.save(_results(rank, world), f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_are_one(tmp_path: Path) -> None:
    whole = _results(0, 1)
    spawn(_process, (2, str(tmp_path)), nprocs=2)  # type: ignore[no-untyped-call]
    for rank in range(2):
        shared: Results = torch.load(tmp_path / f"{rank}.pt")
        for name, expected in whole.items():
            assert shared[name].keys() == expected.keys()
            for key, value in expected.items():
                scale = max(1.0, value.abs().max().item())
                distance = (shared[name][key] - value).abs().max().item() / scale
                assert distance < 1e-7, f"{name}, {key}, process {rank}: off by {distance:.1e}"
