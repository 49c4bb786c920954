"""Predicting by a fine-tuned run: every clip of a video, five crops of each, the softmax averaged (Sec. 4)."""

from functools import cached_property
from pathlib import Path
from typing import final

import numpy as np
import torch

from unreel.evaluation.classifiers import load_classifier
from unreel.evaluation.recognition import clip_shares, read_recognition
from unreel.evaluation.splits import fold_numbers
from unreel.prediction.calibration import sharpened
from unreel.prediction.predictions import Predictions, nothing_read
from unreel.prediction.validation import Validation, class_numbers
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import read_settings
from unreel.video.clips.datasets import Failure
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
        temperature = self.validation.temperature if self.validation else 1.0
        return Predictions(self.classes, tuple(ids), sharpened(np.stack(shares), temperature), {}, missing)
