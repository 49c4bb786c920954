"""`unreel finetune`."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unreel.cli.inputs.parsing import parse
from unreel.cli.tables.collection_summary import labels_line, print_reasons
from unreel.console import Table, say, show
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import read_settings
from unreel.text import excerpt, quoted, unbroken

if TYPE_CHECKING:
    from unreel.evaluation.recognition import Recognition
    from unreel.training.task import Task

NO_TEST = "nothing is tested: name a --split, or --test-groups to hold out"


def main(arguments: Sequence[str]) -> None:
    """Run the verb; --config RUN/settings.yaml starts from the settings of an earlier run."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--config", type=Path)
    chosen, rest = parser.parse_known_args(list(arguments))
    start = read_settings(FinetuneSettings, chosen.config) if chosen.config else None
    run(parse(FinetuneSettings, "finetune", rest, default=start))


def run(settings: FinetuneSettings) -> "Recognition | None":
    """Prepare the folder where that is still to be done, fine-tune, test, print the figures."""
    from unreel.engine.launch import first_here
    from unreel.training.finetune import RESULT

    found = learn(settings)
    if found is not None and first_here():
        print_recognition(found)
        say(f"written to {unbroken(settings.out / RESULT)}")
    return found


def learn(settings: FinetuneSettings) -> "Recognition | None":
    """The same, without the figures of the test: say what is learnt from what, fine-tune, test."""
    from unreel.api import run_finetuning
    from unreel.cli.tables.training_summary import print_end, print_start

    def begun(task: "Task") -> None:
        videos, times = len(task.videos), settings.steps * settings.batch_size / len(task.videos)
        tested = {video.id for video in task.test.videos} if task.test else set()
        left_out = {identity: why for identity, why in task.left_out.items() if identity not in tested}
        looks = f"{videos} videos, each {times:.0f} times, {len(left_out)} files left out"
        test = f"tested on {len(tested)} videos ({excerpt(task.test.split)})" if task.test else NO_TEST
        classes = f"learning {len(task.classes)} classes of {quoted(task.label)}"
        print_start(settings, left_out, f"{classes} from {looks}", labels_line(task.collection), f"  {test}")

    found = run_finetuning(settings, begun)
    print_end(settings)
    return found


def print_recognition(found: "Recognition") -> None:
    """The accuracies in a table, and what was not seen."""
    what = f"{len(found.classes)} classes of {quoted(found.label)}, {excerpt(found.split)}"
    say(f"recognition of {what}, after {found.step} steps")
    names = [name for name in ("top1", "top5") if f"video/{name}" in found.figures]
    table = Table("", ("percent of", *names))
    for what in ("video", "clip"):
        table.add(f"{what}s", *(f"{100 * found.figures[f'{what}/{name}']:.1f}" for name in names))
    show(table)
    say(f"{found.seen} of {found.expected} videos seen")
    if found.missing:
        say(f"  not seen: {len(found.missing)}")
    print_reasons(found.missing)
