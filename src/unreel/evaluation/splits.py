"""How a collection is divided into gallery (training) and queries (test).

    official split        the train part · the test part, or val where no test video has a label
    leave one out         every video is a query once; all others, or those of other groups, are its gallery
    random, by groups     some videos, or whole groups, are queries: of each label alike where that can be
    folds                 parts as alike as can be, each of which is the test once

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
    """Gallery and queries of a collection; where `one_out` is set both are the same, and each is a query once."""

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
    queries = {videos[row].id for row, step in zip(order, np.diff(steps), strict=True) if step}
    return _held_out(manifest, queries, f"random {100 * share:g} %, seed {seed}")


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
    chosen: set[str] = set()
    for row in generator(seed, "hold-out", "groups").permutation(len(names)):
        name = names[row]
        gain = sum(wanted[label] ** 2 - (wanted[label] - count) ** 2 for label, count in counts[name].items())
        if gain > 0 and len(chosen) < len(names) - 1:
            chosen.add(name)
            wanted = {label: left - counts[name][label] for label, left in wanted.items()}
    if not chosen:  # all groups are larger than the share
        chosen.add(min(names, key=lambda name: len(members[name])))
    held = {video.id for name in chosen for video in members[name]}
    return _held_out(manifest, held, f"groups {100 * share:g} %, seed {seed}")


def folds(manifest: Manifest, label: str, count: int) -> dict[str, int]:
    """The fold, from 1 to `count`, of every file of a collection (see `fold_numbers`).

    Raises:
        CollectionError: there are fewer groups, or videos where there are no groups, than folds.
    """
    units = len({record.group or record.id for record in manifest})
    if units < count:
        what = "groups" if any(record.group for record in manifest) else "videos"
        raise CollectionError(
            f"{manifest.source or manifest.root} has {units} {what}, which make no {count} folds: give {units} folds "
            "or less."
        )
    return fold_numbers([(record.id, record.labels.get(label, ""), record.group) for record in manifest], count)


def fold_numbers(videos: Iterable[tuple[str, str, str]], count: int) -> dict[str, int]:
    """The fold, from 1 to `count`, of every (id, label, group); as many folds as groups leave one group out.

    Whole groups, the largest first, each go where they bring the labels of all folds nearest to each other, and among
    equals to the smallest fold. A video of no group is a group by itself, one of no label counts for none. No chance
    decides: folds are the same for every seed.
    """
    members: dict[str, list[tuple[str, str]]] = {}
    for identity, label, group in sorted(videos, key=lambda video: (video[1], video[0])):
        members.setdefault(group or identity, []).append((identity, label))
    held: list[Counter[str]] = [Counter() for _ in range(count)]
    sizes = [0] * count
    found: dict[str, int] = {}
    for group_members in sorted(members.values(), key=len, reverse=True):  # equally large ones in the order of labels
        labels = Counter(label for _, label in group_members if label)
        costs = [sum(number * own[name] for name, number in labels.items()) for own in held]
        best = min(range(count), key=lambda fold: (costs[fold], sizes[fold], fold))
        held[best] += labels
        sizes[best] += len(group_members)
        found |= {identity: best + 1 for identity, _ in group_members}
    return found


def _labels(video: VideoRecord) -> Iterable[tuple[str, str]]:
    """What is to be divided alike."""
    return video.labels.items() or [("", "")]


def _held_out(manifest: Manifest, queries: set[str], name: str) -> Split:
    def side(held: bool) -> SplitPart:
        videos = tuple(video for video in manifest.usable if (video.id in queries) == held)
        return SplitPart(videos, {each: why for each, why in manifest.unseen().items() if (each in queries) == held})

    return _checked(manifest, Split(name, side(False), side(True)))


def _checked(manifest: Manifest, split: Split) -> Split:
    for side, what in ((split.gallery, "to search in"), (split.queries, "to ask for")):
        if not side.videos:
            raise CollectionError(
                f"split {split.name} of {manifest.source or manifest.root} has no usable video {what} "
                f"({side.expected} expected). Bring the videos, or choose another split."
            )
    return split
