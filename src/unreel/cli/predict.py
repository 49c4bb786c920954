"""`unreel predict`."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from pydantic import Field

from unreel.cli.inputs.encoder import EncoderCode
from unreel.cli.inputs.limits import LimitSettings
from unreel.cli.inputs.parsing import parse
from unreel.console import say
from unreel.errors import SettingsError
from unreel.settings.model import Interval, Seconds, Workers
from unreel.text import unbroken

if TYPE_CHECKING:
    from unreel.prediction.video_classifier import VideoClassifier


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
    """File to write: .csv, which opens in Excel, .parquet or .json; with --segments .csv, .eaf (ELAN) or .boris."""
    to: Literal["table", "boris", "boris-events", "elan", "via", "label-studio"] | None = None
    """The tool that is to open the file, where its name does not tell."""
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
    segments: bool = False
    """Label pieces of the videos: path, start, end (seconds), label, confidence."""
    every: Interval = 0.5
    """Seconds from the beginning of a window to that of the next, of which segments are made."""
    window: Seconds | None = None
    """Seconds of a window; default: one clip of the encoder."""
    shortest: Annotated[float, Field(ge=0, le=10**6)] = 1.0
    """Segments of fewer seconds go to a neighbour."""
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
    from unreel.cli.tables.prediction_tables import print_classifier
    from unreel.engine.device import device
    from unreel.prediction.video_classifier import VideoClassifier
    from unreel.prediction.writing import check_out

    check_out(settings.out, settings.to, segments=settings.segments)
    learnt = (settings.labels, settings.label, settings.group_pattern)
    classifier = VideoClassifier(settings.model, *learnt, device(settings.accelerator))
    print_classifier(classifier)
    missing = _segment(settings, classifier) if settings.segments else _predict(settings, classifier)
    if missing:
        say(f"  left out: {len(missing)}")
        print_reasons(missing)
    say(f"written to {unbroken(settings.out)}")


def _predict(settings: PredictSettings, classifier: "VideoClassifier") -> Mapping[str, str]:
    """Label whole videos; the reasons of those that could not be."""
    from unreel.cli.tables.prediction_tables import print_labels
    from unreel.prediction.table_predictor import TablePredictor
    from unreel.prediction.writing import write_predictions

    if settings.videos is None and isinstance(classifier.predictor, TablePredictor):
        found = classifier.predictor.known()
    else:
        videos = _videos(settings)
        found = classifier.predict(videos, workers=settings.loader_workers, limits=settings.limits())
    write_predictions(settings.out, found, settings.to, unknown_below=settings.unknown_below)
    print_labels(found, settings.unknown_below)
    return found.missing


def _segment(settings: PredictSettings, classifier: "VideoClassifier") -> Mapping[str, str]:
    """Label pieces of videos; the reasons of those of which none could be."""
    from unreel.annotations.segments import check_media, write_segments
    from unreel.cli.tables.prediction_tables import print_segments
    from unreel.prediction.segmentation import SegmentOptions
    from unreel.search.metadata import DenseWindows

    windows = DenseWindows(settings.every, settings.window)
    options = SegmentOptions(windows, settings.shortest, settings.unknown_below)
    check = partial(check_media, settings.out, format=settings.to)
    workers, limits = settings.loader_workers, settings.limits()
    found = classifier.segment(_videos(settings), options, check, workers=workers, limits=limits)
    write_segments(settings.out, found.segments, media=found.media, format=settings.to)
    print_segments(found)
    return found.missing


def _videos(settings: PredictSettings) -> Path:
    if settings.videos is None:
        raise SettingsError(f"expected a folder of videos after {settings.model}, whose labels are to be predicted.")
    return settings.videos
