"""Fine-tuning from several pretrained encoders and from scratch, one group out at a time, as one table.

    for seed in 0 1 2; do
      for recipe in hdc sc tc; do
        unreel pretrain FOLDER --out runs/$recipe-$seed --recipe $recipe-small --seed $seed
      done
    done
    python benchmarks/finetuning.py FOLDER --runs runs/*-? --out runs/finetuned --group-pattern '/([a-z]+)_'

Every group (person, source) is held out once: a row's accuracy is over all videos of all groups, each tested by weights
that have learnt from the other groups. All rows have the same steps, learning rate and, per seed, the same draws; that
of scratch has for each seed the weights from which that seed's pretraining began. Fine-tuning runs that are there
already are used, so this can be stopped and run again. Prints Markdown.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from unreel.api import run_finetuning
from unreel.checkpoint import WeightsHeader, read_weights
from unreel.evaluation.recognition import Recognition
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import validated
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepared


@dataclass(frozen=True)
class Start:
    """What fine-tuning begins with; no weights: from scratch, with the encoder of `origin`."""

    name: str
    origin: WeightsHeader
    weights: Path | None


def main() -> None:
    """Fine-tune what is still to be, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="pretraining runs, finished")
    parser.add_argument("--out", type=Path, required=True, help="folder for the fine-tuning runs")
    parser.add_argument("--group-pattern", required=True)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    arguments = parser.parse_args()
    starts = list(_starts(arguments.runs))
    side = starts[0].origin.encoder.prepared_side
    manifest = prepared(arguments.folder, PrepareOptions(side, group_pattern=arguments.group_pattern))
    results: dict[str, dict[int, list[Recognition]]] = {}
    for start in starts:
        found = [
            _tested(start, manifest, group, arguments) for group in sorted({each.group for each in manifest.usable})
        ]
        results.setdefault(start.name, {})[start.origin.seed] = found
    print(_table(results))


def _starts(runs: list[Path]) -> Iterator[Start]:
    """Seed by seed: scratch, then every run of that seed."""
    origins = {run: read_weights(run).origin for run in runs}
    for seed in sorted({origin.seed for origin in origins.values()}):
        own = {run: origin for run, origin in origins.items() if origin.seed == seed}
        yield Start("scratch", next(iter(own.values())), None)
        yield from (Start(origin.recipe, origin, run) for run, origin in own.items())


def _tested(start: Start, manifest: Manifest, group: str, arguments: argparse.Namespace) -> Recognition:
    values = {
        "folder": manifest.root,
        "out": arguments.out / f"{start.name}-{start.origin.seed}-{group}",
        "weights": start.weights,
        "group_pattern": arguments.group_pattern,
        "test_groups": (group,),
        "steps": arguments.steps,
        "batch_size": arguments.batch_size,
        "learning_rate": arguments.learning_rate,
        "seed": start.origin.seed,
        "checkpoint_every": 0,
        **({} if start.weights else _encoder(start.origin)),
    }
    with redirect_stdout(sys.stderr):
        found = run_finetuning(validated(FinetuneSettings, values, "benchmarks/finetuning.py"))
    assert found is not None
    return found


def _encoder(origin: WeightsHeader) -> dict[str, object]:
    facts = origin.encoder.model_dump()
    return {"encoder": facts.pop("name"), **facts}


def _table(results: dict[str, dict[int, list[Recognition]]]) -> str:
    seeds = sorted(next(iter(results.values())))
    lines = [
        "| from | videos, top-1 | clips, top-1 | " + " | ".join(f"videos, seed {seed}" for seed in seeds) + " | seen |",
        "|---|---:|---:|" + "---:|" * len(seeds) + "---|",
    ]
    for name, by_seed in results.items():
        videos = [100 * _share(by_seed[seed], clips=False) for seed in seeds]
        clips = [100 * _share(by_seed[seed], clips=True) for seed in seeds]
        tests = [test for seed in seeds for test in by_seed[seed]]
        seen = f"{sum(test.seen for test in tests)} of {sum(test.expected for test in tests)}"
        each = " | ".join(f"{value:.1f}" for value in videos)
        lines.append(f"| {name} | {_spread(videos)} | {_spread(clips)} | {each} | {seen} |")
    return "\n".join(lines)


def _share(tests: list[Recognition], *, clips: bool) -> float:
    """Accuracy over the videos, or the clips, of all tests together."""
    predictions = [each for test in tests for each in test.predictions]
    if clips:
        return sum(each.clips_top1 for each in predictions) / sum(each.clips for each in predictions)
    return sum(each.place == 1 for each in predictions) / len(predictions)


def _spread(values: list[float]) -> str:
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
