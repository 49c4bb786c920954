"""Predicting by the vectors of a table of embeddings: those labels that people gave make names for all of it."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float

from unreel.prediction.label_classifier import Examples, LabelClassifier
from unreel.prediction.predictions import Predictions, nothing_read
from unreel.prediction.validation import Validation
from unreel.search.embedding import ClipEncoder, WindowVectors, dense_windows, embedded_here
from unreel.search.metadata import DenseWindows
from unreel.search.query import encoder_of
from unreel.search.table import EmbeddingTable
from unreel.search.windows import WindowDataset
from unreel.video.clips.sampling import TimeScale
from unreel.video.collection.discover import groups_of
from unreel.video.collection.labelling import AUTO, FOLDERS, NONE, choose_label, given_by, labels_of_folders
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.pieces import video_of


@final
class TablePredictor:
    """A classifier on the vectors of whole videos in a table.

    `labels` says where labels come from (`auto`: those of the table), `label` which of several is learnt. `unmatched`
    are videos that the table of labels names and the table of embeddings does not have.

    Raises:
        CollectionError: fewer than two classes, labels of other videos, or a pattern that does not fit.
    """

    def __init__(
        self,
        place: Path | str,
        labels: str = AUTO,
        label: str | None = None,
        group_pattern: str | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self._device = str(device)
        self.table = EmbeddingTable.open(place)
        self._videos = self.table.vectors("video")
        self._ids = tuple(map(str, self._videos.column("id")))
        self.unmatched: list[str] = []
        every = self._labels(labels)
        names = sorted({name for each in every.values() for name in each})
        self.label = choose_label(names, label, place, "predicting")
        self.given = {identity: each[self.label] for identity, each in every.items() if self.label in each}
        pieces = {each: video for each in self._ids if (video := video_of(each)) != each}
        groups = groups_of(self._ids, group_pattern) if group_pattern else pieces
        self.classifier = LabelClassifier(self._examples(groups), self._videos.vectors)

    @property
    def validation(self) -> Validation:
        """How right predictions are."""
        return self.classifier.validation

    @property
    def scale(self) -> TimeScale:
        """Which frames of a video it is shown."""
        return TimeScale.of(self.table.facts.settings)

    @property
    def side(self) -> int:
        """The shorter side of the prepared videos that it reads."""
        return self.table.facts.side

    @property
    def classes(self) -> tuple[str, ...]:
        """What can be predicted."""
        return self.classifier.classes

    def known(self) -> Predictions:
        """The predictions for all videos of the table."""
        shares = self.classifier.shares(self._videos.vectors)
        row_of = {identity: row for row, identity in enumerate(self._ids)}
        held_out = self.classifier.held_out_shares()
        for identity, own in zip(self.validation.ids, held_out, strict=True):
            shares[row_of[identity]] = own
        return Predictions(self.classes, self._ids, shares, self.given, {})

    def predict(self, manifest: Manifest, workers: int | None = None) -> Predictions:
        """The predictions for the usable videos of another collection, prepared for the table's encoder."""
        facts, videos = self.table.facts, manifest.usable
        dataset = WindowDataset(manifest, videos, facts.settings.clip_length, facts.clips, scale=self.scale)
        vectors: dict[str, Float[np.ndarray, " c"]] = {}
        missing = {each.id: each.reason for each in manifest.skipped}
        encoder = ClipEncoder(encoder_of(facts), facts.level, self._device)
        for found in embedded_here(encoder, dataset, workers):
            identity = videos[found.row].id
            if found.reason:
                missing[identity] = found.reason
            else:
                vectors[identity] = dataset.mean(found.row, found.vectors)
        if not vectors:
            raise nothing_read(manifest)
        shares = self.classifier.shares(np.stack(list(vectors.values())))
        return Predictions(self.classes, tuple(vectors), shares, {}, missing)

    def shares_in_time(
        self, manifest: Manifest, windows: DenseWindows, workers: int | None = None
    ) -> Iterator[tuple[WindowVectors, Float[np.ndarray, "w k"]]]:
        """The windows of every usable video and their calibrated shares."""
        encoder = ClipEncoder(encoder_of(self.table.facts), self.table.facts.level, self._device)
        for found in dense_windows(encoder, manifest, manifest.usable, windows, workers):
            yield (
                found,
                self.classifier.shares(found.vectors) if len(found.vectors) else np.zeros((0, len(self.classes))),
            )

    @cached_property
    def _places(self) -> dict[str, Path]:
        return dict(zip(self._ids, map(Path, map(str, self._videos.column("path"))), strict=True))

    def _labels(self, labels: str) -> Mapping[str, Mapping[str, str]]:
        if labels == NONE:
            return {}
        if labels == FOLDERS:
            return labels_of_folders(self._ids)
        if labels == AUTO:
            return {row.id: row.labels for row in self.table.rows(kind="video")}
        found, self.unmatched = given_by(Path(labels), self._places)
        return found

    def _examples(self, groups: Mapping[str, str]) -> Examples:
        rows = [row for row, identity in enumerate(self._ids) if identity in self.given]
        ids = tuple(self._ids[row] for row in rows)
        given = tuple(self.given[identity] for identity in ids)
        return Examples(ids, self._videos.vectors[rows], given, tuple(groups.get(each, "") for each in ids))
