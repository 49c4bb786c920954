"""What a script says in a line: the same as the verbs of the command line, with the same settings and the same folders.

unreel.pretrain(videos="videos", out="runs/mine", recipe="hdc-small")
unreel.finetune(videos="labelled", weights="runs/mine", out="runs/classes", split="1", steps=1000)
encoder = unreel.load("runs/mine")
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unreel import plugins, recipes
from unreel.checkpoint import LoadedEncoder, load_encoder
from unreel.checkpoint.state import checkpoints, step_of
from unreel.console import say
from unreel.engine.launch import first_here
from unreel.evaluation.recognition import Recognition
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import validated
from unreel.settings.pretraining import PretrainSettings, pretraining
from unreel.settings.training import TrainingSettings
from unreel.text import excerpt, quoted, unbroken
from unreel.training.finetune import finetune as finetune_on
from unreel.training.finetune import resolved
from unreel.training.pretrain import check_method, choose_videos
from unreel.training.pretrain import pretrain as pretrain_on
from unreel.training.resume import CHECKPOINTS
from unreel.training.run import VIDEOS, check_out
from unreel.training.task import choose_task
from unreel.training.trackers import check_trackers
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepared

LISTED = 10


def pretrain(videos: Path | str, out: Path | str, *, recipe: str = "hdc", **changes: Any) -> LoadedEncoder:
    """Pretrain an encoder on a folder of videos, as `unreel pretrain` does; or go on with the run in `out`.

    `changes` are settings of `PretrainSettings`: steps=2000, batch_size=64 …

    Raises:
        UnreelError: every mistake that the user can mend; its message says how.
    """
    plugins.allow(str(changes.get("method", "")))
    plugins.allow(str(changes.get("encoder", "")))
    values = {**recipes.changes(recipe), **changes, "folder": Path(videos).resolve(), "out": Path(out)}
    settings = pretraining(values, "unreel.pretrain")
    run_pretraining(settings)
    return load(settings.out)


def finetune(
    videos: Path | str, out: Path | str, *, weights: Path | str | None = None, **changes: Any
) -> Recognition | None:
    """Teach an encoder the classes of labelled videos, as `unreel finetune` does; or go on with the run in `out`.

    `weights` are a run, a checkpoint or a weights file to begin with; default: from scratch. `changes` are settings
    of `FinetuneSettings`. Gives what the test found, None where nothing is held out.

    Raises:
        UnreelError: every mistake that the user can mend; its message says how.
    """
    values = {**changes, "folder": Path(videos).resolve(), "out": Path(out), "weights": weights}
    return run_finetuning(validated(FinetuneSettings, values, "unreel.finetune"))


def load(run: Path | str) -> LoadedEncoder:
    """The encoder of a run folder, of one of its checkpoints, or of a weights file, ready to embed clips.

    A name alone can be that of an encoder that comes with unreel: load("street651-small").

    Raises:
        CheckpointError: there are no weights, they are damaged, or they are no unreel encoder.
    """
    return load_encoder(Path(run))


def run_pretraining(settings: PretrainSettings) -> None:
    """Prepare the folder where that is still to be done, say what is left out, then pretrain."""
    check_out(settings)
    check_method(settings)
    check_trackers(settings.trackers)
    manifest = prepared_for(settings)
    labelled = settings.knn_folder
    evaluated = None if labelled is None else prepared_for(settings, labelled)
    task = choose_videos(settings, manifest, evaluated)
    _say(f"learning from {len(task.videos)} videos, {len(task.left_out)} files left out")
    _list_left_out(task.left_out, settings.out)
    _say_what_is_done(settings)
    pretrain_on(settings, task)
    _say(f"weights, metrics and log in {unbroken(settings.out)}")


def run_finetuning(settings: FinetuneSettings) -> Recognition | None:
    """Prepare the folder where that is still to be done, say what is learnt and what is not, fine-tune, test."""
    places = {"folder": settings.folder.resolve(), "weights": settings.weights and settings.weights.resolve()}
    settings = resolved(settings.model_copy(update=places))
    check_out(settings)
    check_trackers(settings.trackers)
    task = choose_task(settings, prepared_for(settings))
    videos, times = len(task.videos), settings.steps * settings.batch_size / len(task.videos)
    tested = {video.id for video in task.test.videos} if task.test else set()
    left_out = {identity: why for identity, why in task.left_out.items() if identity not in tested}
    looks = f"{videos} videos, each {times:.0f} times, {len(left_out)} files left out"
    _say(f"learning {len(task.classes)} classes of {quoted(task.label)} from {looks}")
    if task.test is None:
        _say("  nothing is tested: name a --split, or --test-groups to hold out")
    else:
        _say(f"  tested on {len(task.test.videos)} videos ({excerpt(task.test.split)})")
    _list_left_out(left_out, settings.out)
    _say_what_is_done(settings)
    found = finetune_on(settings, task)
    _say(f"weights, metrics and log in {unbroken(settings.out)}")
    return found


def prepared_for(settings: PretrainSettings | FinetuneSettings, folder: Path | None = None) -> Manifest:
    """The folder of the settings, or another one, as their encoder needs it; prepared where that is still to be done.

    Raises:
        CollectionError: it cannot be prepared.
    """
    options = PrepareOptions(settings.encoder_settings.prepared_side, group_pattern=settings.group_pattern)
    return prepared(folder or settings.folder, options)


def _list_left_out(left_out: Mapping[str, str], out: Path) -> None:
    for identity, reason in list(left_out.items())[:LISTED]:
        _say(f"  {unbroken(identity)}: {excerpt(reason)}")
    if len(left_out) > LISTED:
        _say(f"  and {len(left_out) - LISTED} more, all listed in {unbroken(out / VIDEOS)}")


def _say_what_is_done(settings: TrainingSettings) -> None:
    if done := checkpoints(settings.out / CHECKPOINTS):
        _say(f"{unbroken(settings.out)} holds a run, saved after step {step_of(done[-1])} of {settings.steps}")


def _say(line: str) -> None:
    if first_here():
        say(line)
