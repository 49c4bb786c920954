"""What `unreel predict` shows: how right it is, of videos that it had not seen, and what it predicts."""

from collections import Counter
from collections.abc import Sequence

from unreel.console import Table, say, show
from unreel.prediction.predictions import Predictions
from unreel.prediction.table_predictor import TablePredictor
from unreel.prediction.validation import Validation
from unreel.prediction.video_classifier import SegmentedVideos, VideoClassifier
from unreel.text import excerpt, first_of, quoted

_NAMED = 3


def print_classifier(classifier: VideoClassifier) -> None:
    """What was learnt, how often that is right, and how far its confidence is off before and after calibration."""
    predictor, validation = classifier.predictor, classifier.validation
    if isinstance(predictor, TablePredictor):
        _print_given(predictor.label, predictor.validation, predictor.unmatched)
    if validation is None:
        say("how often it is right is not known, for its run held nothing out: confidence is not calibrated")
        return
    _print_rights(validation)
    if isinstance(predictor, TablePredictor):
        say(f"by {predictor.classifier.model}")
    before, after = validation.errors
    say(f"confidence is off by {100 * before:.1f} points, calibrated by {100 * after:.1f} (expected calibration error)")


def _print_given(label: str, validation: Validation, unmatched: Sequence[str]) -> None:
    """What is learnt from how many videos, and which labels are of none that there is."""
    say(f"learning {len(validation.classes)} classes of {quoted(label)} from {len(validation)} labelled videos")
    if unmatched:
        say(f"  labels of videos that are not here: {len(unmatched)} ({first_of(unmatched, _NAMED)})")
    lone = [name for name, (_, count) in validation.by_class.items() if count == 1]
    if lone:
        say(f"  classes of one video, of which nobody can say how often they are right: {first_of(lone, _NAMED)}")


def _print_rights(validation: Validation) -> None:
    """How often it is right, all in all and by class."""
    low, high = (100 * each for each in validation.interval)
    count = len(validation)
    say(f"right: {100 * validation.accuracy:.1f} % of {count} videos (95 %: {low:.1f} to {high:.1f}), {validation.way}")
    table = Table("", ("class", "right", "of", "percent"))
    for name, (right, number) in validation.by_class.items():
        table.add(name, right, number, f"{100 * right / number:.0f}")
    show(table)


def print_segments(found: SegmentedVideos) -> None:
    """How many segments of which label there are, how long they are together, and how much has none."""
    seconds: dict[str, list[float]] = {}
    for each in found.segments:
        seconds.setdefault(each.label, []).append(each.end - each.start)
    table = Table("", ("label", "segments", "seconds"))
    for label, own in sorted(seconds.items(), key=lambda item: -sum(item[1])):
        table.add(label, len(own), f"{sum(own):.1f}")
    show(table)
    whole = sum(each.duration or 0.0 for each in found.media.values())
    said = sum(map(sum, seconds.values()))
    say(f"{len(found.segments)} segments in {len(found.media)} videos, {said:.1f} of {whole:.1f} s")


def print_labels(predictions: Predictions, unknown_below: float) -> None:
    """How many videos have which label now."""
    rows = list(predictions.rows(unknown_below))
    counts = Counter(row.label for row in rows if row.label and not row.given)
    given = sum(bool(row.given) for row in rows)
    parts = [f"{count} {excerpt(label)}" for label, count in counts.most_common()]
    kept = f"; {given} have the label that was given" if given else ""
    say(f"predicted: {counts.total()} videos ({', '.join(parts) or 'none'}){kept}")
    unknown = sum(not row.label for row in rows)
    if unknown:
        say(f"  without a label, as their confidence is below {unknown_below:g}: {unknown}")
