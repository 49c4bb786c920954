"""`unreel reproduce`."""

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from pydantic import Field, PositiveInt
from rich.console import Console
from rich.table import Table

from unreel.cli.parsing import parse
from unreel.errors import SettingsError, TrainingError
from unreel.settings.model import Settings

if TYPE_CHECKING:
    from unreel.reproduction.plan import Plan
    from unreel.reproduction.runner import Report
    from unreel.reproduction.scale import Scale
    from unreel.reproduction.sources import Source

CPU_SHARE, GPU_SHARE = 0.5, 0.35
"""How much of the rate of a large matrix product training is taken to reach, for the estimates."""


class Reproduce(Settings):
    """Run what a table or figure of the paper needs, or go on with it, and print ours beside the paper's numbers.

    With --scale paper, DATA holds the folders kinetics400, UCF-101 and hmdb51 (unreel fetch); with --scale small it is
    any folder of labelled videos, which are learnt from without their labels and then judged by them, in about an hour
    on two processor cores. Every job is an unreel command, printed as it could be typed.
    """

    target: tyro.conf.Positional[Literal["table1", "table2", "table3", "table4", "table5", "figure1", "figure4"]]
    data: Path
    """Folder of the data sets, or with --scale small a folder of labelled videos."""
    out: Path | None = None
    """Folder for all runs and tables, shared by all targets; none given: runs/reproduction or, small,
    runs/reproduction-small."""
    scale: Literal["paper", "small"] = "paper"
    """As the paper did it, or at a size for a processor."""
    pretrain_data: Path | None = None
    """Videos to pretrain on; none given: kinetics400 in DATA or, small, DATA itself."""
    ucf101: Path | None = None
    """Folder of UCF101; none given: UCF-101 in DATA."""
    hmdb51: Path | None = None
    """Folder of HMDB51; none given: hmdb51 in DATA."""
    group_pattern: str | None = None
    """Small scale: regular expression whose first group, found in a video's path, names its group (person, source),
    which is never both learnt from and tested."""
    rows: tuple[str, ...] = ()
    """Rows to run; none given: all."""
    seeds: tuple[int, ...] = (0,)
    """Seeds of every row; of several, mean and standard deviation are shown."""
    epochs: PositiveInt = 200
    """Passes over the pretraining videos, which the paper does not state (paper scale)."""
    steps: PositiveInt | None = None
    """Steps of pretraining instead."""
    finetune_steps: PositiveInt | None = None
    """Steps of fine-tuning; none given: 10,000, or 100 at the small scale."""
    finetune_batch: PositiveInt | None = None
    """Videos of a step of fine-tuning; none given: 32, or 16 at the small scale."""
    folds: Annotated[int, Field(ge=2)] = 3
    """Small scale: parts of the collection that are held out in turn, groups kept whole."""
    pretrain_options: str = ""
    """Further options of `unreel pretrain`, in one word: "--precision bf16-mixed --compile"."""
    finetune_options: str = ""
    """Further options of `unreel evaluate finetune`."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; of several GPUs each has its own jobs."""
    dry_run: bool = False
    """List the jobs with their estimated time and storage; nothing is run or written."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(Reproduce, "reproduce", arguments))


def run(settings: Reproduce) -> None:
    """Plan, run what is to be run, print and write the table."""
    from unreel.reproduction import runner
    from unreel.reproduction.outcome import outcome
    from unreel.reproduction.paper import TABLES
    from unreel.reproduction.plan import plan, restricted, shown
    from unreel.reproduction.rendering import terminal, write_all

    small = settings.scale == "small"
    table = restricted(TABLES[settings.target], settings.rows)
    scale, out = _scale(settings), settings.out or Path("runs/reproduction-small" if small else "runs/reproduction")
    pretraining, judged = _sources(settings, table.data)
    if small:  # the one folder stands for all data sets
        table = replace(table, data=table.data[:1])
    made = plan(table, scale, pretraining, judged, out)
    devices = _devices(settings)
    show_plan(made, [pretraining, *judged.values()], devices)
    if settings.dry_run:
        return
    report = runner.run(made.jobs, out, devices)
    folder = out / settings.target
    for figure in made.figures:
        print(f"figure: {figure}")
    if made.results:
        names = {data: shown(data, judged) for data in judged}
        found = outcome(made, names, _command())
        Console().print(terminal(found))
        print("written to", ", ".join(map(str, write_all(found, folder))))
        _note_execution(folder, report)
    if report.failed:
        lines = [f"  {name}: {why}" for name, why in report.failed.items()]
        raise TrainingError(
            f"{len(report.failed)} of {len(made.jobs)} jobs failed:\n" + "\n".join(lines) + "\nMend what they say; the "
            "same command runs these again and keeps the others."
        )


def show_plan(made: "Plan", sources: Sequence["Source"], devices: Sequence[str]) -> None:
    """The jobs, what they are estimated to take, and the videos."""
    rate = _rate(devices)
    table = Table(title=f"plan of {made.table.name}: {len(made.jobs)} jobs", caption_justify="left")
    for name in ("job", "hours", "GB"):
        table.add_column(name, justify="left" if name == "job" else "right", no_wrap=name != "job")
    for job in made.jobs:
        hours = f"{job.work / rate / 3600:.2f}" if job.work else "–"
        table.add_row(job.name, hours, f"{job.size / 1e9:.2f}" if job.size else "–")
    hours = sum(job.work for job in made.jobs) / rate / 3600 / len(devices)
    size = sum(job.size for job in made.jobs) / 1e9
    on = f"{len(devices)} GPU(s)" if devices[0] else "the processors"
    table.caption = (
        f"{hours:.1f} hours on {on} and at most {size:.1f} GB, estimated: multiply-adds counted, at "
        f"{rate / 1e12:.2f} · 10¹² operations a second; decoding not counted."
    )
    Console().print(table)
    for name, videos in {each.name: each.videos for each in sources}.items():
        print(f"  {name}: {videos:,} videos")
    for job in made.jobs:
        print(f"  {job.command}")


def _scale(settings: Reproduce) -> "Scale":
    from unreel.reproduction.scale import Scale

    return Scale(
        small=settings.scale == "small",
        epochs=settings.epochs,
        steps=settings.steps,
        finetune_steps=settings.finetune_steps,
        finetune_batch=settings.finetune_batch,
        folds=settings.folds,
        seeds=settings.seeds,
        pretrain_options=_words(settings.pretrain_options, "pretrain-options"),
        finetune_options=_words(settings.finetune_options, "finetune-options"),
        accelerator=settings.accelerator,
    )


def _words(text: str, name: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise SettingsError(
            f"got --{name} {text!r} ({error}), expected options as in a shell. Mend the quotes."
        ) from None


def _sources(settings: Reproduce, data: Sequence[str]) -> tuple["Source", Mapping[str, "Source"]]:
    """The pretraining videos and, by name, the data sets that judge."""
    from unreel.reproduction.sources import found, opened

    given = settings.pretrain_data
    if settings.scale == "small":
        judged = opened("videos", settings.data, group_pattern=settings.group_pattern)
        return opened("pretraining", given) if given else judged, {data[0]: judged}
    if settings.group_pattern is not None:
        raise SettingsError("got --group-pattern with --scale paper, whose lists say the groups. Leave it away.")
    places = {"ucf101": settings.ucf101, "hmdb51": settings.hmdb51}
    return found("kinetics400", given, settings.data), {each: found(each, places[each], settings.data) for each in data}


def _devices(settings: Reproduce) -> list[str]:
    """The numbers of the GPUs, or one "" for the processors."""
    import torch

    if settings.accelerator in ("auto", "cuda") and torch.cuda.is_available():
        return [str(number) for number in range(torch.cuda.device_count())]
    return [""]


def _rate(devices: Sequence[str]) -> float:
    """Floating-point operations a second that training is taken to reach: by a large matrix product, measured now."""
    from time import perf_counter

    import torch

    where, size = ("cuda", 8192) if devices[0] else ("cpu", 1024)
    matrix = torch.randn(size, size, device=where)
    float(torch.mm(matrix, matrix)[0, 0])
    started, count = perf_counter(), 0
    while perf_counter() - started < 0.5:
        float(torch.mm(matrix, matrix)[0, 0])
        count += 1
    return (GPU_SHARE if devices[0] else CPU_SHARE) * 2 * size**3 * count / (perf_counter() - started)


def _command() -> str:
    """What was typed."""
    return shlex.join(["unreel", *sys.argv[1:]])


def _note_execution(folder: Path, report: "Report") -> None:
    """When the table was made and how long that took, apart from it: equal findings are equal files."""
    from unreel.engine.files import write_whole
    from unreel.training.run import versions

    told = {"date": date.today().isoformat(), "seconds": report.seconds, **versions()}
    write_whole(folder / "execution.json", json.dumps(told, indent=1))
