"""A run that is killed again and again, against the same run left alone: weights and figures must be the same.

A third of the kills come while a checkpoint is being written, a third at random moments of the training and a third at
random moments after the start; every other one hits the first process only. SIGKILL, which none can answer. JSON goes
to standard output, and the program ends with 1 where anything differs.

    python benchmarks/kills.py --kills 25
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from safetensors.torch import load_file

from unreel.training.metrics import read_metrics
from unreel.training.run import versions
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.moving_shapes.synth import MovingShapes, render_collection

SIDE = 38
EVERY = 3  # steps between checkpoints
STARTING = 8.0  # seconds, enough to be at work
PATIENCE = 600.0  # seconds


def main() -> int:
    """Measure, print; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0, help="decides the moments")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render_collection(folder / "videos", MovingShapes(12, seed=0))
        prepare(folder / "videos", folder / "prepared", PrepareOptions(SIDE))
        alone, killed = folder / "alone", folder / "killed"
        _finish(_start(folder, alone, arguments.steps))
        chance = random.Random(arguments.seed)
        moments = Counter(_kill(folder, killed, arguments.steps, number, chance) for number in range(arguments.kills))
        _finish(_start(folder, killed, arguments.steps))
        result = {
            "kills": arguments.kills,
            "while it was": moments,
            "times gone on from a checkpoint": (killed / "log.txt").read_text().count("going on after step"),
            "weights identical": _weights(alone) == _weights(killed),
            "figures identical": _figures(alone) == _figures(killed),
            "left over": sorted(str(path.relative_to(killed)) for path in killed.rglob("*.unfinished")),
        }
    print(json.dumps({**result, "versions": versions()}, indent=1))
    return 0 if result["weights identical"] and result["figures identical"] and not result["left over"] else 1


def _start(folder: Path, out: Path, steps: int) -> "subprocess.Popen[bytes]":
    options = {"--out": out, "--recipe": "hdc-small", "--steps": steps, "--size": 32, "--width": 0.0625}
    options |= {
        "--batch-size": 6,
        "--checkpoint-every": EVERY,
        "--knn-every": 20,
        "--log-every": 1,
        "--loader-workers": 1,
    }
    words = [str(word) for option in options.items() for word in option]
    command = [sys.executable, "-m", "unreel", "pretrain", str(folder / "prepared"), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


def _finish(process: "subprocess.Popen[bytes]") -> None:
    if process.wait(PATIENCE):
        sys.exit(f"the run ended with exit code {process.returncode}, expected 0")


def _kill(folder: Path, out: Path, steps: int, number: int, chance: random.Random) -> str:
    """Start the run and kill it, every other time with all its processes; where it was."""
    before = _rows(out)
    process = _start(folder, out, steps)
    if number % 3 == 0:
        moment = "starting"
        sleep(chance.uniform(0, STARTING))
    elif number % 3 == 1:
        moment = "training"
        _wait(process, lambda: _rows(out) > before + chance.randrange(8))
        sleep(chance.uniform(0, 0.3))
    else:
        moment = "writing a checkpoint"
        first = chance.randrange(4) * EVERY  # not always the next one
        _wait(process, lambda: _rows(out) > before + first and any(out.glob("checkpoints/*.unfinished")))
        sleep(chance.uniform(0, 0.005))
    if process.poll() is not None:
        sys.exit(f"the run ended before kill {number}: give more --steps")
    if number % 2:
        os.kill(process.pid, signal.SIGKILL)
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    return moment


def _wait(process: "subprocess.Popen[bytes]", there: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE
    while process.poll() is None and not there():
        if monotonic() > deadline:
            sys.exit(f"nothing happened for {PATIENCE} seconds")
        sleep(0.0005)


def _rows(out: Path) -> int:
    """How many rows of figures there are."""
    metrics = out / "metrics.csv"
    return metrics.read_bytes().count(b"\n") if metrics.exists() else 0


def _weights(run: Path) -> dict[str, bytes]:
    return {name: each.numpy().tobytes() for name, each in load_file(run / "weights.safetensors").items()}


def _figures(run: Path) -> list[dict[str, float]]:
    """All but what a clock says."""
    return [{name: each for name, each in row.items() if "seconds" not in name} for row in read_metrics(run)]


if __name__ == "__main__":
    sys.exit(main())
