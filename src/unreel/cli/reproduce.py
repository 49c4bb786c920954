"""`unreel reproduce`."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from pydantic import Field, model_validator

from unreel.cli.inputs.parsing import parse
from unreel.console import Table, say, say_command, show
from unreel.errors import SettingsError, TrainingError
from unreel.settings.model import Folds, PositiveCount, PositiveWorkers, Seed, Settings
from unreel.text import duration_text, unbroken

if TYPE_CHECKING:
    from unreel.reproduction.budget import Budget
    from unreel.reproduction.paper import PaperTable
    from unreel.reproduction.plan import ReproductionPlan
    from unreel.reproduction.runner import RunnerReport
    from unreel.reproduction.sources import Source
    from unreel.settings.finetuning import FinetuneSettings
    from unreel.settings.pretraining import PretrainSettings


ON_FOLDERS = ("evidence", "rivals")
"""Targets that are evaluated on a folder of one's own."""


class ReproduceSettings(Settings):
    """Run what a table or figure of the paper needs, or resume it, and print ours beside the paper's numbers.

    With --scale paper DATA holds the folders kinetics400, UCF-101 and hmdb51, with their official lists; with another
    scale, and for evidence and rivals, it is any folder of labelled videos, which are learnt from without their labels
    (or others, --pretrain-data) and then evaluated by them. Every job is an unreel command, printed as it could be
    typed, and runs on a GPU of its own where there are any. Stopped or killed, the same command resumes it.
    """

    target: tyro.conf.Positional[
        Literal["table1", "table2", "table3", "table4", "table5", "figure1", "figure4", "sec41", "evidence", "rivals"]
    ]
    """Table, figure, evidence, or comparison with the paper's rivals."""
    data: Path
    """Folder of the data sets; for evidence and rivals, or with another scale than the paper's, a folder of labelled
    videos."""
    out: Path | None = None
    """Folder for all runs and tables, shared by all targets; default: runs/reproduction or, small,
    runs/reproduction-small, runs/evidence or runs/rivals."""
    dry_run: bool = False
    """List the jobs with their estimated time and storage; nothing is run or written."""
    scale: str = "paper"
    """paper: as the paper did it; small: at a size for a CPU, about an hour; or a YAML file of settings that all rows
    begin with, under the keys pretrain and finetune, and a note for the table."""
    exclude: str | None = None
    """Evidence and rivals: regular expression; no video in whose path it is found is pretrained on, as those of the
    persons that are tested."""
    rows: tuple[str, ...] = ()
    """Rows to run; default: all, but of Tables 3 to 5 no rivals and no baselines (motion-map, mean-frame,
    colour-histogram), which are run when they are named."""
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    """Seeds of every row; of several, mean and standard deviation are shown."""
    steps: PositiveCount | None = None
    """Steps of pretraining; default: the scale's, or those of --epochs."""
    epochs: PositiveCount = 200
    """Passes over the pretraining videos, which the paper does not state; for scales without steps."""
    finetune_steps: PositiveCount | None = None
    """Steps of fine-tuning; default: the scale's, or 10,000."""
    folds: Folds = 3
    """A folder of labelled videos: parts that are tested in turn, groups kept whole."""
    group_pattern: str | None = None
    """A folder of labelled videos: regular expression whose first group, found in a video's path, names its group
    (person, source), which is never both learnt from and tested."""
    label: str | None = None
    """A folder of labelled videos: name of the label that scores, where there are several."""
    pretrain_data: Path | None = None
    """Videos to pretrain on; default: kinetics400 in DATA or, where DATA is labelled videos, DATA itself."""
    ucf101: Path | None = None
    """Folder of UCF101, or of its prepared videos; default: UCF-101 in DATA."""
    hmdb51: Path | None = None
    """Folder of HMDB51, or of its prepared videos; default: hmdb51 in DATA."""
    lists: Path | None = None
    """Folder of the official lists; default: they are looked for in the data sets' folders and beside them."""
    allow_leaks: tuple[str, ...] = ()
    """Names of what fine-tuning may know of its test: ids of tested videos, groups, or a reason ("near duplicate")."""
    pretrain_options: str = ""
    """Further options of `unreel pretrain`, in one word: --pretrain-options="--precision bf16-mixed"."""
    finetune_options: str = ""
    """Further options of `unreel evaluate finetune`."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    at_once: PositiveWorkers = 1
    """Jobs that run at a time on CPUs, each on its share of them: with small encoders several take less time
    together than one after the other. Other numbers of threads give other last digits."""

    @model_validator(mode="after")
    def _exclude_from_evidence(self) -> "ReproduceSettings":
        if self.exclude is not None and self.target not in ON_FOLDERS:
            raise ValueError(
                f"exclude is {self.exclude!r} for {self.target}, expected it for {' and '.join(ON_FOLDERS)} only: the "
                "others name what they pretrain on (--pretrain-data); take it away"
            )
        return self

    @property
    def official(self) -> bool:
        """Whether the paper's data sets evaluate, by their official lists."""
        return self.scale == "paper" and self.target not in ON_FOLDERS


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(ReproduceSettings, "reproduce", arguments), shlex.join(["unreel", "reproduce", *arguments]))


def run(settings: ReproduceSettings, command: str) -> None:
    """Plan, run what is still to be run, print and write the table, which says by which command it was made."""
    from unreel.reproduction import runner
    from unreel.reproduction.learning_curves import write_curves
    from unreel.reproduction.rendering import compared, costs, terminal, write_all
    from unreel.reproduction.results import outcome

    out = (settings.out or _place(settings)).absolute()
    devices = _devices(settings.accelerator, settings.at_once)
    made = _plan(settings, out)
    show_plan(made, devices)
    if settings.dry_run:
        for job in made.jobs:
            say_command(job.command)
        return
    report = runner.run(made.jobs, out, devices)
    found = outcome(made, command)
    show(terminal(found))
    if found.pairs:
        show(compared(found))
    if found.costs:
        show(costs(found))
    if found.complete and not report.failed:
        written = [*write_all(found, out, _made(report)), *made.figures, *write_curves(made, out)]
        say(f"written to {', '.join(map(unbroken, written))}")
    if report.failed:
        lines = [f"  {name}: {why}" for name, why in report.failed.items()]
        raise TrainingError(
            f"{len(report.failed)} of {len(made.jobs)} jobs failed:",
            *lines,
            "Mend what they say; the same command runs these again and keeps the others.",
        )


def show_plan(made: "ReproductionPlan", devices: Sequence[str]) -> None:
    """The jobs, what they are estimated to take, and the videos."""
    from unreel.engine.cpus import cores
    from unreel.planning.rates import EncoderSpeed
    from unreel.reproduction.estimates import seconds_of, span

    pace = EncoderSpeed("cuda") if devices[0] else EncoderSpeed("cpu", threads=max(1, cores() // len(devices)))
    seconds = {job.name: seconds_of(job, pace) for job in made.jobs}
    table = Table(f"plan of {made.table.name}: {len(made.jobs)} jobs", ("job", "about", "MB, about"))
    for job in made.jobs:
        table.add(job.name, duration_text(seconds[job.name]), f"{job.size / 1e6:,.0f}" if job.size else "–")
    on = f"{len(devices)} GPU(s)" if devices[0] else f"the CPUs, {len(devices)} at a time"
    table.lines = [
        f"Estimated: {duration_text(span(made.jobs, seconds, len(devices)))} on {on} and "
        f"{sum(job.size for job in made.jobs) / 1e9:,.1f} GB.",
        "A clip's time is measured here and now, for each encoder; videos "
        "are taken to have ten clips, and prepared ones to be as large as their sources.",
    ]
    show(table)
    for source in made.sources:
        parts = "; ".join(
            f"split {split}: {', '.join(f'{count:,} {part}' for part, count in counts.items())}"
            for split, counts in (source.parts or {}).items()
        )
        say(f"  {source.name}: {source.seen} in {unbroken(source.folder)}{f' ({parts})' if parts else ''}")


def _plan(settings: ReproduceSettings, out: Path) -> "ReproductionPlan":
    from unreel.reproduction.evidence import evidence, rivals
    from unreel.reproduction.paper import TABLES, for_folder, restricted
    from unreel.reproduction.plan import plan
    from unreel.reproduction.sources import folder_of_videos

    budget = _budget(settings)
    if settings.official:
        table = restricted(TABLES[settings.target], settings.rows)
        return plan(table, budget, *_official(settings, table), out)
    evaluated = folder_of_videos("videos", settings.data, settings.group_pattern)
    given = settings.pretrain_data
    learnt = folder_of_videos("pretraining", given) if given else evaluated
    if settings.target in ON_FOLDERS:
        made = evidence if settings.target == "evidence" else rivals
        table = made(learnt.folder.name, evaluated.folder.name, settings.exclude)
        table = restricted(table, settings.rows)
    else:
        table = for_folder(restricted(TABLES[settings.target], settings.rows), evaluated.folder.name)
    return plan(table, budget, learnt, dict.fromkeys(table.data, evaluated), out)


def _place(settings: ReproduceSettings) -> Path:
    """Where runs and tables go if nobody says."""
    if settings.target in ON_FOLDERS:
        return Path("runs", settings.target)
    return Path("runs/reproduction" if settings.official else "runs/reproduction-small")


def _official(settings: ReproduceSettings, table: "PaperTable") -> "tuple[Source, dict[str, Source]]":
    """The pretraining videos, and the data sets that evaluate."""
    from unreel.reproduction.sources import Source, official, pretraining

    for name in ("group_pattern", "label"):
        if getattr(settings, name) is not None:
            option = name.replace("_", "-")
            raise SettingsError(
                f"got --{option} with --scale paper, whose lists say that. Leave it away, or give --scale small."
            )
    places = {"ucf101": settings.ucf101, "hmdb51": settings.hmdb51}
    evaluated: dict[str, Source] = {
        name: official(name, places[name], settings.data, settings.lists, table.splits) for name in table.data
    }
    return pretraining(settings.pretrain_data, settings.data), evaluated


def _budget(settings: ReproduceSettings) -> "Budget":
    from unreel.reproduction.budget import Budget, read_scale

    budget = Budget(
        scale=read_scale(settings.scale),
        exclude=settings.exclude,
        epochs=settings.epochs,
        steps=settings.steps,
        folds=settings.folds,
        seeds=settings.seeds,
        label=settings.label,
        allow_leaks=settings.allow_leaks,
        how=() if settings.accelerator == "auto" else ("--accelerator", settings.accelerator),
    )
    if settings.target == "rivals":
        from unreel.reproduction.evidence import RIVALS_FRAMES

        shared = {"min_frames": RIVALS_FRAMES, **budget.scale.pretrain}
        budget = replace(budget, scale=budget.scale.model_copy(update={"pretrain": shared}))
    pretrain, finetune = (_words(getattr(settings, name), name) for name in ("pretrain_options", "finetune_options"))
    tuning = {"steps": settings.finetune_steps} if settings.finetune_steps else {}
    return replace(
        budget,
        pretrain_words=pretrain,
        pretrain_changes=_changes(budget.pretraining("hdc"), pretrain, "pretrain-options"),
        finetune_words=finetune,
        finetune_changes=_changes(budget.finetuning, finetune, "finetune-options") | tuning,
    )


def _words(text: str, name: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        option = name.replace("_", "-")
        raise SettingsError(
            f"got --{option} {text!r} ({error}), expected options as in a shell. Mend the quotes."
        ) from None


def _changes(start: "PretrainSettings | FinetuneSettings", words: Sequence[str], name: str) -> dict[str, Any]:
    """The settings that further options change: a mistake in them is told before anything runs."""
    from unreel.reproduction.budget import PLANNED

    changed = parse(type(start), f"reproduce --{name}", ["-", "--out", "-", *words], default=start)
    before, after = ({**dict(each), **dict(each.encoder), "encoder": each.encoder.name} for each in (start, changed))
    differ = {name: after[name] for name in before if before[name] != after[name]}
    if taken := sorted(PLANNED.intersection(differ)):
        raise SettingsError(
            f"got --{name} with {', '.join(taken)}, which the plan decides. Leave it away, or see the options of "
            "unreel reproduce."
        )
    return {name: value for name, value in differ.items() if name not in ("augmentation", "name")}


def _devices(accelerator: str, at_once: int) -> list[str]:
    """The names of the GPUs, or "" for each job that CPUs run at a time."""
    import torch

    from unreel.engine.device import check_device

    check_device(accelerator)
    if accelerator not in ("auto", "cuda") or not torch.cuda.is_available():
        return [""] * at_once
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(number) for number in range(torch.cuda.device_count())]


def _made(report: "RunnerReport") -> str:
    """When, and how long: in a line of its own, for it differs where all else is the same."""
    return f"Made on {date.today().isoformat()}; its jobs took {sum(report.seconds.values()) / 60:.1f} minutes."
