"""Predicting by a fine-tuned run: every clip of a video, five crops of each, the softmax averaged (Sec. 4)."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float

from unreel.checkpoint import LoadedEncoder
from unreel.evaluation.classifiers import load_classifier
from unreel.evaluation.recognition import clip_shares, read_recognition
from unreel.evaluation.splits import fold_numbers
from unreel.prediction.calibration import sharpened
from unreel.prediction.predictions import Predictions, nothing_read
from unreel.prediction.validation import Validation, class_numbers
from unreel.search.embedding import ClipEncoder, WindowVectors, dense_windows
from unreel.search.metadata import DenseWindows
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import read_settings
from unreel.video.clips.datasets import Failure
from unreel.video.clips.sampling import TimeScale
from unreel.video.collection.discover import groups_of
from unreel.video.collection.manifest import Manifest

FOLDS = 5
TEST, SETTINGS = "recognition.json", "settings.yaml"


@final
class RunPredictor:
    """The classifier of a run of `unreel finetune`, or of a weights file of one.

    Raises:
        CheckpointError: there is none, it is damaged, or it knows no classes.
    """

    def __init__(self, run: Path, device: torch.device | str = "cpu") -> None:
        loaded = load_classifier(run)
        self._run, self._classifier = run, loaded.classifier.to(device)
        self.label, self.classes = loaded.label, loaded.classifier.classes

    @property
    def scale(self) -> TimeScale:
        """Which frames of a video it is shown."""
        return TimeScale.of(self._classifier.settings.encoder_settings)

    @property
    def side(self) -> int:
        """The shorter side of the prepared videos that it reads."""
        return self._classifier.settings.encoder_settings.prepared_side

    @cached_property
    def validation(self) -> Validation | None:
        """How right it was on what its run held out; None where that was nothing.

        Raises:
            CollectionError: the run's test is damaged.
        """
        path = self._run / TEST
        if not path.exists():
            return None
        test = read_recognition(path)
        ids, labels = (tuple(getattr(each, name) for each in test.predictions) for name in ("id", "label"))
        pattern = read_settings(FinetuneSettings, self._run / SETTINGS).group_pattern
        groups = groups_of(ids, pattern) if pattern else dict.fromkeys(ids, "")
        units = tuple(groups[identity] or identity for identity in ids)
        count = min(FOLDS, len(set(units)))
        fold_of = fold_numbers(list(zip(ids, labels, units, strict=True)), count)
        return Validation(
            f"held out of fine-tuning ({test.split})",
            self.classes,
            ids,
            class_numbers(labels, self.classes),
            np.array([each.probabilities for each in test.predictions]),
            np.array([fold_of[identity] for identity in ids]),
            units,
        )

    def shares_in_time(
        self, manifest: Manifest, windows: DenseWindows, workers: int | None = None
    ) -> Iterator[tuple[WindowVectors, Float[np.ndarray, "w k"]]]:
        """The windows of every usable video, the centre of the frame, and their calibrated shares."""
        device = self._classifier.linear.weight.device
        own = LoadedEncoder(self._classifier.encoder, self._classifier.settings.encoder_settings, "", "", 0)
        encoder = ClipEncoder(own, own.encoder.top, device.type)
        for found in dense_windows(encoder, manifest, manifest.usable, windows, workers):
            shares = self._classifier.shares_of(torch.from_numpy(found.vectors).to(device)).double().cpu().numpy()
            yield found, sharpened(shares, self._temperature)

    @property
    def _temperature(self) -> float:
        return self.validation.temperature if self.validation else 1.0

    def predict(self, manifest: Manifest, workers: int | None = None) -> Predictions:
        """The predictions for the usable videos of a collection that is prepared for the run's encoder.

        Their confidence is calibrated where something was held out.

        Raises:
            CollectionError: no video can be read.
        """
        missing = {each.id: each.reason for each in manifest.skipped}
        ids, shares = [], []
        for identity, found in clip_shares(self._classifier, manifest, manifest.usable, workers):
            if isinstance(found, Failure):
                missing[identity] = found.reason
            else:
                ids.append(identity)
                shares.append(found.mean(axis=0))
        if not ids:
            raise nothing_read(manifest)
        return Predictions(self.classes, tuple(ids), sharpened(np.stack(shares), self._temperature), {}, missing)
