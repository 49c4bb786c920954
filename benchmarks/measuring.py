"""How the benchmarks of the encoder, the loss and the step measure: alternating rounds, one table, one JSON file.

Every work is done once in a round, another one first in each, so that a drift of the machine meets all alike; a ratio
is the median of the rounds' ratios. Seconds are taken by the clock and as CPU time, which other programs on the
machine disturb less; where a GPU computes, only the clock means something, read after the device has finished.
"""

import argparse
import gc
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from unreel.training.run import versions

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
Work = Callable[[], object]


@dataclass
class Laps:
    """Seconds of every round, by the clock and by CPU time."""

    clock: list[float] = field(default_factory=list)
    CPU: list[float] = field(default_factory=list)

    def seconds(self, device: str) -> list[float]:
        """Those that mean something: CPU time, or the clock where a GPU computes."""
        return self.CPU if device == "cpu" else self.clock


def synchronize(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device != "cpu":
        torch.cuda.synchronize()


def lap(work: Work, device: str) -> tuple[float, float]:
    """Seconds that the work takes, by the clock and by CPU time."""
    synchronize(device)
    started, used = perf_counter(), process_time()
    work()
    synchronize(device)
    return perf_counter() - started, process_time() - used


def alternate(works: Mapping[str, Work], rounds: int, device: str) -> dict[str, Laps]:
    """The laps of all works, after one round that warms up."""
    laps = {name: Laps() for name in works}
    names = list(works)
    for number in range(1 + rounds):
        first = number % len(names)
        for name in [*names, *names][first : first + len(names)]:
            gc.collect()
            clock, CPU = lap(works[name], device)
            if number:
                laps[name].clock.append(clock)
                laps[name].CPU.append(CPU)
    return laps


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {"median": median(values), "low": min(values), "high": max(values)}


def ratio(others: Laps, own: Laps, device: str) -> dict[str, float]:
    """How many times as long the others take: the median of the rounds' ratios, and their spread."""
    pairs = zip(others.seconds(device), own.seconds(device), strict=True)
    return spread([other / one for other, one in pairs])


def times(figure: Mapping[str, float]) -> str:
    """A ratio and its spread in a table."""
    return "{median:.2f} ({low:.2f} to {high:.2f})".format(**figure)


def bytes_of(path: str, name: str) -> int:
    """What Linux says in `path` of memory under a name, such as VmHWM in /proc/self/status."""
    line = next(line for line in Path(path).read_text(encoding="ascii").splitlines() if line.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])


def add_options(parser: argparse.ArgumentParser, rounds: int) -> None:
    """Options that these benchmarks have in common."""
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sides", type=int, nargs="+", help="of the square matrices whose product is the ceiling")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON; chart.py draws them")


def bars(
    title: str, unit: str, values: Mapping[str, Mapping[str, float]], limit: float | None = None
) -> dict[str, Any]:
    """A chart for `chart.py`: bars with their spread, and the limit that nothing can pass."""
    return {"title": title, "unit": unit, "limit": limit, "bars": values}


def write(options: argparse.Namespace, figures: Mapping[str, Any]) -> None:
    """Leave the figures in the file asked for, with what is needed to understand them."""
    machine = {"CPU": platform.processor() or platform.machine(), "device": device_name(options.device)}
    content = {"options": vars(options), **figures, **machine, **versions()}
    if options.out:
        options.out.write_text(json.dumps(content, indent=1, default=str) + "\n", encoding="utf-8")


def device_name(device: str) -> str:
    """What the device calls itself."""
    return "cpu" if device == "cpu" else torch.cuda.get_device_name()


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(title=title)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
