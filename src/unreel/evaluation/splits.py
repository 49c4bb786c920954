"""What is known and what is asked: how a collection is divided into gallery (training) and queries (test).

    official split        the train part · the test part, or val where no test video has a label
    leave one out         every video is asked once, all others, or those of other groups, are known
    random, by groups     some videos, or whole groups, are asked: of each label alike where that can be

What cannot be seen (skipped, or named by the lists but not in the folder) belongs to one of the two as well.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from unreel.errors import CollectionError
from unreel.rng import generator
from unreel.video.collection.manifest import Manifest, VideoRecord


@dataclass(frozen=True)
class SplitPart:
    """The videos of gallery or queries, and why others that should be among them cannot be."""

    videos: tuple[VideoRecord, ...]
    missing: Mapping[str, str]

    @property
    def expected(self) -> int:
        """How many there should be."""
        return len(self.videos) + len(self.missing)


@dataclass(frozen=True)
class Split:
    """Gallery and queries of a collection; where `one_out` is set these are the same, and each is asked in its turn."""

    name: str
    gallery: SplitPart
    queries: SplitPart
    one_out: bool = False

    @property
    def videos(self) -> tuple[VideoRecord, ...]:
        """All that can be seen, each once."""
        return self.gallery.videos if self.one_out else self.gallery.videos + self.queries.videos

    @property
    def expected(self) -> int:
        """How many videos should be seen."""
        return self.gallery.expected if self.one_out else self.gallery.expected + self.queries.expected


def official(manifest: Manifest, split: str) -> Split:
    """An official split.

    Raises:
        CollectionError: there is no such split, or one side of it has no video.
    """
    parts = manifest.parts(split)
    part = next((part for part in ("test", "val") if any(video.labels for video in parts.get(part, ()))), "test")
    gallery, queries = (SplitPart(parts.get(name, ()), manifest.unseen(split, name)) for name in ("train", part))
    return _checked(manifest, Split(split, gallery, queries))


def leave_one_out(manifest: Manifest) -> Split:
    """Every usable video against all others, or where videos have groups against those of other groups."""
    grouped = any(video.group for video in manifest.usable)
    side = SplitPart(manifest.usable, manifest.unseen())
    return Split("leave one group out" if grouped else "leave one video out", side, side, one_out=True)


def random_hold_out(manifest: Manifest, share: float, seed: int) -> Split:
    """A share of the videos as queries, of all combinations of labels as nearly as can be.

    In the order of their labels, and by chance among equal ones, every 1/share-th video is taken, also of those that
    were skipped.

    Raises:
        CollectionError: one side has no video.
    """
    videos = list(manifest)
    chance = generator(seed, "hold-out", "order").permutation(len(videos))
    order = sorted(range(len(videos)), key=lambda row: (sorted(videos[row].labels.items()), chance[row]))
    steps = np.floor(generator(seed, "hold-out", "first").random() + share * np.arange(len(videos) + 1))
    asked = {videos[row].id for row, step in zip(order, np.diff(steps), strict=True) if step}
    return _held_out(manifest, asked, f"random {100 * share:g} %, seed {seed}")


def group_hold_out(manifest: Manifest, share: float, seed: int) -> Split:
    """Whole groups, a share of the videos, as queries: groups by chance, each if it brings the labels nearer to it.

    A video of no group is a group by itself.

    Raises:
        CollectionError: the usable videos are of fewer than two groups, or one side has no video.
    """
    named = {video.group for video in manifest.usable} - {""}
    if len(named) < 2:
        raise CollectionError(
            f"{manifest.source or manifest.root} has {len(named)} groups to divide, expected two or more: give a "
            "--group-pattern that finds them in the videos' paths."
        )
    members: dict[str, list[VideoRecord]] = {}
    for video in manifest:
        members.setdefault(video.group or video.id, []).append(video)
    counts = {name: Counter(label for video in each for label in _labels(video)) for name, each in members.items()}
    wanted = {label: share * count for label, count in sum(counts.values(), Counter()).items()}
    names = sorted(members)
    asked: set[str] = set()
    for row in generator(seed, "hold-out", "groups").permutation(len(names)):
        name = names[row]
        gain = sum(wanted[label] ** 2 - (wanted[label] - count) ** 2 for label, count in counts[name].items())
        if gain > 0 and len(asked) < len(names) - 1:
            asked.add(name)
            wanted = {label: left - counts[name][label] for label, left in wanted.items()}
    if not asked:  # all groups are larger than the share
        asked.add(min(names, key=lambda name: len(members[name])))
    held = {video.id for name in asked for video in members[name]}
    return _held_out(manifest, held, f"groups {100 * share:g} %, seed {seed}")


def _labels(video: VideoRecord) -> Iterable[tuple[str, str]]:
    """What is to be divided alike."""
    return video.labels.items() or [("", "")]


def _held_out(manifest: Manifest, asked: set[str], name: str) -> Split:
    def side(held: bool) -> SplitPart:
        videos = tuple(video for video in manifest.usable if (video.id in asked) == held)
        return SplitPart(videos, {each: why for each, why in manifest.unseen().items() if (each in asked) == held})

    return _checked(manifest, Split(name, side(False), side(True)))


def _checked(manifest: Manifest, division: Split) -> Split:
    for side, what in ((division.gallery, "to search in"), (division.queries, "to ask for")):
        if not side.videos:
            raise CollectionError(
                f"split {division.name} of {manifest.source or manifest.root} has no usable video {what} "
                f"({side.expected} expected). Bring the videos, or choose another split."
            )
    return division
