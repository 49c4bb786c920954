"""What a script says in a line: the same as the verbs of the command line, with the same settings and the same folders.

unreel.pretrain(videos="videos", out="runs/mine", recipe="hdc-small")
unreel.finetune(videos="labelled", weights="runs/mine", out="runs/classes", split="1", steps=1000)
encoder = unreel.load("runs/mine")
for video in unreel.load_classifier("runs/classes").predict("more").rows(): print(video.path, video.label)
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from unreel import plugins, recipes
from unreel.checkpoint import LoadedEncoder, load_encoder
from unreel.evaluation.recognition import Recognition
from unreel.prediction.video_classifier import VideoClassifier
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import validated
from unreel.settings.pretraining import PretrainSettings, pretraining
from unreel.training.finetune import finetune as finetune_on
from unreel.training.finetune import resolved
from unreel.training.pretrain import check_method, choose_videos
from unreel.training.pretrain import pretrain as pretrain_on
from unreel.training.run import check_out
from unreel.training.task import Task, choose_task
from unreel.training.trackers import check_trackers
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepared


def pretrain(videos: Path | str, out: Path | str, *, recipe: str = "hdc", **changes: Any) -> LoadedEncoder:
    """Pretrain an encoder on a folder of videos, as `unreel pretrain` does; or resume the run in `out`.

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
    """Teach an encoder the classes of labelled videos, as `unreel finetune` does; or resume the run in `out`.

    `weights` are a run, a checkpoint or a weights file to begin with; default: from scratch. `changes` are settings
    of `FinetuneSettings`. Gives what the test found, None where nothing is held out.

    Raises:
        UnreelError: every mistake that the user can mend; its message says how.
    """
    plugins.allow(str(changes.get("encoder", "")))
    values = {**changes, "folder": Path(videos).resolve(), "out": Path(out), "weights": weights}
    return run_finetuning(validated(FinetuneSettings, values, "unreel.finetune"))


def load(run: Path | str, *, encoder: str = "") -> LoadedEncoder:
    """The encoder of a run folder, of one of its checkpoints, or of a weights file, ready to embed clips.

    A name alone can be that of an encoder that comes with unreel: load("street651-small"). Where its code lies in a
    file of yours, `encoder` names it as FILE.py:CLASS: no weights file makes unreel import code.

    Raises:
        CheckpointError: there are no weights, they are damaged, or they are no unreel encoder.
    """
    plugins.allow(encoder)
    return load_encoder(Path(run))


def load_classifier(
    model: Path | str,
    *,
    labels: str = "auto",
    label: str | None = None,
    group_pattern: str | None = None,
    encoder: str = "",
) -> VideoClassifier:
    """What tells classes of videos apart, as `unreel predict` uses it: a fine-tuned run, or a table of embeddings.

    On a table it is fitted to `labels`, those that it holds or a table of them. `.predict(videos)` gives predictions
    with `.rows()`: path, label, confidence, and the share of each of `.classes`. `encoder` as for `load`.

    Raises:
        UnreelError: every mistake that the user can mend; its message says how.
    """
    plugins.allow(encoder)
    return VideoClassifier(model, labels, label, group_pattern)


def run_pretraining(settings: PretrainSettings, begun: Callable[[int, Mapping[str, str]], None] | None = None) -> None:
    """Prepare the folder where that is still to be done, then pretrain.

    `begun` is called once it is known how many videos are learnt from, and which are left out for what reason.
    """
    check_out(settings)
    check_method(settings)
    check_trackers(settings.trackers)
    manifest = prepared_for(settings)
    labelled = settings.knn_folder
    evaluated = None if labelled is None else prepared_for(settings, labelled)
    task = choose_videos(settings, manifest, evaluated)
    if begun is not None:
        begun(len(task.videos), task.left_out)
    pretrain_on(settings, task)


def run_finetuning(settings: FinetuneSettings, begun: Callable[[Task], None] | None = None) -> Recognition | None:
    """Prepare the folder where that is still to be done, fine-tune, test; `begun` is called with what is learnt."""
    places = {"folder": settings.folder.resolve(), "weights": settings.weights and settings.weights.resolve()}
    settings = resolved(settings.model_copy(update=places))
    check_out(settings)
    check_trackers(settings.trackers)
    task = choose_task(settings, prepared_for(settings))
    if begun is not None:
        begun(task)
    return finetune_on(settings, task)


def prepared_for(settings: PretrainSettings | FinetuneSettings, folder: Path | None = None) -> Manifest:
    """The folder of the settings, or another one, as their encoder needs it; prepared where that is still to be done.

    Raises:
        CollectionError: it cannot be prepared.
    """
    options = PrepareOptions(
        settings.encoder_settings.prepared_side, group_pattern=settings.group_pattern, labels=settings.labels
    )
    return prepared(folder or settings.folder, options)
