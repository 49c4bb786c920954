"""Does `unreel plan` foretell what a step takes in several processes? Predicted beside measured, on CPUs.

    python benchmarks/scaling.py [--processes 1 2 4] [--recipe hdc-small] [--size …] [--width …] [--batch-size …]
        [--steps 12] [--rounds 2] [--out FILE]

What the model is told is measured first: how long one process takes for the whole batch, a half and a quarter of it (a
line through them gives clips per second and what every step costs), and how long gloo takes to add up 8 MB (bandwidth)
in as many processes. What it foretells is then measured: the same steps
as training takes them (DistributedDataParallel, the loss over the vectors of all processes, SGD), one batch shared
equally, held in memory, one thread each, in every round anew. More processes than cores share the cores, and the model
is told that each computes so many times as slowly.

Run on an otherwise idle machine: another program on its cores slows whichever part it meets.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from unreel import recipes
from unreel.engine import process_group
from unreel.engine.cpus import cores
from unreel.engine.malloc import keep_freed_memory
from unreel.errors import UnreelError
from unreel.methods.hdc import HDC
from unreel.planning.counting import work
from unreel.planning.model import Machine, StepWork, step
from unreel.settings.hdc import HDCSettings
from unreel.training.optimization import sgd
from unreel.training.run import versions
from unreel.types import ClipBatch
from unreel.video.decoding.yuv import Colour

SIZES = (4, 2**16, 2**20, 2**23)
"""Bytes of the messages measured; the last tells the bandwidth, the others show what the model leaves out."""
REPEATED = 15
SHARES = (1, 2, 4)
WARMING = 2
PASSES = {"all-gather": 1, "all-reduce": 2}
"""How often a ring passes a message on: to add it up is to add parts, and to gather them."""
Messages = dict[str, dict[int, float]]


@dataclass(frozen=True)
class Found:
    """What so many processes took: seconds of every step by videos of each, of messages by kind and size."""

    processes: int
    steps: dict[int, list[float]]
    messages: Messages


def main(arguments: argparse.Namespace) -> None:
    """Measure, foretell, print, write."""
    settings, counts = _settings(arguments), sorted({1, *arguments.processes})
    for count in (*counts, *SHARES):
        if settings.batch_size % count:
            raise UnreelError(
                f"got a batch of {settings.batch_size} videos, expected a multiple of {count}, to be cut in so many "
                "equal parts. Choose another --batch-size."
            )
    rounds = [[_measured(settings, count, arguments.steps) for count in counts] for _ in range(arguments.rounds)]
    found = [_together([each[place] for each in rounds]) for place in range(len(counts))]
    asked, alone = work(settings), _machine(found[0], work(settings).views)
    rows = [_row(settings, asked, alone, each) for each in found]
    messages = [line for each in found[1:] for line in _messages(each)]
    print(_markdown(rows))
    print(_markdown(messages))
    if arguments.out:
        content = {
            **{name: value for name, value in vars(arguments).items() if name != "out"},
            "date": date.today().isoformat(),
            "cores": cores(),
            "machine": asdict(alone),
            "work": asdict(asked),
            "steps": rows,
            "messages": messages,
            "seconds": [asdict(each) for each in found],
            **versions(),
        }
        arguments.out.write_text(json.dumps(content, indent=1, default=str), encoding="utf-8")


def _row(settings: HDCSettings, asked: StepWork, alone: Machine, found: Found) -> dict[str, Any]:
    """A number of processes: foretold and measured milliseconds of a step."""
    count, batch, slower = found.processes, settings.batch_size, max(1.0, found.processes / cores())
    bandwidth = _bandwidth(found) if count > 1 else 1.0
    machine = replace(
        alone,
        learnt=alone.learnt / slower,
        step_seconds=alone.step_seconds * slower,
        inside=bandwidth,
        between=bandwidth,
    )
    told, sending = step(asked, machine, batch, count).seconds, asked.sent(batch, count) / bandwidth
    took = mean(found.steps[batch // count])
    return {
        "processes": count,
        "videos each": batch // count,
        "measured, ms": round(1000 * took, 1),
        "of it the middle step": round(1000 * median(found.steps[batch // count]), 1),
        "predicted, ms": round(1000 * told, 1),
        "computing": round(1000 * (told - sending), 1),
        "communicating": round(1000 * sending, 1),
        "predicted / measured": round(told / took, 3),
    }


def _messages(found: Found) -> list[dict[str, Any]]:
    """What the bandwidth foretells of messages of every size."""
    bandwidth = _bandwidth(found)
    return [
        {
            "processes": found.processes,
            "message": kind,
            "KB": round(size / 1000, 1),
            "measured, ms": round(1000 * seconds, 3),
            "predicted, ms": round(1000 * PASSES[kind] * _passed(size, found) / bandwidth, 3),
            "MB/s per process": round(bandwidth / 1e6),
        }
        for kind, sizes in found.messages.items()
        for size, seconds in sizes.items()
    ]


def _bandwidth(found: Found) -> float:
    """Bytes per second of gloo's ring, from the largest message that was added up."""
    return PASSES["all-reduce"] * _passed(SIZES[-1], found) / found.messages["all-reduce"][SIZES[-1]]


def _passed(size: int, found: Found) -> float:
    """Bytes that each process sends until all have the `size` bytes of which each had a part."""
    return size * (found.processes - 1) / found.processes


def _machine(alone: Found, views: float) -> Machine:
    """A line through the times of one process for shares of the batch; nothing is read."""
    videos = sorted(alone.steps)
    slope, fixed = np.polyfit(videos, [mean(alone.steps[each]) for each in videos], 1)
    return Machine(float(views / slope), 1.0, 0.0, 1.0, 1.0, step_seconds=max(0.0, float(fixed)))


def _together(rounds: list[Found]) -> Found:
    """The steps of all rounds, the median of their messages."""
    first = rounds[0]
    steps = {size: [each for one in rounds for each in one.steps[size]] for size in first.steps}
    messages = {
        kind: {size: median(one.messages[kind][size] for one in rounds) for size in sizes}
        for kind, sizes in first.messages.items()
    }
    return Found(first.processes, steps, messages)


def _measured(settings: HDCSettings, count: int, steps: int) -> Found:
    """Start so many processes; what the first of them has noted."""
    with TemporaryDirectory() as folder:
        spawn(_process, (count, folder, settings, steps), nprocs=count)  # type: ignore[no-untyped-call]
        noted = json.loads(Path(folder, "found.json").read_text())
    steps_noted = {int(size): seconds for size, seconds in noted["steps"].items()}
    messages = {kind: {int(size): each for size, each in sizes.items()} for kind, sizes in noted["messages"].items()}
    return Found(count, steps_noted, messages)


def _process(rank: int, count: int, folder: str, settings: HDCSettings, steps: int) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    if count > 1:
        distributed.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=count)
    own = settings.batch_size // count
    shares = [own // share for share in SHARES] if count == 1 else [own]
    take = _stepper(settings, parallel=count > 1)
    seconds = {size: _seconds(take, _noise(settings, size, rank), steps) for size in shares}
    found = {"steps": seconds, "messages": _sent(count) if count > 1 else {}}
    if rank == 0:
        Path(folder, "found.json").write_text(json.dumps(found))
    if count > 1:
        distributed.barrier()
        os._exit(0)  # gloo's threads, taken apart while another process still ends, abort now and then


def _seconds(take: Callable[[ClipBatch], None], batch: ClipBatch, steps: int) -> list[float]:
    """Seconds of every step, after some to warm up."""
    for _ in range(WARMING):
        take(batch)
    marks = [perf_counter()]
    for _ in range(steps):
        take(batch)
        marks.append(perf_counter())
    return [after - before for before, after in pairwise(marks)]


def _stepper(settings: HDCSettings, *, parallel: bool) -> Callable[[ClipBatch], None]:
    """A step as training takes it, the question whether to stop included."""
    torch.manual_seed(settings.seed)
    method = HDC(settings)
    optimizer = sgd(method, settings)
    model = DistributedDataParallel(method, gradient_as_bucket_view=True) if parallel else method

    def take(batch: ClipBatch) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16-mixed"):
            outputs = model(batch)
        loss = method.loss(outputs)
        optimizer.zero_grad()
        loss.total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        process_group.any_of(False)

    return take


def _noise(settings: HDCSettings, count: int, rank: int) -> ClipBatch:
    """Two clips of each of `count` videos."""
    side, frames = settings.encoder_settings.prepared_side, settings.encoder.clip_length
    chance = torch.Generator().manual_seed(rank)
    luma = torch.randint(16, 236, (count, 2, frames, side, side), generator=chance, dtype=torch.uint8)
    shape = (count, 2, frames, 2, side // 2, side // 2)
    chroma = torch.randint(16, 240, shape, generator=chance, dtype=torch.uint8)
    to_rgb = torch.from_numpy(Colour("bt601", False).to_rgb()).expand(count, 3, 4)
    return ClipBatch(luma, chroma, to_rgb, tuple(f"{rank}-{number}.mp4" for number in range(count)))


def _sent(count: int) -> Messages:
    """Median seconds of messages: `size` is the bytes of what is added up, or of what all have gathered."""
    found: Messages = {"all-reduce": {}, "all-gather": {}}
    for size in SIZES:
        whole = torch.zeros(max(1, size // 4))
        parts = list(torch.zeros(count, max(1, size // 4 // count)))
        ways: dict[str, Callable[[], object]] = {
            "all-reduce": lambda whole=whole: distributed.all_reduce(whole),
            "all-gather": lambda parts=parts: distributed.all_gather(list(parts), parts[0].clone()),
        }
        for kind, send in ways.items():
            seconds = []
            for _ in range(REPEATED):
                distributed.barrier()
                started = perf_counter()
                send()
                seconds.append(perf_counter() - started)
            found[kind][size] = median(seconds)
    return found


def _markdown(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    lines = [list(rows[0]), ["---:"] * len(rows[0]), *([str(each) for each in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _settings(arguments: argparse.Namespace) -> HDCSettings:
    given = {name: getattr(arguments, name) for name in ("size", "width", "clip_length", "batch_size", "precision")}
    chosen = {name: value for name, value in given.items() if value is not None}
    return HDCSettings.model_validate(
        {**recipes.changes(arguments.recipe), **chosen, "folder": "noise", "out": "nowhere"}
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--recipe", default="hdc-small")
    parser.add_argument("--size", type=int)
    parser.add_argument("--width", type=float)
    parser.add_argument("--clip-length", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--precision", choices=["32-true", "bf16-mixed"])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path)
    try:
        main(parser.parse_args())
    except UnreelError as error:
        sys.exit(str(error))
