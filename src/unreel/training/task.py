"""A recognition task: its classes, the videos that teach them, and those held out to test what is learnt."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from unreel.errors import CollectionError
from unreel.evaluation.recognition import RecognitionTest
from unreel.evaluation.splits import folds
from unreel.settings.finetuning import FinetuneSettings
from unreel.text import first_of
from unreel.video.clips.sampling import TimeScale, too_short
from unreel.video.collection.labelling import choose_label
from unreel.video.collection.leaks import check_leaks, leaks, names_of
from unreel.video.collection.manifest import Manifest, VideoRecord

NAMED = 5


@dataclass(frozen=True)
class Task:
    """What is learnt; `left_out` gives the reason of every file that is not. Without a test nothing is held out.

    `classes` are those of the training videos, sorted.
    """

    collection: Manifest
    label: str
    classes: tuple[str, ...]
    videos: tuple[VideoRecord, ...]
    left_out: Mapping[str, str]
    test: RecognitionTest | None

    @property
    def labels(self) -> dict[str, str]:
        """The class of every video to learn from."""
        return {each.id: each.labels[self.label] for each in self.videos}


def choose_task(settings: FinetuneSettings, manifest: Manifest) -> Task:
    """The task that settings describe, on a prepared collection.

    Raises:
        CollectionError: prepared too small; no such label, split or group; fewer than two classes, too few videos for a
            batch, nothing to test, or something to test that is known from training.
    """
    _check_side(settings, manifest)
    label = _label(settings, manifest)
    collection, split = _with_split(settings, manifest, label)
    learnt = collection.parts(split).get("train", ()) if split else collection.usable
    left_out = {each.id: each.reason for each in collection.skipped}
    if split:
        reason, kept = f"not in the training part of split {split}", {each.id for each in learnt}
        left_out |= {each.id: reason for each in collection.usable if each.id not in kept}
    left_out |= {each.id: f"no label {label!r}" for each in collection.usable if label not in each.labels}
    scale = TimeScale.of(settings.encoder_settings)
    left_out |= {each.id: reason for each in learnt if (reason := too_short(each, 1, scale))}
    videos = tuple(each for each in learnt if each.id not in left_out)
    classes = tuple(sorted({each.labels[label] for each in videos}))
    place = manifest.source or manifest.root
    if len(classes) < 2:
        raise CollectionError(
            f"the {len(videos)} videos of {place} to learn from have {len(classes)} different labels {label!r} "
            f"({first_of(classes, NAMED) or 'none'}), expected two or more to tell apart. Label more videos, or choose "
            "another --label."
        )
    if len(videos) < settings.batch_size:
        raise CollectionError(
            f"{place} holds {len(videos)} videos to learn from ({len(left_out)} files left out), a batch needs "
            f"{settings.batch_size}. Add videos or choose --batch-size {len(videos)} or less."
        )
    test = _test(settings, collection, split, label, classes) if split else None
    return Task(collection, label, classes, videos, left_out, test)


def checked_together(runs: Sequence[FinetuneSettings], manifest: Manifest) -> list[FinetuneSettings]:
    """The settings of runs on several splits of a collection, all checked before the first one begins.

    What may leak is named for all of them together: each is given the names that mean something in its own split.

    Raises:
        CollectionError: as `choose_task` does.
    """
    known = [_names_of_leaks(run, manifest) if run.allow_leaks else set() for run in runs]
    everywhere = set().union(*known)
    checked = []
    for run, own in zip(runs, known, strict=True):
        allowed = tuple(name for name in run.allow_leaks if name in own or name not in everywhere)
        checked.append(run.model_copy(update={"allow_leaks": allowed}))
        choose_task(checked[-1], manifest)
    return checked


def _names_of_leaks(settings: FinetuneSettings, manifest: Manifest) -> set[str]:
    """By what the leaks of the split that settings describe may be allowed."""
    collection, split = _with_split(settings, manifest, _label(settings, manifest))
    return {name for leak in leaks(collection, split) for name in names_of(leak)}


def _check_side(settings: FinetuneSettings, manifest: Manifest) -> None:
    encoder = settings.encoder_settings
    if manifest.side < encoder.size:
        raise CollectionError(
            f"{manifest.root} was prepared at {manifest.side} pixels, the encoder's input is {encoder.size}. "
            f"Prepare it again with --side {encoder.prepared_side}."
        )


def _label(settings: FinetuneSettings, manifest: Manifest) -> str:
    return choose_label(manifest.label_names, settings.label, manifest.source or manifest.root, "fine-tuning")


def _with_split(settings: FinetuneSettings, manifest: Manifest, label: str) -> tuple[Manifest, str]:
    """The collection and the name of its split: an official one, one made of a fold or the test groups, "" for none."""
    if settings.test_fold:
        number, count = settings.test_fold
        fold_of = folds(manifest, label, count)
        held_out = {identity for identity, fold in fold_of.items() if fold == number}
        return with_split(manifest, f"fold {number} of {count}", held_out)
    groups, names = settings.test_groups, sorted({each.group for each in manifest.usable} - {""})
    if not groups:
        return manifest, settings.split or ""
    for unknown in sorted(set(groups) - set(names)):
        held = first_of(names, 2 * NAMED) or "none; give a --group-pattern to find them in the videos' paths"
        raise CollectionError(
            f"{manifest.source or manifest.root} has no group {unknown!r} to test. Its groups are: {held}."
        )
    return with_split(manifest, f"groups {', '.join(groups)}", {each.id for each in manifest if each.group in groups})


def with_split(manifest: Manifest, split: str, held_out: Collection[str]) -> tuple[Manifest, str]:
    """The same collection with one split, of this name, whose test part are the videos of these ids."""
    records = (replace(each, splits={split: "test" if each.id in held_out else "train"}) for each in manifest)
    return replace(manifest, records=tuple(records)), split


def _test(
    settings: FinetuneSettings, collection: Manifest, split: str, label: str, classes: Sequence[str]
) -> RecognitionTest:
    """The test of what a split holds out, of which nothing is known from training; what cannot be tested is missing."""
    check_leaks(leaks(collection, split), split, settings.allow_leaks)
    return recognition_test(collection, split, label, classes, settings.loader_workers)


def recognition_test(
    collection: Manifest, split: str, label: str, classes: Sequence[str], workers: int | None = None
) -> RecognitionTest:
    """The test of what a split holds out for those who tell these classes apart; what cannot be tested is missing.

    Raises:
        CollectionError: there is no such split, or nothing in it to test.
    """
    parts = collection.parts(split)
    part = "test" if "test" in parts else "val"
    labelled = [each for each in parts.get(part, ()) if label in each.labels]
    videos = tuple(each for each in labelled if each.labels[label] in classes)
    if not videos:
        raise CollectionError(
            f"split {split} of {collection.source or collection.root} holds out {len(parts.get(part, ()))} videos, of "
            f"which none has a label {label!r} that is learnt ({first_of(classes, NAMED)}), expected some to test. "
            "Choose another split, or none to test nothing."
        )
    missing = collection.unseen(split, part) | {
        each.id: f"no video to learn from is labelled {each.labels[label]!r}"
        for each in labelled
        if each.labels[label] not in classes
    }
    return RecognitionTest(collection, videos, label, f"{split}, {part}", missing, workers)
