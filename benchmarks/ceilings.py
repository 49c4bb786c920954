"""What this machine can do at most: multiply matrices, and copy memory.

    python benchmarks/ceilings.py [--threads 1] [--rounds 5] [--device cpu] [--out FILE]

The matrix rate is that of the best of several square products, in float32 and in bfloat16, 2·n³ operations each; the
bandwidth that of copying a block far larger than any cache, bytes read plus bytes written. Both are the best of the
rounds: a ceiling is what was reached once. The other benchmarks measure them in their own run and compare with them.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from measuring import PRECISIONS, add_options, bars, lap, show, write

SIDES = {"cpu": (1024, 2048), "cuda": (4096, 8192)}
BLOCK = {"cpu": 256 << 20, "cuda": 1 << 30}  # bytes


@dataclass(frozen=True)
class Ceilings:
    """Operations per second in either precision, and bytes per second."""

    float32: float
    bfloat16: float
    bytes_per_second: float
    threads: int

    def rate(self, precision: str) -> float:
        """Operations per second in that precision."""
        return self.bfloat16 if precision == "bfloat16" else self.float32


def measure(device: str, rounds: int, sides: Sequence[int] | None = None) -> Ceilings:
    """The ceilings, with as many threads as torch has now, from products of matrices of these sides."""
    rates = {
        name: max(_matrix_rate(side, dtype, device, rounds) for side in sides or SIDES[device])
        for name, dtype in PRECISIONS.items()
    }
    return Ceilings(**rates, bytes_per_second=_bandwidth(device, rounds), threads=torch.get_num_threads())


def _matrix_rate(side: int, dtype: torch.dtype, device: str, rounds: int) -> float:
    first, second, product = (torch.randn(side, side, device=device).to(dtype) for _ in range(3))
    return 2 * side**3 / _least(lambda: torch.mm(first, second, out=product), device, rounds)


def _bandwidth(device: str, rounds: int) -> float:
    source = torch.ones(BLOCK[device], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * BLOCK[device] / _least(lambda: target.copy_(source), device, rounds)


def _least(work: Callable[[], object], device: str, rounds: int) -> float:
    """Seconds of the fastest round; on a CPU with one thread by CPU time, which no neighbour adds to."""
    laps = [lap(work, device) for _ in range(1 + rounds)][1:]
    by_clock = device != "cpu" or torch.get_num_threads() > 1
    return min(clock if by_clock else CPU for clock, CPU in laps)


def main(options: argparse.Namespace) -> None:
    """Measure, print and write."""
    torch.set_num_threads(options.threads)
    found = measure(options.device, options.rounds, options.sides)
    rates = {name: found.rate(name) / 1e9 for name in PRECISIONS}
    rows = [(f"matrix product, {name}", f"{rate:.1f} GFLOP/s") for name, rate in rates.items()]
    rows.append(("copy", f"{found.bytes_per_second / 1e9:.1f} GB/s"))
    show(f"{options.device}, {options.threads} threads", ("ceiling", "rate"), rows)
    chart = bars("Matrix rate", "GFLOP/s", {name: {"median": rate} for name, rate in rates.items()})
    write(options, {"ceilings": asdict(found), "charts": [chart]})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, rounds=5)
    main(parser.parse_args())
