"""A fine-tuned classifier, as its run has left it."""

from dataclasses import dataclass
from pathlib import Path

import torch

from unreel.checkpoint import read_weights
from unreel.checkpoint.weights import load_into
from unreel.errors import CheckpointError
from unreel.methods.classifier import Classifier
from unreel.settings.finetuning import FinetuneSettings
from unreel.settings.model import validated


@dataclass(frozen=True)
class LoadedClassifier:
    """A classifier ready to be tested, the name of the label that it has learnt and the steps of its run."""

    classifier: Classifier
    label: str
    step: int


def load_classifier(run: Path) -> LoadedClassifier:
    """The classifier of a fine-tuning run, of one of its checkpoints, or of a weights file.

    Raises:
        CheckpointError: there are no weights, they are damaged, or they are those of an encoder without classes.
    """
    weights = read_weights(run)
    origin = weights.origin
    if not origin.classes:
        raise CheckpointError(
            f"{run} holds an encoder that knows no classes ({origin.recipe}); expected a run of `unreel finetune`. "
            f"Evaluate it with `unreel evaluate retrieval {run} FOLDER`, or fine-tune it first."
        )
    standardise = any(name.startswith("standardised.") for name in weights.state)
    values = {"folder": run, "out": run, "standardise": standardise, "encoder": origin.encoder.model_dump()}
    settings = validated(FinetuneSettings, values, str(run))
    with torch.device("meta"):  # no memory is taken before it is known that these weights are there
        classifier = Classifier(settings, origin.classes, {})
    load_into(classifier, weights.state, f"{run} does not fit the classifier it names")
    return LoadedClassifier(classifier.eval(), origin.label, weights.step)
