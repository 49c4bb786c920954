"""Runs of one or more recipes, evaluated at every level, as one table: mean ± standard deviation over the runs (seeds).

    for seed in 0 1 2; do unreel demo --seed $seed --out runs/shapes-$seed; done
    python benchmarks/seeds.py runs/shapes-0/run runs/shapes-1/run runs/shapes-2/run

Every run is evaluated on the prepared collection it was trained on, its groups kept apart, beside the same encoder
untrained (once, where several runs began with it). Prints Markdown.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from unreel.checkpoint import load_encoder, untrained_encoder
from unreel.evaluation.evaluator import Evaluator
from unreel.evaluation.protocols import ProtocolName
from unreel.settings.hdc import HDCSettings
from unreel.settings.model import read_settings
from unreel.video.collection.manifest import Manifest

PROTOCOLS: tuple[ProtocolName, ...] = ("gap", "centred")


@dataclass(frozen=True)
class Figure:
    """One number of one run, 0 to 1; `row` and `column` say where it belongs."""

    row: tuple[str, str, str]
    column: str
    value: float


def figures(run: Path, evaluated: set[tuple[Path, str]]) -> Iterator[Figure]:
    """All that is evaluated of one run, without the encoders that were evaluated on the same collection before."""
    manifest = Manifest.read(read_settings(HDCSettings, run / "settings.yaml").folder)
    trained = load_encoder(run)
    for encoder in (untrained_encoder(trained), trained):
        if (manifest.root, encoder.checkpoint) in evaluated:
            continue
        evaluated.add((manifest.root, encoder.checkpoint))
        for level, features in Evaluator().features_by_level(encoder, manifest, (3, 4, 5)).items():
            for probe in Evaluator(level).linear(encoder, manifest, features):
                yield Figure((probe.label, f"level {level}", encoder.name), "linear", probe.accuracy)
            for protocol in PROTOCOLS:  # of the same features
                retrieval = Evaluator(level, protocol=protocol).retrieval(encoder, manifest, features)
                for score in retrieval.scores:
                    for k in (1, 5, 10):
                        row = (score.label, f"level {level}", encoder.name)
                        yield Figure(row, f"{protocol} R@{k}", score.hits[k])


def main(runs: list[Path]) -> None:
    """Evaluate every run and print the table."""
    cells: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    evaluated: set[tuple[Path, str]] = set()
    for run in runs:
        for figure in figures(run, evaluated):
            cells.setdefault(figure.row, {}).setdefault(figure.column, []).append(100 * figure.value)
    columns = sorted({column for row in cells.values() for column in row}, key=lambda name: (len(name), name))
    print("| evaluated by | level | encoder | " + " | ".join(columns) + " |")
    print("|---|---|---|" + "---:|" * len(columns))
    for row in sorted(cells, key=lambda row: (row[0], row[1], row[2] != "untrained")):
        print(f"| {' | '.join(row)} | " + " | ".join(_cell(cells[row][column]) for column in columns) + " |")


def _cell(values: list[float]) -> str:
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread}"


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python benchmarks/seeds.py RUN [RUN …]")
    main([Path(word) for word in sys.argv[1:]])
