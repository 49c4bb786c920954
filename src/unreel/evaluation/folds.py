"""Folds: a labelled collection in as many parts as alike as can be, of which each is the test once."""

from collections import Counter

from unreel.errors import CollectionError
from unreel.video.collection.manifest import Manifest, VideoRecord


def folds(manifest: Manifest, label: str, count: int) -> dict[str, int]:
    """The fold, from 1 to `count`, of every file of a collection; as many folds as groups leave one group out.

    Whole groups, the largest first, each go where they bring the labels of all folds nearest to each other, and among
    equals to the smallest fold. A video of no group is a group by itself. No chance decides: folds are the same for
    every seed.

    Raises:
        CollectionError: there are fewer groups, or videos where there are no groups, than folds.
    """
    members: dict[str, list[VideoRecord]] = {}
    for record in sorted(manifest, key=lambda record: (record.labels.get(label, ""), record.id)):
        members.setdefault(record.group or record.id, []).append(record)
    if len(members) < count:
        what = "groups" if any(record.group for record in manifest) else "videos"
        raise CollectionError(
            f"{manifest.source or manifest.root} has {len(members)} {what}, which make no {count} folds: give "
            f"{len(members)} folds or less."
        )
    held: list[Counter[str]] = [Counter() for _ in range(count)]
    sizes = [0] * count
    found: dict[str, int] = {}
    for group in sorted(members.values(), key=len, reverse=True):  # equally large ones stay in the order of labels
        labels = Counter(record.labels[label] for record in group if label in record.labels)
        costs = [sum(number * own[name] for name, number in labels.items()) for own in held]
        best = min(range(count), key=lambda fold: (costs[fold], sizes[fold], fold))
        held[best] += labels
        sizes[best] += len(group)
        found |= {record.id: best + 1 for record in group}
    return found
