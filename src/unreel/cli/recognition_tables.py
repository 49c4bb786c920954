"""What `unreel evaluate test` and `unreel evaluate finetune` show beside the accuracies of one test."""

from rich.console import Console
from rich.table import Table

from unreel.cli.evaluation_tables import seen
from unreel.cli.inventory import LISTED, print_reasons
from unreel.evaluation.finetuned import Finetuned
from unreel.evaluation.recognition import Recognition

_COLUMNS = {"video/top1": "videos, top-1", "video/top5": "top-5", "clip/top1": "clips, top-1", "clip/top5": "top-5"}


def print_mistakes(found: Recognition) -> None:
    """The pairs of classes that were taken for each other most often."""
    from unreel.reporting.confusion import recognition_confusion

    mistakes = recognition_confusion("", found).mistakes[:LISTED]
    if not mistakes:
        print("no video was taken for another class")
        return
    table = Table("class", "taken for", title="most frequent mistakes")
    for name in ("videos", "of its videos"):
        table.add_column(name, justify="right")
    for each in mistakes:
        table.add_row(each.name, each.taken_for, str(each.count), f"{each.share:.0%}")
    Console().print(table)


def print_finetuned(found: Finetuned) -> None:
    """The accuracies of every split or fold and of all together, and what was not seen."""
    print(f"recognition of {found.label!r} of {found.collection}, from {found.encoder} ({found.checkpoint})")
    whole = "all videos" if found.division == "folds" else "mean"
    caption = f"percent; {found.protocol}; seed {found.seed}"
    if found.deviations:
        caption += "; ± standard deviation over the splits"
    table = Table(title="fine-tuned and tested", caption=caption)
    table.add_column("split" if found.division == "splits" else "fold")
    for name in (*(_COLUMNS[name] for name in found.figures), "seen"):
        table.add_column(name, justify="right")
    for part in found.parts:
        cells = (f"{100 * part.figures[name]:.1f}" for name in found.figures)
        table.add_row(part.split.removesuffix(", test"), *cells, seen(part))
    if len(found.parts) > 1:
        table.add_section()
        cells = (f"{100 * value:.1f}{_deviation(found, name)}" for name, value in found.figures.items())
        table.add_row(whole, *cells, seen(found))
    Console().print(table)
    for part in found.parts:
        if part.missing:
            print(f"(!) {part.split}: seen {part.seen:,} of {part.expected:,} videos")
        print_reasons(part.missing)


def _deviation(found: Finetuned, name: str) -> str:
    return f" ± {100 * found.deviations[name]:.1f}" if found.deviations else ""
