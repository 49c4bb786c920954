"""Pretraining: what is learnt from, and how it is evaluated on the way."""

from collections.abc import Callable, Mapping, Sequence

import torch

from unreel.checkpoint import WeightsHeader
from unreel.engine.device import check_device
from unreel.errors import CollectionError
from unreel.evaluation.features import FeatureExtractor
from unreel.evaluation.nearest import UnitVectors, numbered
from unreel.evaluation.retrieval import labels_of, retrieve, usable_labels
from unreel.methods import HDC
from unreel.rng import generator
from unreel.settings.pretraining import PretrainSettings
from unreel.training.loop import TrainingJob, train
from unreel.video.clips.datasets import PretrainDataset
from unreel.video.collection.discover import expression_of
from unreel.video.collection.leaks import check_leaks, leaks
from unreel.video.collection.manifest import Manifest, VideoRecord

Evaluation = Callable[[torch.device], Mapping[str, float]]

# The evaluations on the way are rough figures, cheap enough to take often.
KNN_CLIPS = 2
KNN_VIDEOS = 2000


def pretrain(settings: PretrainSettings, manifest: Manifest, evaluated: Manifest | None = None) -> None:
    """Train on the usable videos of `manifest`, or go on with it, and leave the run folder `settings.out`.

    k-NN evaluates the videos of `evaluated`; default: those learnt from.

    Raises:
        CollectionError: fewer usable videos than a batch needs, or prepared smaller than the encoder's input.
        SettingsError: the encoder does not exist with these settings, the clips are too small for it, or a GPU is to
            do what it cannot.
        MissingExtraError: what compiles views or layers is not installed.
        UnreelError: as `unreel.training.loop.train` does.
    """
    videos, left_out = choose_videos(settings, manifest)
    torch.manual_seed(settings.seed)
    method = HDC(settings)
    evaluating = (
        _evaluation(settings, method, evaluated, evaluated.usable)
        if evaluated
        else _evaluation(settings, method, manifest, videos)
    )
    job = TrainingJob(
        settings,
        method,
        PretrainDataset(
            manifest,
            videos,
            settings.clip_length,
            settings.seed,
            gap=settings.clip_gap,
            random_regions=settings.augmentation.random_regions,
        ),
        [video.id for video in videos],
        left_out,
        WeightsHeader(settings.encoder_settings, settings.recipe, settings.seed),
        evaluating,
        settings.knn_every,
        best="knn/",
        all_used=settings.alpha[2] + settings.beta[2] > 0,
    )
    train(job)


def check_method(settings: PretrainSettings) -> None:
    """Nothing, if the method can be built: to be called before a long preparation.

    Raises:
        SettingsError: the encoder does not exist with these settings, the clips are too small for it, there is no such
            device, a GPU is to do what it cannot, or what to exclude is no regular expression.
        MissingExtraError: what compiles views or layers is not installed.
    """
    check_device(settings.accelerator, settings.precision, settings.devices)
    if settings.exclude is not None:
        expression_of("exclude", settings.exclude)
    with torch.device("meta"):
        HDC(settings)


def choose_videos(settings: PretrainSettings, manifest: Manifest) -> tuple[list[VideoRecord], dict[str, str]]:
    """The videos to learn from, and the id and reason of every file left out.

    Raises:
        CollectionError: too few, too small, no such split, or one that holds out a video known from its training part.
        SettingsError: what to exclude is no regular expression (`check_method` says so earlier).
    """
    needed = settings.size
    if manifest.side < needed:
        raise CollectionError(
            f"{manifest.root} was prepared at {manifest.side} pixels, the encoder's input is {needed}. "
            f"Prepare it again with --side {settings.encoder_settings.prepared_side}, or choose a smaller --size."
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
    short = [record for record in usable if record.frames < settings.clip_length]
    left_out |= {each.id: f"too short: {each.frames} frames, a clip has {settings.clip_length}" for each in short}
    videos = [record for record in usable if record.frames >= settings.clip_length]
    if len(videos) < settings.batch_size:
        raise CollectionError(
            f"{manifest.source or manifest.root} holds {len(videos)} videos of at least {settings.clip_length} frames "
            f"({len(left_out)} files left out), a batch needs {settings.batch_size}. "
            f"Add videos or choose --batch-size {max(len(videos), 2)} or less."
        )
    return videos, left_out


def _part(settings: PretrainSettings, manifest: Manifest) -> Sequence[VideoRecord]:
    """All usable videos, or those of the training part of a split from which no other is known."""
    if settings.split is None:
        return manifest.usable
    parts = manifest.parts(settings.split)
    check_leaks(leaks(manifest, settings.split), settings.split, settings.allow_leaks)
    return parts.get("train", ())


def _evaluation(
    settings: PretrainSettings, method: HDC, manifest: Manifest, videos: Sequence[VideoRecord]
) -> Evaluation | None:
    """k-NN (R@1) by each label of the collection; the labels are looked at here and nowhere else."""
    if not (settings.knn_every and usable_labels(videos)):
        return None
    chosen = generator(settings.seed, "knn").permutation(len(videos))[:KNN_VIDEOS]
    evaluated = [videos[row] for row in sorted(chosen)]

    def evaluate_by_neighbours(device: torch.device) -> Mapping[str, float]:
        method.eval()
        extractor = FeatureExtractor(method.encoder, settings.encoder_settings, device=device)
        features = extractor.features(manifest, evaluated, clips=KNN_CLIPS, workers=0, description="evaluating")
        method.train()
        rows = {video.id: video for video in evaluated}
        seen = [rows[identity] for identity in features.ids]
        known, apart = UnitVectors(features.videos), numbered([video.group for video in seen])
        labels = {name: (labels_of(seen, name),) * 2 for name in usable_labels(seen)}
        found = retrieve(known, known, labels, groups=(apart, apart))
        return {f"knn/{name}": float((each.first_right == 1).mean()) for name, each in found.scores.items()}

    return evaluate_by_neighbours
