"""One encoder evaluated on one collection."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from unreel.checkpoint import LoadedEncoder
from unreel.errors import CollectionError
from unreel.evaluation.classification import Classification, classified
from unreel.evaluation.features import FeatureExtractor, Features
from unreel.evaluation.knn import knn
from unreel.evaluation.linear import probe
from unreel.evaluation.protocols import PROTOCOLS, ProtocolName
from unreel.evaluation.provenance import Provenance
from unreel.evaluation.results import Retrieval
from unreel.evaluation.retrieval import labels_of, named, retrieve, score_queries
from unreel.evaluation.splits import Split, leave_one_out
from unreel.evaluation.trial import SplitFeatures, split_features
from unreel.text import first_of
from unreel.types import Level
from unreel.video.collection.manifest import Manifest, VideoRecord


@dataclass(frozen=True)
class Evaluator:
    """What to evaluate: a level's features of `clips` clips per video, under a protocol.

    None of clips: the protocol's; None of workers: automatic. `drop_last`: the videos of gallery and of queries, by id,
    that fill no batch of so many are left out, as the code of `vcop` does with 8; 0: none is.
    """

    level: Level = 5
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
        return self.features_by_level(encoder, manifest, (self.level,), videos)[self.level]

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
        self, encoder: LoadedEncoder, manifest: Manifest, features: Features, division: Split | None = None
    ) -> Retrieval:
        """Retrieval, evaluated by every label that can be; without labels only the neighbours are found.

        Without a division, one video or group is left out after the other.

        Raises:
            CollectionError: no video of the gallery, or no query, could be read.
        """
        posed = self._trial(manifest, features, division)
        asked, known = posed.directions(centred=PROTOCOLS[self.protocol].centred)
        labels = {
            name: (labels_of(posed.queries, name), labels_of(posed.gallery, name)) for name in manifest.label_names
        }
        found = retrieve(asked, known, labels, groups=posed.groups)
        queries, gallery = ([video.id for video in side] for side in (posed.queries, posed.gallery))
        scores = (
            score_queries(each, queries, name=name, seed=encoder.seed)
            for name, each in found.fared.items()
            if each.labels
        )
        origin = self._origin(encoder, manifest, posed)
        return Retrieval(**vars(origin), scores=tuple(scores), neighbours=named(queries, gallery, found.hits))

    def knn(
        self, encoder: LoadedEncoder, manifest: Manifest, features: Features, division: Split | None = None
    ) -> list[Classification]:
        """Classification by the nearest labelled videos, for every label the collection has.

        Raises:
            CollectionError: it has none, or nothing of it was seen.
        """
        posed = self._trial(manifest, features, division)
        origin, centred = self._origin(encoder, manifest, posed), PROTOCOLS[self.protocol].centred
        return [
            classified("knn", origin, name, _truth(each, name), knn(each, name, centred=centred))
            for name, each in _by_label(manifest, posed, "k-NN")
        ]

    def linear(
        self, encoder: LoadedEncoder, manifest: Manifest, features: Features, division: Split | None = None
    ) -> list[Classification]:
        """A linear probe of every label the collection has; without groups, five folds stand for one video out.

        Raises:
            CollectionError: it has none, one has too few values or videos, or nothing of it was seen.
        """
        posed = self._trial(manifest, features, division)
        origin = self._origin(encoder, manifest, posed)
        results = []
        for name, each in _by_label(manifest, posed, "a linear probe"):
            split, folds, said = probe(each, name, seed=encoder.seed)
            truth = _truth(each, name)
            results.append(classified("linear", replace(origin, split=split), name, truth, {"top1": said}, folds=folds))
        return results

    def _trial(self, manifest: Manifest, features: Features, division: Split | None) -> SplitFeatures:
        return split_features(division or leave_one_out(manifest), features, drop_last=self.drop_last)

    def _origin(self, encoder: LoadedEncoder, manifest: Manifest, posed: SplitFeatures) -> Provenance:
        division, protocol = posed.division, PROTOCOLS[self.protocol]
        return Provenance(
            encoder=encoder.name,
            checkpoint=encoder.checkpoint,
            collection=manifest.source or str(manifest.root),
            protocol=protocol.called(self.clips or protocol.clips, self.drop_last),
            split=division.name,
            level=self.level,
            seed=encoder.seed,
            seen=posed.seen,
            expected=division.expected,
            missing=tuple(posed.missing),
            gallery_seen=len(posed.gallery),
            gallery_expected=division.gallery.expected,
            queries_seen=len(posed.queries),
            queries_expected=division.queries.expected,
            reasons=posed.missing,
        )


def _by_label(manifest: Manifest, posed: SplitFeatures, what: str) -> list[tuple[str, SplitFeatures]]:
    """For each label that videos of the gallery and queries have: those of them."""
    if not manifest.label_names:
        raise CollectionError(
            f"{manifest.source or manifest.root} has no labels, {what} needs some: put the videos into one "
            "sub-folder per label, or write a labels.csv with the columns path and one or more labels."
        )
    labelled = [(name, posed.labelled(name)) for name in manifest.label_names]
    found = [(name, each) for name, each in labelled if each.gallery and each.queries]
    if not found:
        raise CollectionError(
            f"no label of {manifest.source or manifest.root} ({first_of(manifest.label_names, 3)}) is on both sides of "
            f"split {posed.division.name!r}, {what} needs one to learn and to tell. Label more videos."
        )
    return found


def _truth(posed: SplitFeatures, name: str) -> dict[str, str]:
    return {video.id: video.labels[name] for video in posed.queries}
