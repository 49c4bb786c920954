"""`unreel figure retrieval`, `confusion`, `classes` and `looks`: one figure, as a page or for paper."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from pydantic import Field

from unreel.cli.inputs.encoder import EncoderCode
from unreel.cli.inputs.figure_inputs import are_tests, chosen_label, collection_of, rename, scored_by, select_split
from unreel.cli.inputs.parsing import parse
from unreel.cli.inputs.results import read_recognitions
from unreel.console import explain, say
from unreel.errors import CollectionError, SettingsError
from unreel.settings.model import Count, Seed, Settings
from unreel.text import excerpt, unbroken

if TYPE_CHECKING:
    from unreel.reporting.confusion import Confusion

Places = Annotated[tuple[Path, ...], Field(min_length=1)]

HELP = """usage: unreel figure KIND … --out FIGURE.html|.pdf|.png [OPTIONS]

  retrieval  queries and what every encoder finds for them, side by side, as in the paper's Figures 1 and 4
  confusion  what the videos of each class were taken for
  classes    how well each class is found or recognised
  looks      where an encoder sees that two videos are alike

A page moves; PDF and PNG are for papers. `unreel figure KIND --help` explains all options."""


class RetrievalFigure(Settings):
    """Draw queries and the nearest videos that every encoder finds for them, as in the paper's Figures 1 and 4."""

    evaluation: tyro.conf.Positional[Places]
    """Results of `unreel evaluate retrieval`, or runs that hold some; their encoders are compared in this order."""
    out: Path
    """Figure to make (.html, .pdf or .png)."""
    folder: Path | None = None
    """Folder of the videos; default: the one that the results name."""
    hits: Annotated[int, Field(ge=1, le=5)] = 1
    """Nearest videos shown for each query."""
    rows: Annotated[int, Field(ge=1, le=1000)] = 4
    """Queries drawn."""
    pick: Literal["random", "differing"] = "random"
    """Draw them from all queries, or from those that some encoders answer rightly and others do not."""
    queries: tuple[str, ...] = ()
    """Ids of the queries to show, instead of drawing some."""
    label: str | None = None
    """Label that scores; default: the first that the results have."""
    split: str | None = None
    """Split whose results are shown, where there are several; default: the first."""
    untrained: bool = False
    """Show the untrained encoder too, and baselines."""
    names: tuple[str, ...] = ()
    """What the encoders are called in the figure, in their order."""
    frames: Annotated[int, Field(ge=1, le=12)] = 3
    """Frames of each video on paper."""
    seed: Seed = 0
    """Draws the queries."""


class ConfusionFigure(Settings):
    """Draw what the videos of each class were taken for: by a classifier, or by their nearest neighbour."""

    results: tyro.conf.Positional[Places]
    """Fine-tuned runs, or results of `unreel evaluate retrieval`; one figure each: tabs of a page, pages of a PDF."""
    out: Path
    """Figure to make (.html, .pdf or .png)."""
    folder: Path | None = None
    """Folder of the videos, whose labels score neighbours; default: the one that the results name."""
    label: str | None = None
    """Label that scores neighbours; default: the first that the results have."""
    untrained: bool = False
    """Show the untrained encoder too, and baselines."""


class ClassesFigure(Settings):
    """Draw how well each class is found (R@1 and mAP) or recognised (top-1), encoders or runs beside each other."""

    results: tyro.conf.Positional[Places]
    """Fine-tuned runs, or results of `unreel evaluate retrieval`."""
    out: Path
    """Figure to make (.html, .pdf or .png)."""
    label: str | None = None
    """Label whose classes are shown; default: the first that the results have."""
    untrained: bool = True
    """Show the untrained encoder too, and baselines."""


class LooksFigure(EncoderCode):
    """Draw where an encoder sees that two videos are alike: each position of one against the mean of the other."""

    run: tyro.conf.Positional[Path]
    """Run folder, or one weights file."""
    folder: tyro.conf.Positional[Path]
    """Folder of videos, or of prepared videos."""
    query: str
    """Id of one video: its path inside the folder."""
    hit: str
    """Id of the other."""
    out: Path
    """Figure to make (.html, .pdf or .png)."""
    levels: tuple[Count | str, ...] = ()
    """Blocks of the encoder; default: all that give features."""
    frames: Annotated[int, Field(ge=1, le=16)] = 6
    """Frames of each clip on paper."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    if not arguments or arguments[0] in ("-h", "--help"):
        explain(HELP)
        return
    kinds: Mapping[str, Callable[[Sequence[str]], Path]] = {
        "retrieval": lambda words: retrieval(parse(RetrievalFigure, "figure retrieval", words)),
        "confusion": lambda words: confusion(parse(ConfusionFigure, "figure confusion", words)),
        "classes": lambda words: classes(parse(ClassesFigure, "figure classes", words)),
        "looks": lambda words: looks(parse(LooksFigure, "figure looks", words)),
    }
    kind = arguments[0]
    if kind not in kinds:
        raise SettingsError(f"got figure {kind!r}, expected one of: {', '.join(kinds)}. See unreel figure --help")
    say(f"figure: {unbroken(kinds[kind](arguments[1:]))}")


def retrieval(settings: RetrievalFigure) -> Path:
    """Make the figure of queries and hits.

    Raises:
        CollectionError: there are no such results, or nothing to show of them.
        SettingsError: the file's name, the number of names or the split makes no sense.
    """
    from unreel.reporting.figure_page import write_side_by_side
    from unreel.reporting.hits_figure import print_side_by_side
    from unreel.reporting.paper_figure import save_figures
    from unreel.reporting.side_by_side import Choosing, side_by_side
    from unreel.reporting.strips import CLOSE, PAPER

    _check_out(settings.out)
    results = rename(select_split(scored_by(settings.evaluation, settings.untrained), settings.split), settings.names)
    manifest = collection_of(settings.folder, results)
    label = chosen_label(settings.label, results, manifest.label_names)
    named = settings.queries
    choosing = Choosing(label, settings.hits, settings.rows, settings.pick, named, settings.seed)
    is_page = settings.out.suffix.lower() == ".html"
    figure = side_by_side(manifest, results, choosing, CLOSE if is_page else PAPER)
    for each in figure.lost:
        say(f"  not shown: {unbroken(each.id)}: {excerpt(each.reason)}")
    if is_page:
        return write_side_by_side(figure, settings.out)
    return save_figures([print_side_by_side(figure, settings.frames)], settings.out)


def confusion(settings: ConfusionFigure) -> Path:
    """Make the figure of what was taken for what.

    Raises:
        CollectionError: there are no such results.
        SettingsError: the file's name makes no sense, or it can hold one figure and there are several.
    """
    from unreel.reporting.classes_figure import print_confusion
    from unreel.reporting.figure_page import write_confusions
    from unreel.reporting.paper_figure import save_figures

    _check_out(settings.out)
    found = _confusions(settings)
    if settings.out.suffix.lower() == ".html":
        return write_confusions(found, settings.out)
    return save_figures([print_confusion(each) for each in found], settings.out)


def classes(settings: ClassesFigure) -> Path:
    """Make the figure of every class.

    Raises:
        CollectionError: there are no such results, or they do not tell classes apart.
        SettingsError: the file's name or the label makes no sense.
    """
    from unreel.reporting.classes import recognition_classes, retrieval_classes
    from unreel.reporting.classes_figure import print_classes
    from unreel.reporting.coverage import recognition_shortfalls, shortfalls
    from unreel.reporting.figure_page import write_classes
    from unreel.reporting.paper_figure import save_figures
    from unreel.reporting.scores import settings as settings_of

    _check_out(settings.out)
    if are_tests(settings.results):
        tests = read_recognitions(settings.results)
        (table, *others), fewer = recognition_classes(tests), recognition_shortfalls(tests)
        if others:
            raise CollectionError(
                f"{', '.join(name for name, _ in tests)} tell different classes apart; expected tests of the same "
                "classes. Make a figure of each."
            )
        remarks = [f"{name}: {each.split}, after {each.step:,} steps." for name, each in tests]
    else:
        results = select_split(scored_by(settings.results, settings.untrained), None)
        label = chosen_label(settings.label, results)
        found, fewer = retrieval_classes(results, label), shortfalls(results)
        if found is None:
            raise CollectionError(f"the results hold no figures by class of {label!r}. Evaluate the encoders again.")
        table, remarks = found, [f"{', '.join(each.encoders)}: {each.sentence}" for each in settings_of(results)]
    if settings.out.suffix.lower() == ".html":
        return write_classes(table, remarks, fewer, settings.out)
    return save_figures([print_classes(table, remarks, fewer)], settings.out)


def looks(settings: LooksFigure) -> Path:
    """Make the figure of where two videos are alike.

    Raises:
        CheckpointError: there are no weights.
        CollectionError: one of the videos is not there.
        SettingsError: the file's name makes no sense.
    """
    from unreel.checkpoint import load_encoder
    from unreel.engine.device import device
    from unreel.evaluation.correspondence import corresponding_clips
    from unreel.reporting.correspondence_figure import print_looks
    from unreel.reporting.correspondence_maps import looks as looks_of
    from unreel.reporting.figure_page import write_looks
    from unreel.reporting.paper_figure import save_figures
    from unreel.video.collection.options import PrepareOptions
    from unreel.video.collection.prepare import prepared

    _check_out(settings.out)
    where = str(device(settings.accelerator))
    encoder = load_encoder(settings.run)
    manifest = prepared(settings.folder, PrepareOptions(encoder.settings.prepared_side))
    pair = corresponding_clips(encoder, manifest, settings.query, settings.hit, settings.levels, device=where)
    if settings.out.suffix.lower() == ".html":
        return write_looks(looks_of(pair), settings.out)
    return save_figures([print_looks(looks_of(pair), settings.frames)], settings.out)


def _check_out(out: Path) -> None:
    from unreel.engine.files import check_free
    from unreel.reporting.paper_figure import check_format

    check_format(out)
    check_free(out)


def _confusions(settings: ConfusionFigure) -> "list[Confusion]":
    from unreel.reporting.confusion import recognition_confusion, retrieval_confusion

    if are_tests(settings.results):
        return [recognition_confusion(*test) for test in read_recognitions(settings.results)]
    results = select_split(scored_by(settings.results, settings.untrained), None)
    manifest = collection_of(settings.folder, results)
    label = chosen_label(settings.label, results, manifest.label_names)
    labels = {record.id: record.labels.get(label, "") for record in manifest.usable}
    found = [each for result in results if (each := retrieval_confusion(result, label, labels))]
    if not found:
        place = manifest.source or manifest.root
        raise CollectionError(
            f"no query has a nearest neighbour with a label {label!r} in {place}: expected the videos that the results "
            f"are about ({results[0].origin.collection}). Name their folder: --folder"
        )
    return found
