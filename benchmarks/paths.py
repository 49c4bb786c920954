"""Whether the fast paths learn what the slow ones learn.

    python benchmarks/paths.py [--recipe hdc] [--width …] [--size …] [--batch …] [--steps 200] [--out FILE]

The same steps from the same weights on the same clips and draws: in float32 by the slow paths, in bfloat16 by the slow
paths, in bfloat16 by the fast ones (`--fused --compiled-views`). Prints the loss on the way, and by how much those of
bfloat16 are off float32's: bfloat16 itself moves it, and the fast paths should move it no further.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from measuring import device_name, show, write
from step import add_recipe, noise, own_step, settings_of

from unreel.settings.hdc import HDCSettings
from unreel.settings.pretraining import PretrainSettings

PATHS: dict[str, dict[str, Any]] = {
    "float32": {},
    "bfloat16": {"precision": "bf16-mixed"},
    "bfloat16, fast": {"precision": "bf16-mixed", "fused": True, "compiled_views": True},
}


def losses(settings: PretrainSettings, steps: int) -> list[float]:
    """The loss of every step."""
    assert isinstance(settings, HDCSettings), "of HDC: its recipes only"
    step = own_step(settings, noise(settings))
    return [each.item() for each in [step() for _ in range(steps)]]


def main(options: argparse.Namespace) -> None:
    """Learn by every path, print and write."""
    found = {
        name: losses(settings_of(options, learning_rate=options.learning_rate, **path), options.steps)
        for name, path in PATHS.items()
    }
    exact = torch.tensor(found["float32"])
    marks = sorted({round(part * (options.steps - 1) / 4) for part in range(5)})
    rows, off = [], {}
    for name, each in found.items():
        distance = (torch.tensor(each) - exact).abs()
        off[name] = {"mean": distance.mean().item(), "highest": distance.max().item()}
        numbers = [f"{each[mark]:.3f}" for mark in marks]
        rows.append((name, *numbers, f"{off[name]['mean']:.4f}", f"{off[name]['highest']:.4f}"))
    columns = ("loss", *(f"step {mark + 1}" for mark in marks), "off float32, mean", "highest")
    show(f"{options.recipe}, {options.steps} steps, {device_name(options.device)}", columns, rows)
    write(options, {"losses": found, "off float32": off})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_recipe(parser, "hdc")
    parser.add_argument("--learning-rate", type=float, default=0.03)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--device", choices=["cuda"], default="cuda", help="the fast paths are for GPUs")
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    main(parser.parse_args())
