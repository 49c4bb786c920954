"""One encoder judged on one collection."""

from dataclasses import dataclass

from unreel.checkpoint import LoadedEncoder
from unreel.errors import CollectionError
from unreel.evaluation.features import FeatureExtractor, Features
from unreel.evaluation.linear import LinearProbe, linear_probe
from unreel.evaluation.results import Retrieval
from unreel.evaluation.retrieval import Protocol, judge, judgeable_labels, labels_of, named, rank
from unreel.video.manifest import Manifest, VideoRecord

NEIGHBOURS_KEPT = 10


@dataclass(frozen=True)
class Judgement:
    """What to judge: a level's features of `clips` clips per video, under a protocol; None of workers: automatic."""

    level: int = 5
    clips: int = 10
    protocol: Protocol = "gap"
    device: str = "cpu"
    workers: int | None = None

    def features(self, encoder: LoadedEncoder, manifest: Manifest) -> Features:
        """The features of all usable videos.

        Raises:
            CollectionError: not one could be read.
        """
        return self.features_by_level(encoder, manifest, (self.level,))[self.level]

    def features_by_level(
        self, encoder: LoadedEncoder, manifest: Manifest, levels: tuple[int, ...]
    ) -> dict[int, Features]:
        """The features of all usable videos at several levels, each clip decoded and encoded once.

        Raises:
            CollectionError: not one could be read.
        """
        extractor = FeatureExtractor(encoder.encoder.to(self.device), encoder.settings, device=self.device)
        features = extractor.by_level(
            manifest,
            manifest.usable,
            levels,
            clips=self.clips,
            workers=self.workers,
            description=f"embedding ({encoder.name})",
        )
        if not features[levels[0]].ids:
            raise CollectionError(
                f"none of the {len(manifest.usable)} videos of {manifest.root} can be read any more: prepare again."
            )
        return features

    def retrieval(self, encoder: LoadedEncoder, manifest: Manifest, features: Features) -> Retrieval:
        """Retrieval, judged by every label that can be; without labels only the neighbours are found."""
        videos, groups = _videos(manifest, features)
        ranking = rank(features.videos, groups, self.protocol)
        scores = [
            judge(ranking, labels_of(videos, name), groups, name=name, seed=encoder.seed)
            for name in judgeable_labels(videos)
        ]
        return Retrieval(
            encoder=encoder.name,
            checkpoint=encoder.checkpoint,
            collection=manifest.source or str(manifest.root),
            protocol=self.protocol,
            split="leave one group out" if any(groups) else "leave one video out",
            level=self.level,
            seed=encoder.seed,
            seen=len(features.ids),
            expected=len(manifest.usable),
            missing=tuple(features.missing),
            scores=tuple(scores),
            neighbours=named(features.ids, [hits[:NEIGHBOURS_KEPT] for hits in ranking]),
        )

    def linear(self, encoder: LoadedEncoder, manifest: Manifest, features: Features) -> list[LinearProbe]:
        """A linear probe of every label the collection has.

        Raises:
            CollectionError: it has none.
        """
        if not manifest.label_names:
            raise CollectionError(
                f"{manifest.source or manifest.root} has no labels, a linear probe needs some: put the videos into one "
                "sub-folder per label, or write a labels.csv with the columns path and one or more labels."
            )
        videos, groups = _videos(manifest, features)
        return [
            linear_probe(features.videos, labels_of(videos, name), groups, name=name, seed=encoder.seed)
            for name in manifest.label_names
        ]


def _videos(manifest: Manifest, features: Features) -> tuple[list[VideoRecord], list[str]]:
    records = {record.id: record for record in manifest}
    videos = [records[identity] for identity in features.ids]
    return videos, [video.group for video in videos]
