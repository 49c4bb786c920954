"""`unreel predict`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro
from pydantic import Field

from unreel.cli.inputs.encoder import EncoderCode
from unreel.cli.inputs.limits import LimitSettings
from unreel.cli.inputs.parsing import parse
from unreel.console import say
from unreel.errors import SettingsError
from unreel.settings.model import Workers
from unreel.text import unbroken


class PredictSettings(LimitSettings, EncoderCode):
    """Give every video a label: by a fine-tuned run, or by a table of embeddings and some labels.

    On a table a classifier is fitted in seconds, chosen by cross-validation. Before it predicts it is said how often
    that is right, of videos that it had not seen; confidence is calibrated by the same videos.

    The file has the columns path, label, confidence, given (the label that somebody gave), and the share of each class.
    """

    model: tyro.conf.Positional[str]
    """Run of `unreel finetune`, or table of `unreel embed`."""
    videos: tyro.conf.Positional[Path | None] = None
    """Folder of videos, or of prepared videos; default: those of the table."""
    out: Path
    """File to write: .csv, which opens in Excel, .parquet or .json."""
    labels: str = "auto"
    """Which labels of the table's videos are learnt: auto (those that it was embedded with), folders (the first of each
    path), or a table with the columns path and one or more labels."""
    label: str | None = None
    """Name of the label to learn; default: the only one that there is."""
    group_pattern: str | None = None
    """Regular expression whose first group, found in a video's path, names its group (person, source): how often the
    classifier is right is then seen on other groups only."""
    unknown_below: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Videos of a lower confidence are left without a label."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute."""
    loader_workers: Workers | None = None
    """Processes that decode; default: chosen by the size of the collection."""


def main(arguments: Sequence[str]) -> None:
    """Run the verb."""
    run(parse(PredictSettings, "predict", arguments))


def run(settings: PredictSettings) -> None:
    """Say how right it is, predict, write."""
    from unreel.cli.tables.collection_summary import print_reasons
    from unreel.cli.tables.prediction_tables import print_classifier, print_labels
    from unreel.engine.device import device
    from unreel.prediction.of_table import TablePredictor
    from unreel.prediction.video_classifier import VideoClassifier
    from unreel.prediction.writing import check_out, write_predictions

    check_out(settings.out)
    learnt = (settings.labels, settings.label, settings.group_pattern)
    classifier = VideoClassifier(settings.model, *learnt, device(settings.accelerator))
    print_classifier(classifier)
    if settings.videos is not None:
        found = classifier.predict(settings.videos, workers=settings.loader_workers, limits=settings.limits())
    elif isinstance(classifier.predictor, TablePredictor):
        found = classifier.predictor.known()
    else:
        raise SettingsError(f"expected a folder of videos after {settings.model}, whose labels are to be predicted.")
    write_predictions(settings.out, found, unknown_below=settings.unknown_below)
    print_labels(found, settings.unknown_below)
    if found.missing:
        say(f"  left out: {len(found.missing)}")
        print_reasons(found.missing)
    say(f"written to {unbroken(settings.out)}")
