"""One encoder evaluated on one collection."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from unreel.checkpoint import LoadedEncoder
from unreel.errors import CollectionError
from unreel.evaluation.classification import Classification, score_predictions
from unreel.evaluation.features import FeatureExtractor, Features
from unreel.evaluation.knn import knn
from unreel.evaluation.linear import probe
from unreel.evaluation.protocols import PROTOCOLS, ProtocolName
from unreel.evaluation.results import Provenance, Retrieval
from unreel.evaluation.retrieval import labels_of, name_neighbours, retrieve, score_queries
from unreel.evaluation.split_features import SplitFeatures, split_features
from unreel.evaluation.splits import Split, leave_one_out
from unreel.text import first_of
from unreel.types import Level
from unreel.video.collection.labelling import NO_LABELS
from unreel.video.collection.manifest import Manifest, VideoRecord


@dataclass(frozen=True)
class Evaluator:
    """Evaluates a level's features of `clips` clips per video, under a protocol.

    None of level: the last one; of clips: the protocol's; None of workers: automatic. `drop_last`: the videos of
    gallery and of queries, by id, that fill no batch of so many are left out, as
    the code of `vcop` does with 8; 0: none is.
    """

    level: Level | None = None
    clips: int | None = None
    protocol: ProtocolName = "gap"
    device: str = "cpu"
    workers: int | None = None
    drop_last: int = 0

    def features(
        self, encoder: LoadedEncoder, manifest: Manifest, videos: Sequence[VideoRecord] | None = None
    ) -> Features:
        """The features of some videos; default: of all usable ones.

        Raises:
            CollectionError: not one could be read.
        """
        level = encoder.encoder.find_level(self.level)
        return self.features_by_level(encoder, manifest, (level,), videos)[level]

    def features_by_level(
        self,
        encoder: LoadedEncoder,
        manifest: Manifest,
        levels: tuple[Level, ...],
        videos: Sequence[VideoRecord] | None = None,
    ) -> dict[Level, Features]:
        """The features of videos at several levels, each clip decoded and encoded once.

        Raises:
            CollectionError: not one could be read.
        """
        records = manifest.usable if videos is None else videos
        extractor = FeatureExtractor(
            encoder.encoder.to(self.device), encoder.settings, protocol=PROTOCOLS[self.protocol], device=self.device
        )
        features = extractor.by_level(
            manifest,
            records,
            levels,
            clips=self.clips,
            workers=self.workers,
            description=f"embedding ({encoder.name})",
        )
        if not features[levels[0]].ids:
            raise CollectionError(
                f"none of the {len(records)} videos of {manifest.root} can be read any more: prepare again."
            )
        return features

    def retrieval(
        self, encoder: LoadedEncoder, manifest: Manifest, features: Features, split: Split | None = None
    ) -> Retrieval:
        """Retrieval, scored by every label that can be; without labels only the neighbours are found.

        Without a split, one video or group is left out after the other.

        Raises:
            CollectionError: no video of the gallery, or no query, could be read.
        """
        own = self._split_features(manifest, features, split)
        queries, gallery = own.unit_vectors(centred=PROTOCOLS[self.protocol].centred)
        labels = {name: (labels_of(own.queries, name), labels_of(own.gallery, name)) for name in manifest.label_names}
        found = retrieve(queries, gallery, labels, groups=own.groups)
        query_ids, gallery_ids = ([video.id for video in side] for side in (own.queries, own.gallery))
        scores = (
            score_queries(each, query_ids, name=name, seed=encoder.seed)
            for name, each in found.scores.items()
            if each.labels
        )
        neighbours = name_neighbours(query_ids, gallery_ids, found.hits)
        return Retrieval(self._origin(encoder, manifest, own), tuple(scores), neighbours)

    def knn(
        self, encoder: LoadedEncoder, manifest: Manifest, features: Features, split: Split | None = None
    ) -> list[Classification]:
        """Classification by the nearest labelled videos, for every label the collection has.

        Raises:
            CollectionError: it has none, or nothing of it was seen.
        """
        own = self._split_features(manifest, features, split)
        origin, centred = self._origin(encoder, manifest, own), PROTOCOLS[self.protocol].centred
        return [
            score_predictions("knn", origin, name, _truth(each, name), knn(each, name, centred=centred))
            for name, each in _by_label(manifest, own, "k-NN")
        ]

    def linear(
        self, encoder: LoadedEncoder, manifest: Manifest, features: Features, split: Split | None = None
    ) -> list[Classification]:
        """A linear probe of every label the collection has; without groups, five folds stand for one video out.

        Raises:
            CollectionError: it has none, one has too few values or videos, or nothing of it was seen.
        """
        own = self._split_features(manifest, features, split)
        origin = self._origin(encoder, manifest, own)
        results = []
        for name, each in _by_label(manifest, own, "a linear probe"):
            divided, folds, predictions = probe(each, name, seed=encoder.seed)
            columns, truth = {"top1": predictions}, _truth(each, name)
            results.append(
                score_predictions("linear", replace(origin, split=divided), name, truth, columns, folds=folds)
            )
        return results

    def _split_features(self, manifest: Manifest, features: Features, split: Split | None) -> SplitFeatures:
        return split_features(split or leave_one_out(manifest), features, drop_last=self.drop_last)

    def _origin(self, encoder: LoadedEncoder, manifest: Manifest, own: SplitFeatures) -> Provenance:
        protocol = PROTOCOLS[self.protocol]
        return Provenance(
            encoder=encoder.name,
            checkpoint=encoder.checkpoint,
            collection=manifest.source or str(manifest.root),
            protocol=protocol.called(self.clips or protocol.clips, self.drop_last),
            split=own.split.name,
            level=encoder.encoder.find_level(self.level),
            seed=encoder.seed,
            seen=own.seen,
            expected=own.split.expected,
            gallery_seen=len(own.gallery),
            gallery_expected=own.split.gallery.expected,
            queries_seen=len(own.queries),
            queries_expected=own.split.queries.expected,
            missing=own.missing,
        )


def _by_label(manifest: Manifest, features: SplitFeatures, what: str) -> list[tuple[str, SplitFeatures]]:
    """For each label that videos of the gallery and queries have: those of them."""
    if not manifest.label_names:
        raise CollectionError(f"{manifest.source or manifest.root} has no labels, {what} needs some: {NO_LABELS}.")
    labelled = [(name, features.with_label(name)) for name in manifest.label_names]
    found = [(name, each) for name, each in labelled if each.gallery and each.queries]
    if not found:
        raise CollectionError(
            f"no label of {manifest.source or manifest.root} ({first_of(manifest.label_names, 3)}) is on both sides of "
            f"split {features.split.name!r}, {what} needs one to learn and to tell. Label more videos."
        )
    return found


def _truth(features: SplitFeatures, name: str) -> dict[str, str]:
    return {video.id: video.labels[name] for video in features.queries}
