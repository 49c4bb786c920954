"""How near an encoder comes to what the machine can do, and where the rest of the time goes.

    python benchmarks/encoder.py [r3d18 c3d r2plus1d10] [--width 0.25] [--size 56] [--batch 24] [--frames 16]
        [--precision float32] [--channels-last] [--fused] [--torch-pool] [--rounds 5] [--threads 1] [--device cpu]
        [--out FILE]

Of each encoder: seconds of a forward pass, and of a forward and backward pass; the operations of its convolutions,
without those on padding (`counting.py`), over that time and over the rate of matrix products in the same precision,
measured in the same run (`ceilings.py`): the share of the ceiling, which passes 1 where the library's convolutions are
better than its matrix products. The floor is what the convolutions alone would take
at that rate, or at that of memory where their maps are large for their arithmetic. Then, by torch's profiler, the share
of each kind of layer in the time of a forward and backward pass. With `--torch-pool` the same encoder with torch's
own max pool is measured in the same rounds.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from ceilings import Ceilings
from ceilings import measure as measured_ceilings
from counting import count
from measuring import PRECISIONS, Laps, add_options, alternate, bars, ratio, show, spread, write
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from unreel import models
from unreel.engine.malloc import keep_freed_memory
from unreel.models.pooling import MaxPool
from unreel.settings.encoder import ENCODERS

PASSES = ("forward", "forward and backward")
TORCH_POOL = "with torch's max pool"
KINDS = {
    "convolution": ("conv", "cudnn", "Convolve"),
    "norm": ("norm",),
    "pool": ("pool",),
    "ReLU": ("relu", "clamp_min", "threshold"),
    "copy": ("copy", "cat", "clone", "contiguous", "fill", "zero"),
}


def passes(name: str, options: argparse.Namespace, *, torch_pool: bool = False) -> dict[str, Callable[[], object]]:
    """The forward pass, and both."""
    torch.manual_seed(0)
    encoder = models.build(name, width=options.width).to(options.device)
    if torch_pool:
        for place, pool in [(place, each) for place, each in encoder.named_children() if isinstance(each, MaxPool)]:
            setattr(encoder, place, nn.MaxPool3d(tuple(pool.kernel), tuple(pool.stride), tuple(pool.padding)))
    if options.fused:
        encoder.fuse(options.device)
    clips = torch.randn(options.batch, 3, options.frames, options.size, options.size, device=options.device)
    if options.channels_last:
        encoder = encoder.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        clips = clips.contiguous(memory_format=torch.channels_last_3d)
    mixed = torch.autocast(options.device, PRECISIONS[options.precision], enabled=options.precision != "float32")

    def forward() -> list[Tensor]:
        with mixed:
            return list(encoder(clips).values())

    def both() -> None:
        encoder.zero_grad()
        torch.autograd.backward(torch.stack([level.float().square().mean() for level in forward()]).sum())

    return {"forward": torch.no_grad()(forward), "forward and backward": both}


def figures_of(
    work: Callable[[], object], laps: Laps, ceilings: Ceilings, options: argparse.Namespace
) -> dict[str, Any]:
    """Time, operations, share of the ceiling and floor of a pass."""
    counted, seconds = count(work), laps.seconds(options.device)
    rate = ceilings.rate(options.precision)
    floor = counted.floor(ceilings, options.precision)
    return {
        "seconds": spread(seconds),
        "seconds by the clock": spread(laps.clock),
        "operations": counted.operations,
        "operations with those on padding": counted.with_padding,
        "share of the matrix rate": spread([counted.operations / each / rate for each in seconds]),
        "floor, seconds": floor,
        "floor / time": spread([floor / each for each in seconds]),
    }


def shares(work: Callable[[], object], device: str) -> dict[str, float]:
    """The share of each kind of layer in the time of all operations, by name of the operation."""
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device == "cuda")
    with profile(activities=activities) as profiled:
        work()
    seconds = dict.fromkeys([*KINDS, "other"], 0.0)
    for event in profiled.key_averages():
        time = event.self_device_time_total if device == "cuda" else event.self_cpu_time_total
        found = [kind for kind, parts in KINDS.items() if any(part in event.key for part in parts)]
        seconds[found[0] if found else "other"] += time
    whole = sum(seconds.values())
    return {kind: time / whole for kind, time in seconds.items()}


def main(options: argparse.Namespace) -> None:
    """Measure, print and write."""
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    ceilings = measured_ceilings(options.device, options.rounds, options.sides)
    figures: dict[str, dict[str, Any]] = {}
    for name in options.encoders or ENCODERS:
        works = passes(name, options)
        if options.torch_pool:
            works[TORCH_POOL] = passes(name, options, torch_pool=True)[PASSES[1]]
        laps = alternate(works, options.rounds, options.device)
        figures[name] = {each: figures_of(works[each], laps[each], ceilings, options) for each in PASSES}
        if options.torch_pool:
            figures[name][TORCH_POOL] = ratio(laps[TORCH_POOL], laps[PASSES[1]], options.device)
        figures[name]["shares of the time"] = shares(works["forward and backward"], options.device)
    print_tables(figures, ceilings, options)
    found = {f"{name}, {each}": figures[name][each] for name in figures for each in PASSES}
    charts = [
        bars(
            f"Operations per second, {options.precision}: share of matrix products'",
            "share",
            {name: each["share of the matrix rate"] for name, each in found.items()},
            limit=1.0,
        ),
        *(
            bars(
                f"{name}: where the time goes",
                "share",
                {k: {"median": v} for k, v in each["shares of the time"].items()},
            )
            for name, each in figures.items()
        ),
    ]
    write(options, {"ceilings": asdict(ceilings), "encoders": figures, "charts": charts})


def print_tables(figures: dict[str, dict[str, Any]], ceilings: Ceilings, options: argparse.Namespace) -> None:
    """Both tables."""
    rows = []
    for name, each in figures.items():
        for what in PASSES:
            found = each[what]
            share, near = found["share of the matrix rate"], found["floor / time"]
            rows.append(
                (
                    f"{name}, {what}",
                    f"{1000 * found['seconds']['median']:.0f}",
                    f"{found['operations'] / 1e9:.1f}",
                    f"{share['median']:.0%} ({share['low']:.0%} to {share['high']:.0%})",
                    f"{near['median']:.0%}",
                )
            )
    rate = ceilings.rate(options.precision) / 1e9
    title = f"{options.precision}, matrix products {rate:.0f} GFLOP/s, {options.batch} clips of {options.size} pixels"
    show(title, ("pass", "ms", "GFLOP", "share of the matrix rate", "floor / time"), rows)
    for name, each in figures.items():
        if TORCH_POOL in each:
            print(
                "{}, {}: {median:.3f} ({low:.3f} to {high:.3f}) times as long".format(
                    name, TORCH_POOL, **each[TORCH_POOL]
                )
            )
    kinds = [
        (name, *(f"{share:.0%}" for share in each["shares of the time"].values())) for name, each in figures.items()
    ]
    show("Where the time of both passes goes", ("encoder", *KINDS, "other"), kinds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoders", nargs="*", choices=[[], *ENCODERS], metavar="ENCODER")
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--size", type=int, default=56)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--precision", choices=list(PRECISIONS), default="float32")
    parser.add_argument("--torch-pool", action="store_true", help="measure torch's max pool beside")
    parser.add_argument("--fused", action="store_true", help="norm, sum and ReLU by our own kernels (GPUs)")
    parser.add_argument("--channels-last", action="store_true", help="channels innermost (channels_last_3d)")
    add_options(parser, rounds=5)
    main(parser.parse_args())
