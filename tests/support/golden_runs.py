"""Runs whose figures and weights never change; `python tests/support/golden_runs.py` writes down those of today."""

import csv
import hashlib
import json
import os
import platform
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors.torch import load_file

import unreel
from unreel.cli import synth

KEPT = Path(__file__).with_name("golden.json")
RUNS = ("hdc-small", "sc-small", "tc-small", "finetune")
_SAME: dict[str, Any] = {
    **{"accelerator": "cpu", "devices": 1, "loader_workers": 0, "log_every": 1, "checkpoint_every": 0, "batch_size": 4}
}
_SMALL: dict[str, Any] = {"width": 0.25, "size": 56, "clip_length": 8}


def make_videos(place: Path) -> Path:
    """Twelve videos of moving shapes, the same bytes everywhere."""
    synth.main([str(place), "--videos", "12", "--frames", "20", "--side", "64", "--seed", "3", "--workers", "1"])
    return place


def run(name: str, videos: Path, out: Path) -> dict[str, Any]:
    """The losses of every step of a run, the SHA-256 of its weights, and the norm of each of them."""
    torch.set_num_threads(1)
    if name == "finetune":
        unreel.finetune(videos, out, label="motion", steps=10, layer_decay=0.5, frozen_levels=1, **_SMALL, **_SAME)
    else:
        unreel.pretrain(videos, out, recipe=name, steps=20, knn_every=0, **_SAME)
    with (out / "metrics.csv").open(newline="") as file:
        losses = [float(row["loss"]).hex() for row in csv.DictReader(file) if row["loss"]]
    (file_of_weights,) = out.glob("*.safetensors")
    weights = load_file(file_of_weights)
    digest = hashlib.sha256(b"".join(weights[name].numpy().tobytes() for name in sorted(weights))).hexdigest()
    norms = {name: float(each.double().norm()) for name, each in sorted(weights.items())}
    return {"losses": losses, "weights": digest, "norms": norms}


def machine() -> list[str]:
    """What the last bits of sums depend on."""
    threads = os.environ.get("OMP_NUM_THREADS", "")
    return [torch.__version__, platform.machine(), torch.backends.cpu.get_cpu_capability(), threads]


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        shapes = make_videos(Path(folder, "shapes"))
        found = {name: run(name, shapes, Path(folder, name)) for name in RUNS}
    KEPT.write_text(json.dumps({"machine": machine(), **found}, indent=1) + "\n")
