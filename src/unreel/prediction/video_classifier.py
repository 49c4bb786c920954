"""What predicts labels of videos, wherever it comes from: a fine-tuned run, or a table of embeddings and labels."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch

from unreel.annotations.segments import MediaFacts, Segment, Segments
from unreel.engine.limits import DEFAULT_LIMITS, Limits
from unreel.errors import SettingsError
from unreel.prediction.predictions import Predictions, nothing_read
from unreel.prediction.run_predictor import RunPredictor
from unreel.prediction.segmentation import SegmentOptions, segments_of
from unreel.prediction.table_predictor import TablePredictor
from unreel.prediction.validation import Validation
from unreel.search.lance import LanceStore
from unreel.search.windows import check_dense
from unreel.video.collection.labelling import AUTO, NONE
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepared


@dataclass(frozen=True)
class SegmentedVideos:
    """Segments of videos, what is known of all that were seen, and the reasons of those that could not be read."""

    segments: Segments
    media: Mapping[str, MediaFacts]
    missing: Mapping[str, str]


@final
class VideoClassifier:
    """Tells the `classes` of a `label` apart; `validation` says how right it is, None where that cannot be known.

    `labels`, `label` and `group_pattern` are for a table: see `TablePredictor`.

    Raises:
        CheckpointError: there are no weights, they are damaged, or they know no classes.
        CollectionError: the table is damaged, or its labels cannot be learnt.
        SettingsError: labels are given to a run, which has learnt its own.
    """

    def __init__(
        self,
        model: Path | str,
        labels: str = AUTO,
        label: str | None = None,
        group_pattern: str | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.predictor: TablePredictor | RunPredictor
        if LanceStore(str(model)).exists:
            self.predictor = TablePredictor(model, labels, label, group_pattern, device)
        else:
            _check_plain(model, {"labels": labels != AUTO, "label": label, "group_pattern": group_pattern})
            self.predictor = RunPredictor(Path(model), device)
        self.label, self.classes = self.predictor.label, self.predictor.classes

    @property
    def validation(self) -> Validation | None:
        """How right it is, of videos that it had not seen."""
        return self.predictor.validation

    def predict(
        self, videos: Path | str, *, workers: int | None = None, limits: Limits = DEFAULT_LIMITS
    ) -> Predictions:
        """The predictions for a folder of videos, prepared or not, a list of them, or one video.

        Raises:
            CollectionError: there is none, or none can be read.
        """
        manifest = prepared(Path(videos), PrepareOptions(self.predictor.side, labels=NONE, limits=limits))
        return self.predictor.predict(manifest, workers)

    def segment(
        self,
        videos: Path | str,
        options: SegmentOptions,
        check: Callable[[Mapping[str, MediaFacts]], object] = lambda _: None,
        *,
        workers: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
    ) -> SegmentedVideos:
        """The segments of a folder of videos, of a list of them, or of one video; `check` is told first of which.

        Raises:
            CollectionError: there is none, or none can be read.
            SettingsError: no video has such windows.
        """
        manifest = prepared(Path(videos), PrepareOptions(self.predictor.side, labels=NONE, limits=limits))
        check_dense(manifest.usable, options.windows, self.predictor.scale)
        known = {each.id: MediaFacts(each.duration, each.fps) for each in manifest.usable}
        check(known)
        missing = {each.id: each.reason for each in manifest.skipped}
        segments: list[Segment] = []
        for found, shares in self.predictor.shares_in_time(manifest, options.windows, workers):
            if found.reason:
                missing[found.video.id] = found.reason
                continue
            end = found.video.duration
            segments += segments_of(found.video.id, found.spans, shares, end, self.classes, options)
        media = {name: facts for name, facts in known.items() if name not in missing}
        if not media:
            raise nothing_read(manifest)
        return SegmentedVideos(Segments(segments), media, missing)


def _check_plain(model: Path | str, given: dict[str, object]) -> None:
    for name in (name for name, value in given.items() if value):
        raise SettingsError(
            f"{name} is given, but {model} is no table of embeddings: a fine-tuned run has learnt its labels already. "
            f"Leave {name} away, or name a table."
        )
