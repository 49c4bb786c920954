"""Pretraining: what is learnt from, and how it is evaluated on the way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from unreel import methods
from unreel.checkpoint import WeightsHeader
from unreel.engine.device import check_device
from unreel.errors import CollectionError
from unreel.evaluation.features import FeatureExtractor
from unreel.evaluation.nearest import UnitVectors, numbered
from unreel.evaluation.retrieval import labels_of, retrieve, usable_labels
from unreel.methods import Pretext
from unreel.rng import generator
from unreel.settings.pretraining import PretrainSettings
from unreel.training.loop import TrainingJob, train
from unreel.training.optimization import sgd
from unreel.video.clips.datasets import TrainingDataset
from unreel.video.clips.sampling import EVERY_FRAME, TimeScale, too_short
from unreel.video.collection.discover import expression_of
from unreel.video.collection.leaks import check_leaks, leaks
from unreel.video.collection.manifest import Manifest, VideoRecord

Evaluation = Callable[[torch.device], Mapping[str, float]]


@dataclass(frozen=True)
class PretrainTask:
    """The videos that are learnt from; `left_out` gives the reason of every file that is not.

    k-NN evaluates the videos of `evaluated`; None: those learnt from.
    """

    collection: Manifest
    videos: tuple[VideoRecord, ...]
    left_out: Mapping[str, str]
    evaluated: Manifest | None = None


# The evaluations on the way are rough figures, cheap enough to take often.
KNN_CLIPS = 2
KNN_VIDEOS = 2000


def pretrain(settings: PretrainSettings, task: PretrainTask) -> None:
    """Train on the videos of a task, or resume it, and leave the run folder `settings.out`.

    Raises:
        SettingsError: the encoder does not exist with these settings, the clips are too small for it, or a GPU is to
            do what it cannot.
        MissingExtraError: what compiles views or layers is not installed.
        UnreelError: as `unreel.training.loop.train` does.
    """
    torch.manual_seed(settings.seed)
    method = methods.build(settings)
    scale = TimeScale.of(settings.encoder)
    job = TrainingJob(
        settings,
        method,
        TrainingDataset(task.collection, task.videos, method.sampling, settings.seed, scale),
        [video.id for video in task.videos],
        task.left_out,
        WeightsHeader(settings.encoder, settings.recipe, settings.seed),
        _evaluation(settings, method, task),
        settings.knn_every,
        best="knn/",
        all_used=method.all_used,
        optimizer=getattr(method, "optimizer", sgd),
    )
    train(job)


def check_method(settings: PretrainSettings) -> Pretext:
    """Build the method without memory, to say what is wrong with it before a long preparation.

    Raises:
        SettingsError: the method or the encoder does not exist with these settings, the clips are too small for it,
            there is no such device, a GPU is to do what it cannot, or what to exclude is no regular expression.
        MissingExtraError: what compiles views or layers is not installed.
    """
    check_device(settings.accelerator, settings.precision, settings.devices)
    if settings.exclude is not None:
        expression_of("exclude", settings.exclude)
    methods.find(settings.method)  # imported before, or its constants would lie on the meta device
    with torch.device("meta"):
        method: Pretext = methods.build(settings)
    return method


def choose_videos(settings: PretrainSettings, manifest: Manifest, evaluated: Manifest | None = None) -> PretrainTask:
    """The videos to learn from, and the id and reason of every file left out; k-NN evaluates those of `evaluated`.

    Raises:
        CollectionError: too few, too small, no such split, or one that holds out a video known from its training part.
        SettingsError: as `check_method`.
    """
    encoder = settings.encoder
    if manifest.side < encoder.size:
        raise CollectionError(
            f"{manifest.root} was prepared at {manifest.side} pixels, the encoder's input is {encoder.size}. "
            f"Prepare it again with --side {encoder.prepared_side}, or choose a smaller --size."
        )
    left_out = {record.id: record.reason for record in manifest.skipped}
    usable = _part(settings, manifest)
    if settings.split is not None:
        kept = {record.id for record in usable}
        reason = f"not in the training part of split {settings.split}"
        left_out |= {record.id: reason for record in manifest.usable if record.id not in kept}
    if settings.exclude is not None:
        pattern = expression_of("exclude", settings.exclude)
        left_out |= {each.id: f"excluded by {settings.exclude!r}" for each in usable if pattern.search(each.id)}
        usable = [record for record in usable if not pattern.search(record.id)]
    needed, scale = max(check_method(settings).sampling.needed, settings.min_frames), TimeScale.of(encoder)
    short = {each.id: reason for each in usable if (reason := too_short(each, needed, scale))}
    videos = tuple(record for record in usable if record.id not in short)
    if len(videos) < settings.batch_size:
        raise CollectionError(
            f"{manifest.source or manifest.root} holds {len(videos)} videos of at least {needed} frames"
            f"{' at that time scale' * (scale != EVERY_FRAME)} ({len(left_out | short)} files left out"
            f"{_first(short) if scale != EVERY_FRAME else ''}), a batch needs {settings.batch_size}. "
            f"{_way_out(len(videos), len(short))}"
        )
    return PretrainTask(manifest, videos, left_out | short, evaluated)


def _way_out(videos: int, short: int) -> str:
    if short >= 2 > videos:
        return "Add longer videos, or choose shorter clips: --list-recipes shows recipes for videos of 32 frames."
    return f"Add videos or choose --batch-size {max(videos, 2)} or less."


def _first(reasons: Mapping[str, str]) -> str:
    return "".join(f"; {name}: {reason}" for name, reason in list(reasons.items())[:1])


def _part(settings: PretrainSettings, manifest: Manifest) -> Sequence[VideoRecord]:
    """All usable videos, or those of the training part of a split from which no other is known."""
    if settings.split is None:
        return manifest.usable
    parts = manifest.parts(settings.split)
    check_leaks(leaks(manifest, settings.split), settings.split, settings.allow_leaks)
    return parts.get("train", ())


def _evaluation(settings: PretrainSettings, method: nn.Module, task: PretrainTask) -> Evaluation | None:
    """k-NN (R@1) by each label of the collection; the labels are looked at here and nowhere else."""
    manifest, videos = (task.evaluated, task.evaluated.usable) if task.evaluated else (task.collection, task.videos)
    if not (settings.knn_every and usable_labels(videos)):
        return None
    chosen = generator(settings.seed, "knn").permutation(len(videos))[:KNN_VIDEOS]
    evaluated = [videos[row] for row in sorted(chosen)]

    def evaluate_by_neighbours(device: torch.device) -> Mapping[str, float]:
        method.eval()
        extractor = FeatureExtractor(cast(Pretext, method).encoder, settings.encoder, device=device)
        features = extractor.features(manifest, evaluated, clips=KNN_CLIPS, workers=0, description="evaluating")
        method.train()
        rows = {video.id: video for video in evaluated}
        seen = [rows[identity] for identity in features.ids]
        known, apart = UnitVectors(features.videos), numbered([video.group for video in seen])
        labels = {name: (labels_of(seen, name),) * 2 for name in usable_labels(seen)}
        found = retrieve(known, known, labels, groups=(apart, apart))
        return {f"knn/{name}": float((each.first_right == 1).mean()) for name, each in found.scores.items()}

    return evaluate_by_neighbours
