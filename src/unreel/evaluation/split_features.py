"""A split of a collection as far as its videos were seen, ready to be searched or learnt from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress

import numpy as np
from jaxtyping import Float, Int

from unreel.errors import CollectionError
from unreel.evaluation.features import Features
from unreel.evaluation.nearest import Groups, UnitVectors, numbered
from unreel.evaluation.splits import Split, SplitPart
from unreel.video.collection.manifest import VideoRecord

DROPPED = "in the last batch, which is not full and was dropped"
NOT_GIVEN = "no features of it were given"


@dataclass(frozen=True)
class SplitFeatures:
    """The videos of gallery and queries that were seen, each side sorted by id, and the row of each in `vectors`.

    `missing` says of all others of the split why they were not. Where one is left out after the other, gallery and
    queries are the same.
    """

    split: Split
    vectors: Float[np.ndarray, "n c"]
    gallery: tuple[VideoRecord, ...]
    queries: tuple[VideoRecord, ...]
    gallery_rows: Int[np.ndarray, " m"]
    query_rows: Int[np.ndarray, " q"]
    missing: dict[str, str]

    @property
    def seen(self) -> int:
        """How many videos took part."""
        return len(self.gallery) + (0 if self.split.one_out else len(self.queries))

    @property
    def groups(self) -> Groups | None:
        """What is kept apart where one is left out: the videos of a group, and each video from itself."""
        if not self.split.one_out:
            return None
        numbers = numbered([video.group for video in self.gallery])
        return numbers, numbers

    def unit_vectors(self, *, centred: bool) -> tuple[UnitVectors, UnitVectors]:
        """Queries and gallery as they are compared, each less its own mean where `centred`."""
        gallery = UnitVectors(self.vectors, self.gallery_rows, centred=centred)
        return gallery if self.split.one_out else UnitVectors(self.vectors, self.query_rows, centred=centred), gallery

    def with_label(self, name: str) -> "SplitFeatures":
        """Only the videos that have a label."""
        gallery, queries = (
            np.array([name in each.labels for each in side], bool) for side in (self.gallery, self.queries)
        )
        return replace(
            self,
            gallery=tuple(compress(self.gallery, gallery)),
            queries=tuple(compress(self.queries, queries)),
            gallery_rows=self.gallery_rows[gallery],
            query_rows=self.query_rows[queries],
        )


def split_features(split: Split, features: Features, *, drop_last: int = 0) -> SplitFeatures:
    """Select what of a split has features.

    `drop_last`: those videos of each side, by id, that fill no batch of so many are dropped; 0: none are.

    Raises:
        CollectionError: of one side no video was seen.
    """
    rows = {identity: row for row, identity in enumerate(features.ids)}
    missing = {**split.gallery.missing, **split.queries.missing}
    seen: list[tuple[VideoRecord, ...]] = []
    for side, what in ((split.gallery, "gallery"), (split.queries, "queries")):
        there = sorted((video for video in side.videos if video.id in rows), key=lambda video: video.id)
        kept = len(there) - (len(there) % drop_last if drop_last else 0)
        missing |= {
            video.id: features.missing.get(video.id, NOT_GIVEN) for video in side.videos if video.id not in rows
        }
        missing |= {video.id: DROPPED for video in there[kept:]}
        if not kept:
            raise CollectionError(_nothing_left(split, side, what, drop_last))
        seen.append(tuple(there[:kept]))
    gallery, queries = seen
    return SplitFeatures(split, features.videos, gallery, queries, _rows(gallery, rows), _rows(queries, rows), missing)


def _rows(videos: Sequence[VideoRecord], rows: dict[str, int]) -> Int[np.ndarray, " n"]:
    return np.array([rows[video.id] for video in videos], dtype=np.int64)


def _nothing_left(split: Split, side: SplitPart, what: str, drop_last: int) -> str:
    dropped = f" that fill a batch of {drop_last}" if drop_last else ""
    return (
        f"of the {side.expected} videos that are the {what} of split {split.name!r} none could be seen{dropped}, "
        "expected one at least: prepare again" + (", or drop none." if drop_last else ".")
    )
