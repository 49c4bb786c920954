"""What was predicted for a collection: a label for every video, how sure it is, and the share of every class."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from unreel.errors import CollectionError
from unreel.video.collection.manifest import Manifest


class PredictedVideo(NamedTuple):
    """A row: `label` is empty where nothing was sure enough; `given` is the label that somebody gave, or empty."""

    path: str
    label: str
    confidence: float
    given: str
    shares: tuple[float, ...]


def nothing_read(manifest: Manifest) -> CollectionError:
    """The error of a collection of which no video can be read."""
    return CollectionError(
        f"none of the {len(manifest)} videos of {manifest.source or manifest.root} can be read any more: prepare again."
    )


@dataclass(frozen=True)
class Predictions:
    """Shares (n k) of the `classes` for each of the videos `paths`, and the labels `given` to some of them.

    A label that was given stands, and its confidence is the share of its class as predicted by what had not learnt from
    the video: a low one marks a video to look at again. `missing` has the reasons of videos that could not be read.
    """

    classes: tuple[str, ...]
    paths: tuple[str, ...]
    shares: Float[np.ndarray, "n k"]
    given: Mapping[str, str]
    missing: Mapping[str, str]

    def rows(self, unknown_below: float = 0.0) -> Iterator[PredictedVideo]:
        """A row for each video; what is less sure than `unknown_below` has no label."""
        number = {name: place for place, name in enumerate(self.classes)}
        for path, shares in zip(self.paths, self.shares, strict=True):
            given = self.given.get(path, "")
            best = number[given] if given in number else int(shares.argmax())
            sure = bool(given) or shares[best] >= unknown_below
            label = (given or self.classes[best]) if sure else ""
            yield PredictedVideo(path, label, float(shares[best]), given, tuple(map(float, shares)))
