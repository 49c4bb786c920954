"""The memory that HD-NCE takes for a large batch, over the embeddings and their gradients.

    python benchmarks/loss_memory.py [--batches 4096 32768] [--chunk-size 512] [--whole-up-to 4096] [--threads 1]
        [--device cpu] [--out FILE]

Levels 3, 4 and 5 with 4, 2 and 1 temporal positions, both subtasks, width 128, forward and backward. Each case has a
process of its own: the embeddings and their gradients are made first, then the highest resident memory from there on
is taken (VmHWM of Linux; on a GPU what torch has allocated at most), less what was there. `whole` holds the matrix of
similarities and is measured for batches up to `--whole-up-to`; `in blocks` is `--chunk-size`.
"""

import argparse
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import torch
from measuring import add_options, bars, bytes_of, show, synchronize, write
from torch import Tensor

from unreel.losses import hdnce, infonce

POSITIONS = {3: 4, 4: 2, 5: 1}  # of 16 frames
WEIGHTS = {3: 0.25, 4: 0.5, 5: 1.0}
WIDTH = 128
GIB = 1 << 30


def embeddings(batch: int, device: str) -> tuple[dict[int, tuple[Tensor, Tensor]], dict[int, tuple[Tensor, Tensor]]]:
    """Those of Spatial and of Temporal Contrast, their gradients at hand."""

    def pair(*shape: int) -> tuple[Tensor, Tensor]:
        first, second = (torch.randn(shape, device=device).requires_grad_() for _ in range(2))
        for each in (first, second):
            each.grad = torch.zeros_like(each).fill_(0.0)  # written to, so that the memory is really there
        return first, second

    spatial = {level: pair(batch, count, WIDTH) for level, count in POSITIONS.items()}
    return spatial, {level: pair(batch, WIDTH) for level in POSITIONS}


def measured(batch: int, chunk_size: int | None, device: str) -> dict[str, float]:
    """Bytes over the embeddings, bytes of these, and seconds; to be called in a process of its own."""
    spatial, temporal = embeddings(batch, device)
    held = [each for levels in (spatial, temporal) for pair in levels.values() for each in pair]
    _forget_peak(device)
    before = _memory("VmRSS", device)
    started, used = perf_counter(), process_time()
    contrast = partial(infonce, chunk_size=chunk_size)
    torch.autograd.backward(hdnce(spatial, temporal, alpha=WEIGHTS, beta=WEIGHTS, contrast=contrast).total)
    synchronize(device)
    return {
        "bytes": _memory("VmHWM", device) - before,
        "bytes of embeddings and gradients": 2 * sum(each.nbytes for each in held),
        "seconds by the clock": perf_counter() - started,
        "seconds of the CPU": process_time() - used,
    }


def _forget_peak(device: str) -> None:
    if device == "cpu":
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    else:
        torch.cuda.reset_peak_memory_stats()


def _memory(what: str, device: str) -> int:
    if device != "cpu":
        return torch.cuda.max_memory_allocated() if what == "VmHWM" else torch.cuda.memory_allocated()
    return bytes_of("/proc/self/status", what)


def in_own_process(batch: int, chunk_size: int | None, options: argparse.Namespace) -> dict[str, Any]:
    """What `measured` gives in a new process."""
    case = [str(batch), str(chunk_size or 0)]
    command = [sys.executable, __file__, "--threads", str(options.threads), "--device", options.device, "--case", *case]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return answer


def main(options: argparse.Namespace) -> None:
    """Measure, print and write."""
    torch.set_num_threads(options.threads)
    if options.case:
        batch, chunk_size = options.case
        print(json.dumps(measured(batch, chunk_size or None, options.device)))
        return
    figures: dict[str, dict[str, Any]] = {}
    for batch in options.batches:
        figures[f"{batch}, in blocks"] = in_own_process(batch, options.chunk_size, options)
        if batch <= options.whole_up_to:
            figures[f"{batch}, whole"] = in_own_process(batch, None, options)
    rows = [
        (
            name,
            f"{each['bytes'] / GIB:.2f}",
            f"{each['bytes of embeddings and gradients'] / GIB:.2f}",
            f"{each['seconds of the CPU']:.1f}",
        )
        for name, each in figures.items()
    ]
    show("HD-NCE, forward and backward", ("batch", "GiB", "GiB of embeddings, gradients", "CPU, s"), rows)
    values = {name: {"median": each["bytes"] / GIB} for name, each in figures.items()}
    write(options, {"cases": figures, "charts": [bars("Memory over the embeddings", "GiB", values)]})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[4096, 32768])
    parser.add_argument("--chunk-size", type=int, default=512)
    parser.add_argument("--whole-up-to", type=int, default=4096)
    parser.add_argument("--case", type=int, nargs=2, help=argparse.SUPPRESS)
    add_options(parser, rounds=1)
    main(parser.parse_args())
