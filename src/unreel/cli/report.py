"""`unreel report`."""

import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from shutil import which

import tyro

from unreel.cli.parsing import parse
from unreel.errors import CollectionError, RunError
from unreel.settings.model import Settings, read_settings
from unreel.settings.pretraining import PretrainSettings


class Report(Settings):
    """Make one self-contained page from a run: what was scanned, curves, retrieval table, moving gallery, map."""

    run: tyro.conf.Positional[Path]
    """Run folder."""
    out: Path
    """Page to make (.html)."""
    folder: Path | None = None
    """Folder of videos shown; none given: the one of the run."""
    evaluation: Path | None = None
    """Results of `unreel evaluate retrieval`; none given: RUN/evaluation, where there is one."""
    embeddings: tuple[Path, ...] = ()
    """Tables of `unreel embed`, one map each; none given: RUN/embeddings.parquet, where there is one."""
    title: str = "unreel"


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(Report, "report", arguments)
    print(f"report: {run(settings)}")


def run(settings: Report) -> Path:
    """Gather what the run left and write the page."""
    from unreel.engine.outputs import check_free
    from unreel.evaluation.results import read_retrievals
    from unreel.reporting.page import ReportInputs, write_report
    from unreel.search.table import read_vectors
    from unreel.training.metrics import read_metrics
    from unreel.video.options import PrepareOptions
    from unreel.video.prepare import prepared

    check_free(settings.out)
    if not (settings.run / "settings.yaml").is_file():
        raise RunError(f"{settings.run} is no run folder: it holds no settings.yaml, as `unreel pretrain` leaves it.")
    pretraining = read_settings(PretrainSettings, settings.run / "settings.yaml")
    options = PrepareOptions(pretraining.encoder_settings.prepared_side, group_pattern=pretraining.group_pattern)
    evaluation = settings.evaluation or settings.run / "evaluation"
    results = evaluation / "retrieval.json"
    if settings.evaluation and not results.is_file():
        raise CollectionError(f"{evaluation} holds no retrieval.json. Make it with: unreel evaluate retrieval")
    default = settings.run / "embeddings.parquet"
    tables = settings.embeddings or ((default,) if default.exists() else ())
    vectors = {name: each for table in tables for name, each in read_vectors(table).items()}
    versions = json.loads((settings.run / "versions.json").read_text())
    manifest = prepared(settings.folder or pretraining.folder, options)
    metrics = read_metrics(settings.run)
    inputs = ReportInputs(
        title=settings.title,
        subtitle=f"{pretraining.recipe} on {manifest.source or manifest.root}",
        manifest=manifest,
        facts=_facts(pretraining, metrics, versions),
        metrics=metrics,
        retrievals=read_retrievals(results) if results.is_file() else [],
        vectors=vectors,
        next_steps=next_steps(settings.run, group_pattern=pretraining.group_pattern),
    )
    return write_report(inputs, settings.out, seed=pretraining.seed)


def next_steps(run: Path, *, group_pattern: str | None = None) -> list[str]:
    """What to type with one's own videos."""
    groups = f" --group-pattern '{group_pattern}'" if group_pattern else ""
    unreel = _typed("unreel")
    return [
        f"{unreel} pretrain FOLDER --out runs/mine --recipe hdc-small --steps 2000",
        f"{unreel} evaluate retrieval runs/mine FOLDER --out runs/mine/evaluation{groups}",
        f"{unreel} embed runs/mine FOLDER --out runs/mine/embeddings.parquet",
        f"{unreel} report runs/mine --out runs/mine/report.html",
        f"{_typed('tensorboard')} --logdir {run}",
    ]


def _typed(program: str) -> str:
    """How to call a program of this environment: by its name alone only where the shell would find it."""
    if which(program):
        return program
    beside = Path(sys.executable).with_name(program)
    near = beside.is_relative_to(Path.cwd())
    return str(beside.relative_to(Path.cwd()) if near else beside)


def training_seconds(metrics: list[dict[str, int | float]]) -> float:
    """What all steps took together; each line tells the mean of the steps since the one before it."""
    laps = [(line["step"], line["seconds/step"]) for line in metrics if "seconds/step" in line]
    return sum(((step - before) * pace for (before, _), (step, pace) in pairwise([(0, 0.0), *laps])), 0.0)


def _facts(
    settings: PretrainSettings, metrics: list[dict[str, int | float]], versions: dict[str, str]
) -> dict[str, str]:
    seconds = training_seconds(metrics)
    return {
        "recipe": settings.recipe,
        "encoder": f"{settings.encoder}, width {settings.width:g}, {settings.norm} norm",
        "input": f"{settings.clip_length} frames of {settings.size}×{settings.size}",
        "steps × batch": f"{settings.steps} × {settings.batch_size} videos",
        "learning rate": f"{settings.learning_rate:g}, decay {settings.decay:g}",
        "weights α, β": f"{settings.alpha}, {settings.beta}",
        "seed": str(settings.seed),
        "minutes of training": f"{seconds / 60:.1f}" if seconds else "unknown",
        **versions,
    }
