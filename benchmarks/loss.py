"""HD-NCE's contrast, whole and in blocks, against cross entropy and the NT-Xent losses of others.

    python benchmarks/loss.py [--batches 128 256 512 1024] [--chunk-size 512] [--width 128] [--rounds 5] [--threads 1]
        [--device cpu] [--out FILE]

Forward and backward, float32, of the same embeddings of one position. unreel's `infonce` compares every anchor with
every positive: b² pairs, and so does "plain", which is cross entropy of a matrix of cosines, as in most repositories.
NT-Xent (SimCLR; of lightly and of pytorch-metric-learning) also compares anchors with anchors and both the other way
round: 4·b² pairs. Both figures are given: time, and time per pair. The floor is the pairs' three matrix products at the
rate measured in the same run (`ceilings.py`). A peer that cannot be imported, or needs more memory than there is, is
left out and named. The memory of a large batch is `loss_memory.py`'s.
"""

import argparse
import importlib
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from typing import Any

import torch
from ceilings import measure as measured_ceilings
from measuring import add_options, alternate, bars, bytes_of, ratio, show, spread, times, write
from torch import Tensor
from torch.nn import functional

from unreel.engine.malloc import keep_freed_memory
from unreel.losses import infonce

OWN = ("unreel", "unreel in blocks")
PEERS = {"lightly": "lightly.loss", "pytorch-metric-learning": "pytorch_metric_learning.losses"}
TEMPERATURE = 0.07
Contrast = Callable[[Tensor, Tensor], Tensor]


def contrasts(chunk_size: int) -> tuple[dict[str, Contrast], dict[str, str]]:
    """The losses of embeddings (b d), and why a peer is left out."""
    chosen: dict[str, Contrast] = {
        "unreel": lambda a, p: infonce(a[:, None], p[:, None], temperature=TEMPERATURE).loss,
        "unreel in blocks": lambda a, p: (
            infonce(a[:, None], p[:, None], temperature=TEMPERATURE, chunk_size=chunk_size).loss
        ),
    }
    chosen["plain"] = _plain
    left_out: dict[str, str] = {}
    for name, module in PEERS.items():
        try:
            loss = importlib.import_module(module).NTXentLoss(temperature=TEMPERATURE)
        except ImportError as error:
            left_out[name] = str(error)
            continue
        chosen[name] = loss if name == "lightly" else _labelled(loss)
    return chosen, left_out


def _plain(anchors: Tensor, positives: Tensor) -> Tensor:
    cosines = functional.normalize(anchors, dim=1) @ functional.normalize(positives, dim=1).T
    return functional.cross_entropy(cosines / TEMPERATURE, torch.arange(len(anchors), device=anchors.device))


def _labelled(loss: Callable[[Tensor, Tensor], Tensor]) -> Contrast:
    """pytorch-metric-learning takes all embeddings and the number of each one's clip."""

    def contrast(anchors: Tensor, positives: Tensor) -> Tensor:
        clips = torch.arange(len(anchors), device=anchors.device)
        return loss(torch.cat([anchors, positives]), torch.cat([clips, clips]))

    return contrast


def pairs(name: str, batch: int) -> int:
    """How many similarities the loss takes."""
    return (2 * batch) ** 2 if name in PEERS else batch**2


def measured(
    batch: int, options: argparse.Namespace, chosen: dict[str, Contrast], left_out: dict[str, str], rate: float
) -> dict[str, Any]:
    """The losses of one batch, each forward and backward; what does not fit into memory is noted in `left_out`."""
    torch.manual_seed(0)
    anchors, positives = torch.randn(2, batch, options.width, device=options.device)

    def work(contrast: Contrast) -> Callable[[], object]:
        given = [each.clone().requires_grad_() for each in (anchors, positives)]
        return lambda: torch.autograd.grad(contrast(*given), given)

    works = {name: work(each) for name, each in chosen.items()}
    for name in set(works) - set(OWN):
        try:
            works[name]()
        except (RuntimeError, MemoryError) as error:
            if "memory" not in str(error):
                raise
            left_out[f"{name}, {batch}"] = str(error).partition("\n")[0]
            del works[name]
    laps = alternate(works, options.rounds, options.device)
    figures: dict[str, Any] = {}
    for name, each in laps.items():
        seconds, count = each.seconds(options.device), pairs(name, batch)
        figures[name] = {
            "seconds": spread(seconds),
            "times unreel's": ratio(each, laps["unreel"], options.device),
            "nanoseconds per pair": spread([1e9 * one / count for one in seconds]),
            "floor / time": spread([3 * 2 * count * options.width / rate / one for one in seconds]),
        }
    return figures


def limit_memory() -> None:
    """Three quarters of the memory that is free now: what needs more fails, and is not killed."""
    if sys.platform == "linux":
        used, free = bytes_of("/proc/self/status", "VmSize"), bytes_of("/proc/meminfo", "MemAvailable")
        resource.setrlimit(resource.RLIMIT_AS, (used + free * 3 // 4, resource.RLIM_INFINITY))


def main(options: argparse.Namespace) -> None:
    """Measure, print and write."""
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    limit_memory()
    ceilings = measured_ceilings(options.device, options.rounds, options.sides)
    chosen, left_out = contrasts(options.chunk_size)
    found = {str(batch): measured(batch, options, chosen, left_out, ceilings.float32) for batch in options.batches}
    rows = [
        (
            f"{batch}, {name}",
            f"{1000 * each['seconds']['median']:.2f}",
            times(each["times unreel's"]),
            f"{each['nanoseconds per pair']['median']:.2f}",
            f"{each['floor / time']['median']:.0%}",
        )
        for batch, figures in found.items()
        for name, each in figures.items()
    ]
    show("Forward and backward", ("batch, loss", "ms", "times unreel's", "ns per pair", "floor / time"), rows)
    for name, reason in left_out.items():
        print(f"{name} is left out: {reason}")
    charts = [
        bars(
            f"Time of the loss of {batch} clips, times unreel's",
            "times",
            {k: v["times unreel's"] for k, v in each.items()},
        )
        for batch, each in found.items()
    ]
    peers = {name: metadata.version(name) for name in PEERS if name in chosen}
    write(options, {"ceilings": asdict(ceilings), "batches": found, "left out": left_out, "charts": charts, **peers})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 256, 512, 1024])
    parser.add_argument("--chunk-size", type=int, default=512)
    parser.add_argument("--width", type=int, default=128)
    add_options(parser, rounds=5)
    main(parser.parse_args())
