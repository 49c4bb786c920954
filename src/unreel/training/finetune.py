"""Fine-tuning (Sec. 4): what is learnt, from which weights, and how it is tested."""

from collections.abc import Callable, Mapping

import torch

from unreel.checkpoint import WeightsHeader, load_encoder, read_weights
from unreel.checkpoint.state import checkpoints
from unreel.engine import process_group
from unreel.engine.device import check_device, device
from unreel.engine.watchdog import watched_peers
from unreel.errors import OverwriteError, SettingsError
from unreel.evaluation.recognition import Recognition, RecognitionTest, read_recognition, write_recognition
from unreel.methods.classifier import Classifier
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import read_settings
from unreel.training.failures import failures_told
from unreel.training.loop import TrainingJob, train
from unreel.training.resume import CHECKPOINTS
from unreel.training.run import SETTINGS
from unreel.training.task import Task
from unreel.video.clips.datasets import TrainingDataset
from unreel.video.clips.sampling import OneClip, TimeScale

RESULT = "recognition.json"


def resolved(settings: FinetuneSettings) -> FinetuneSettings:
    """The settings with all that describes the encoder, from the weights to begin with, or a run that goes on.

    To be called before a long preparation: what is wrong with the encoder is said here.

    Raises:
        CheckpointError: there are no such weights, or they are damaged.
        SettingsError: the settings contradict the weights or mean others, the clips are too small for the encoder,
            there is no such device, or a GPU is to do what it cannot.
        MissingExtraError: what compiles views or layers is not installed.
        OverwriteError: the run folder holds a run of another kind.
    """
    check_device(settings.accelerator, settings.precision, settings.devices)
    known, found = None, None
    if _goes_on(settings):  # and needs the first weights no more
        begun = _begun(settings)
        known, found = begun.encoder_settings, begun.weights_hash
    if settings.weights is not None and (known is None or settings.weights.exists()):
        encoder = load_encoder(settings.weights)
        known, found = known or encoder.settings, encoder.checkpoint
    settings = settings.resolved(known).model_copy(update={"weights_hash": _same(settings, found)})
    with torch.device("meta"):
        Classifier(settings, ("one", "other"), {})
    return settings


def finetune(settings: FinetuneSettings, task: Task) -> Recognition | None:
    """Learn a task, or go on with that, and test what is learnt; leaves the run folder `settings.out`.

    The weights tested are those of the last step; none are chosen by the test. RUN/recognition.json holds what is
    given; it is None where nothing is held out.

    Raises:
        CheckpointError: there are no such weights to begin with, or they are damaged.
        UnreelError: as `unreel.training.loop.train` does.
    """
    torch.manual_seed(settings.seed)
    classifier = Classifier(settings, task.classes, task.labels)
    if settings.weights is not None and (settings.weights.exists() or not _goes_on(settings)):
        classifier.encoder.load_state_dict(load_encoder(settings.weights).encoder.state_dict())
    encoder = settings.encoder_settings
    job = TrainingJob(
        settings,
        classifier,
        TrainingDataset(
            task.collection,
            task.videos,
            OneClip(encoder.clip_length, settings.augmentation.random_regions[0]),
            settings.seed,
            TimeScale.of(encoder),
        ),
        [video.id for video in task.videos],
        task.left_out,
        WeightsHeader(
            encoder, "scratch" if settings.weights is None else "finetune", settings.seed, task.label, task.classes
        ),
        _evaluation(task.test, classifier) if task.test else None,
        settings.test_every,
        factor=classifier.rate_factor,
    )
    train(job)
    if task.test is None:
        return None
    with failures_told(settings), watched_peers():
        return _tested(settings, task.test, classifier)


def _same(settings: FinetuneSettings, found: str | None) -> str | None:
    """The hash of the weights to begin with, which must be those that a settings file means."""
    if settings.weights is None:
        return None
    if settings.weights_hash not in (None, found):
        raise SettingsError(
            f"{settings.weights} holds the weights {found}, expected {settings.weights_hash} as the settings say. Name "
            "these with --weights, or give the settings without weights_hash."
        )
    return found


def _goes_on(settings: FinetuneSettings) -> bool:
    """Whether the run is sure to go on from a checkpoint: "previous" may find all of them damaged and begin anew."""
    return settings.resume != "previous" and bool(checkpoints(settings.out / CHECKPOINTS))


def _begun(settings: FinetuneSettings) -> FinetuneSettings:
    """The settings of the run that goes on."""
    try:
        return read_settings(FinetuneSettings, settings.out / SETTINGS)
    except SettingsError:
        raise OverwriteError(f"{settings.out} holds a run of another kind: write to another folder.") from None


def _evaluation(test: RecognitionTest, classifier: Classifier) -> Callable[[torch.device], Mapping[str, float]]:
    def evaluate_by_test(_: torch.device) -> Mapping[str, float]:
        return {f"test/{name}": value for name, value in test.run(classifier, 0).figures.items()}

    return evaluate_by_test


def _tested(settings: FinetuneSettings, test: RecognitionTest, classifier: Classifier) -> Recognition:
    """The test of the final weights, by all processes together; the one that the run holds already, if it does."""
    path = settings.out / RESULT
    known = process_group.from_first(read_recognition(path) if path.exists() and process_group.rank() == 0 else None)
    if known is not None and known.step == settings.steps:
        return known
    weights = process_group.from_first(read_weights(settings.out) if process_group.rank() == 0 else None)
    assert weights is not None
    if classifier.linear.weight.device.type == "cpu":  # the run was finished before
        classifier.to(device(settings.accelerator))
    classifier.load_state_dict(weights.state)
    found = test.run(classifier, weights.step, shared=True)
    if process_group.rank() == 0:
        write_recognition(path, found)
    return found
