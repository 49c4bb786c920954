"""What `unreel evaluate test` and `unreel evaluate finetune` show beside the accuracies of one test."""

from unreel.cli.tables.collection_summary import LISTED, print_reasons
from unreel.cli.tables.evaluation_tables import seen
from unreel.console import Table, say, show
from unreel.evaluation.finetune_results import Finetuned
from unreel.evaluation.recognition import Recognition
from unreel.text import excerpt, quoted, unbroken

_COLUMNS = {"video/top1": "videos, top-1", "video/top5": "top-5", "clip/top1": "clips, top-1", "clip/top5": "top-5"}


def print_mistakes(found: Recognition) -> None:
    """The pairs of classes that were taken for each other most often."""
    from unreel.reporting.confusion import recognition_confusion

    mistakes = recognition_confusion("", found).mistakes[:LISTED]
    if not mistakes:
        say("no video was taken for another class")
        return
    columns = ("class", "taken for", "videos", "of its videos")
    table = Table("most frequent mistakes", columns, left=("taken for",))
    for each in mistakes:
        table.add(each.name, each.taken_for, each.count, f"{each.share:.0%}")
    show(table)


def print_finetuned(found: Finetuned) -> None:
    """The accuracies of every split or fold and of all together, and what was not seen."""
    begun = f"{excerpt(found.encoder)} ({excerpt(found.checkpoint)})"
    say(f"recognition of {quoted(found.label)} of {unbroken(found.collection)}, from {begun}")
    whole = "all videos" if found.division == "folds" else "mean"
    caption = f"percent; {found.protocol}; seed {found.seed}"
    if found.deviations:
        caption += "; ± standard deviation over the splits"
    part_name = "split" if found.division == "splits" else "fold"
    columns = (part_name, *(_COLUMNS[name] for name in found.figures), "seen")
    table = Table("fine-tuned and tested", columns, [caption])
    for part in found.parts:
        cells = (f"{100 * part.figures[name]:.1f}" for name in found.figures)
        table.add(part.split.removesuffix(", test"), *cells, seen(part))
    if len(found.parts) > 1:
        cells = (f"{100 * value:.1f}{_deviation(found, name)}" for name, value in found.figures.items())
        table.add(whole, *cells, seen(found))
    show(table)
    for part in found.parts:
        if part.missing:
            say(f"(!) {excerpt(part.split)}: seen {part.seen:,} of {part.expected:,} videos")
        print_reasons(part.missing)


def _deviation(found: Finetuned, name: str) -> str:
    return f" ± {100 * found.deviations[name]:.1f}" if found.deviations else ""
