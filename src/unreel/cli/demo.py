"""`unreel demo`: the whole job once, by the same verbs a user types."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from unreel import recipes
from unreel.cli import embed, evaluate, pretrain, report
from unreel.cli.inputs.parsing import parse
from unreel.cli.tables.collection_summary import summary
from unreel.console import say, say_command
from unreel.settings.model import BatchSize, PositiveCount, Seed, Settings, Videos
from unreel.settings.pretraining import PretrainSettings, pretraining
from unreel.text import unbroken

if TYPE_CHECKING:
    from unreel.video.collection.manifest import Manifest


class DemoSettings(Settings):
    """Videos in; a pretrained encoder, retrieval figures and a page out, in about ten minutes on two CPU cores.

    Without --videos a collection is rendered first: Moving Shapes, with two independent labels, appearance and motion.
    """

    videos: Path | None = None
    """Folder of videos; labels are used for evaluating only, never for learning."""
    labels: str = "auto"
    """Where labels come from: auto (a labels.csv in the folder, else folders where they look like classes: every video
    one folder deep, several folders, several videos in each), none, folders (the first of each path), or a table."""
    group_pattern: str | None = None
    """Regular expression whose first group, found in a video's path, names its group (person, source): neighbours
    are then looked for in other groups only."""
    out: Path = Path("runs/demo")
    """Folder to make; where it exists, the next free of runs/demo-2, runs/demo-3, … is taken."""
    steps: PositiveCount | None = None
    """Steps of pretraining; default: those of the recipe hdc-small."""
    batch_size: BatchSize | None = None
    """Videos of a step; default: those of the recipe, or all where there are fewer."""
    shapes: Videos = 240
    """How many videos of Moving Shapes to render."""
    seed: Seed = 0
    """Decides the videos, the first weights and every draw."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(DemoSettings, "demo", arguments))


def run(settings: DemoSettings) -> Path:
    """Render (where no videos are given), prepare, pretrain, evaluate, embed, report. Returns the page."""
    started = perf_counter()
    out = next_free(settings.out)
    training = _pretraining(settings, out)

    say(f"1 of 5: scanning and preparing {unbroken(settings.videos or 'Moving Shapes')}", style="bold")
    manifest = _collection(settings, out, training.encoder_settings.prepared_side)
    say(*summary(manifest, "prepared", manifest.root))
    training = _fitted(training, manifest) if settings.batch_size is None else training

    say(f"2 of 5: {training.recipe}, {training.steps} steps of {training.batch_size} videos", style="bold")
    pretrain.run(training)

    say("3 of 5: evaluating, beside the same encoder untrained", style="bold")
    evaluating = evaluate.EvaluateSettings(run=training.out, folder=manifest.root, out=training.out / "evaluation")
    evaluate.run("retrieval", evaluating)

    say("4 of 5: embedding the collection", style="bold")
    tables = training.out / "embeddings-untrained.lance", training.out / "embeddings.lance"
    for table, untrained in zip(tables, (True, False), strict=True):
        embed.run(embed.EmbedSettings(run=training.out, folder=manifest.root, out=str(table), untrained=untrained))

    say("5 of 5: writing the page", style="bold")
    title = f"unreel on {settings.videos.resolve().name if settings.videos else 'Moving Shapes'}"
    page = report.run(report.ReportSettings(run=training.out, out=out / "report.html", embeddings=tables, title=title))
    minutes = (perf_counter() - started) / 60
    say("", f"Done in {minutes:.1f} minutes. Open {unbroken(page)} in a browser.", style="bold")
    say("", "Next, with your own videos:")
    for command in report.next_steps(training.out, group_pattern=settings.group_pattern):
        say_command(command)
    return page


def next_free(wanted: Path) -> Path:
    """`wanted`, or where that exists the first of wanted-2, wanted-3, … that does not."""
    names = (wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}") for number in count(1))
    return next(path for path in names if not path.exists())


def _pretraining(settings: DemoSettings, out: Path) -> PretrainSettings:
    values = dict(recipes.changes("hdc-small")) | {
        "folder": (out / "prepared").resolve(),
        "out": out / "run",
        "seed": settings.seed,
    }
    chosen = {"steps": settings.steps, "batch_size": settings.batch_size, "group_pattern": settings.group_pattern}
    values |= {name: value for name, value in chosen.items() if value is not None}
    return pretraining(values, "unreel demo")


def _collection(settings: DemoSettings, out: Path, side: int) -> "Manifest":
    """The prepared videos: the user's, or Moving Shapes rendered now."""
    from unreel.video.collection.options import PrepareOptions
    from unreel.video.collection.prepare import prepare
    from unreel.video.moving_shapes.synth import MovingShapes, render_collection

    videos = settings.videos or out / "videos"
    if settings.videos is None:
        out.mkdir(parents=True)
        render_collection(videos, MovingShapes(settings.shapes, settings.seed))
    options = PrepareOptions(side, group_pattern=settings.group_pattern, labels=settings.labels)
    return prepare(videos, out / "prepared", options)


def _fitted(training: PretrainSettings, manifest: "Manifest") -> PretrainSettings:
    """The same settings with batches that a small collection can fill."""
    videos = sum(record.frames >= training.encoder.clip_length for record in manifest.usable)
    if not 2 <= videos < training.batch_size:
        return training
    say(f"few videos: batches of {videos} instead of {training.batch_size}")
    return training.model_copy(update={"batch_size": videos})
