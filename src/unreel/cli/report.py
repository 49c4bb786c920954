"""`unreel report`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated

import tyro

from unreel.cli.inputs.contents import RunContents, read_run
from unreel.cli.inputs.naming import names_apart
from unreel.cli.inputs.parsing import parse
from unreel.cli.inputs.results import RECOGNITION, RETRIEVAL, find_result, read_all_retrievals, read_recognitions
from unreel.console import say
from unreel.settings.model import Settings
from unreel.text import unbroken

if TYPE_CHECKING:
    import numpy as np

    from unreel.reporting.recognition import ShownTest
    from unreel.video.collection.manifest import Manifest


class ReportSettings(Settings):
    """Make a page from runs, pretrained or fine-tuned: what was scanned, curves, figures, moving gallery, map.

    Several runs are compared: their curves share the charts, their figures the tables.
    """

    run: tyro.conf.Positional[Path]
    """Run folder."""
    others: tyro.conf.Positional[tuple[Path, ...]] = ()
    """More run folders, to compare."""
    out: Path
    """Page to make (.html)."""
    folder: Path | None = None
    """Folder of videos shown; default: that of each run."""
    evaluation: tuple[Path, ...] = ()
    """Results of `unreel evaluate retrieval`; default: RUN/evaluation, where there is one."""
    embeddings: tuple[Path, ...] = ()
    """Tables of `unreel embed`, one map each; default: RUN/embeddings.lance, where there is one."""
    split_files: Annotated[bool, tyro.conf.arg(aliases=("--split",))] = False
    """Put the moving pictures into a folder beside the page, for large collections; otherwise the page is one file."""
    title: str = "unreel"
    """Title of the page."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    settings = parse(ReportSettings, "report", arguments)
    say(f"report: {unbroken(run(settings))}")


def run(settings: ReportSettings) -> Path:
    """Gather what the runs left and write the page."""
    from unreel.engine.files import check_both_free, check_free
    from unreel.reporting.document import files_beside
    from unreel.reporting.report import ReportInputs, write_report
    from unreel.training.run_summary import differing, summarise

    if settings.split_files:
        check_both_free(settings.out, files_beside(settings.out))
    check_free(settings.out)
    paths = (settings.run, *settings.others)
    runs = [read_run(path, name) for path, name in zip(paths, names_apart(paths), strict=True)]
    results = settings.evaluation or [path for path in paths if find_result(path, RETRIEVAL)]
    main_run = next((run for run in runs if run.pretrained), runs[0])
    manifests = {run.name: run.manifest(settings.folder) for run in runs}
    manifest = manifests[main_run.name]
    others = differing(map(summarise, paths)) if settings.others else []
    inputs = ReportInputs(
        title=settings.title,
        subtitle=f"{_subject(runs)} on {manifest.source or manifest.root}",
        manifest=manifest,
        runs=[run.shown(others) for run in runs],
        retrievals=read_all_retrievals(results),
        vectors=_vectors(settings.embeddings, runs),
        next_steps=next_steps(main_run.path, group_pattern=main_run.settings.group_pattern),
        tests=_tests(runs, manifests),
    )
    return write_report(inputs, settings.out, seed=main_run.settings.seed, split=settings.split_files)


def next_steps(run: Path, *, group_pattern: str | None = None) -> list[str]:
    """What to type with one's own videos."""
    groups = f" --group-pattern '{group_pattern}'" if group_pattern else ""
    unreel = _typed("unreel")
    return [
        f"{unreel} pretrain FOLDER --out runs/mine --recipe hdc-small --steps 2000",
        f"{unreel} evaluate retrieval runs/mine FOLDER --out runs/mine/evaluation{groups}",
        f"{unreel} embed runs/mine FOLDER --out runs/mine/embeddings.lance",
        f"{unreel} report runs/mine --out runs/mine/report.html",
        f"{_typed('tensorboard')} --logdir {run}",
    ]


def _subject(runs: Sequence[RunContents]) -> str:
    if len(runs) > 1:
        return f"{len(runs)} runs"
    return str(getattr(runs[0].settings, "recipe", "fine-tuning"))


def _typed(program: str) -> str:
    """How to call a program of this environment: by its name alone only where the shell would find it."""
    if which(program):
        return program
    beside = Path(sys.executable).with_name(program)
    near = beside.is_relative_to(Path.cwd())
    return str(beside.relative_to(Path.cwd()) if near else beside)


def _vectors(tables: Sequence[Path], runs: Sequence[RunContents]) -> "dict[str, dict[str, np.ndarray]]":
    """The embeddings of every encoder; one of a run whose encoder is called like another's is called by its run too."""
    from unreel.search.table import read_vectors

    if tables:
        return {name: each for table in tables for name, each in read_vectors(table).items()}
    found = [
        (run.name, name, each)
        for run in runs
        if (table := run.path / "embeddings.lance").exists()
        for name, each in read_vectors(table).items()
    ]
    names = [name for _, name, _ in found]
    return {name if names.count(name) == 1 else f"{name} ({run})": each for run, name, each in found}


def _tests(runs: Sequence[RunContents], manifests: "dict[str, Manifest]") -> "list[ShownTest]":
    from unreel.reporting.recognition import ShownTest

    tested = [run for run in runs if find_result(run.path, RECOGNITION)]
    found = read_recognitions([run.path for run in tested])
    return [ShownTest(run.name, test, manifests[run.name]) for run, (_, test) in zip(tested, found, strict=True)]
