"""Videos that a collection holds more than once: the same file again, or a copy of the same pictures.

A copy is found if it was re-encoded, scaled, mirrored left to right, made brighter, duller or slower, or given another
frame rate. What is not found: an excerpt, other borders or another crop (beyond some pixels), a copy turned or with
much written over it, and videos that vary less than `LEAST_CONTRAST`. What is found although it is no copy: the same
movement repeated by the same person before the same camera and cut alike; pictures that stand still and look alike.
`benchmarks/duplicates.py` measures both.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int8, Int64

from unreel.video.collection.fingerprint import FREQUENCIES, LENGTH, ODD, decode_coefficients, mirrored, stack
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.preference import Preference

NEAR = 0.2
"""Videos at most so far apart are near duplicates. No two of Weizmann's 90 takes before one wall are within 0.25."""

# No pair is missed: a part of the coefficients of two videos is never further apart than all of them. The first ones
# find candidates; more and then all are compared of these. They are sorted by the one that says how much brighter the
# upper half is, which tells many apart and is the same in a mirror.
_WIDTHS = 64, 256, LENGTH
_UPPER_HALF = FREQUENCIES.index((0, 1, 0))
_ROUNDING = 1e-5  # far above that of float32 here
_BLOCK = 512, 2048  # queries and known ones: 4 MB of products at once
_CANDIDATES = 4096
_BY_DEFAULT = Preference()


@dataclass(frozen=True)
class DuplicateGroups:
    """Groups of two or more ids, each in the order of preference (the first is kept), the groups sorted.

    `exact` are the same file, byte for byte. `near` are linked by near duplicates; of exact ones only the first id
    stands there, so that no video is superfluous twice.
    """

    exact: tuple[tuple[str, ...], ...]
    near: tuple[tuple[str, ...], ...]

    @property
    def superfluous_exact(self) -> int:
        """How many files could go without losing a byte."""
        return sum(len(group) - 1 for group in self.exact)

    @property
    def superfluous_near(self) -> int:
        """How many more could go if one of each group is enough."""
        return sum(len(group) - 1 for group in self.near)

    @property
    def kept(self) -> dict[str, str]:
        """What is kept instead of each superfluous video."""
        near = {name: group[0] for group in self.near for name in group[1:]}
        exact = {name: near.get(group[0], group[0]) for group in self.exact for name in group[1:]}
        return exact | near


def duplicates(records: Iterable[VideoRecord], preference: Preference = _BY_DEFAULT) -> DuplicateGroups:
    """The duplicates among the usable videos; one without checksum or fingerprint is compared by the other only.

    Raises:
        CollectionError: a fingerprint that another version of unreel took.
    """
    videos = sorted((video for video in records if video.status == "ok"), key=preference.key)
    files: dict[str, list[str]] = {}
    looks: dict[bytes, list[str]] = {}
    for video in videos:
        same = files.setdefault(video.checksum or f"id {video.id}", [])
        same.append(video.id)
        if video.fingerprint and len(same) == 1:
            looks.setdefault(video.fingerprint, []).append(video.id)
    exact = tuple(tuple(ids) for ids in files.values() if len(ids) > 1)
    rank = {video.id: number for number, video in enumerate(videos)}
    near = (tuple(sorted(group, key=rank.__getitem__)) for group in _linked(looks))
    return DuplicateGroups(tuple(sorted(exact)), tuple(sorted(near)))


def marked(manifest: Manifest, kept: Mapping[str, str], unique: bool = False) -> Manifest:
    """The manifest whose records say what is `kept` instead of them; where it is to be `unique`, these are skipped."""
    checksums = {record.id: record.checksum for record in manifest}

    def mark(record: VideoRecord) -> VideoRecord:
        record = replace(record, duplicate_of=kept.get(record.id, ""))
        if not unique or not record.duplicate_of:
            return record
        kind = "copy" if record.checksum == checksums.get(record.duplicate_of) else "near duplicate"
        return replace(record, status="skipped", reason=f"{kind} of {record.duplicate_of}", path="")

    return replace(manifest, records=tuple(map(mark, manifest)))


def near_matches(queries: Sequence[bytes], known: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Every pair (number of a query, number of a known fingerprint) of near duplicates, in an order of no meaning.

    Memory grows with the number of fingerprints, never with that of pairs.

    Raises:
        CollectionError: a fingerprint that another version of unreel took.
    """
    rows, columns = _Sorted.of(queries), _Sorted.of(known)
    for start in range(0, len(queries), _BLOCK[0]):
        block = slice(start, start + _BLOCK[0])
        left = np.searchsorted(columns.key, rows.key[block].min() - NEAR - _ROUNDING)
        right = np.searchsorted(columns.key, rows.key[block].max() + NEAR + _ROUNDING)
        for first in range(int(left), int(right), _BLOCK[1]):
            others = slice(first, min(first + _BLOCK[1], int(right)))
            for pairs in _candidates(rows.stacked[block], columns.stacked[others]):
                row, column = _near_of(rows.stacked[block], columns.stacked[others], pairs)
                yield from zip(rows.order[block][row].tolist(), columns.order[others][column].tolist(), strict=True)


@dataclass(frozen=True)
class _Sorted:
    """Fingerprints in the order of their `key`; `order` are their numbers."""

    stacked: Int8[np.ndarray, "n d"]
    key: Float32[np.ndarray, " n"]
    order: Int64[np.ndarray, " n"]

    @classmethod
    def of(cls, fingerprints: Sequence[bytes]) -> "_Sorted":
        stacked = stack(fingerprints)
        key = decode_coefficients(stacked[:, _UPPER_HALF : _UPPER_HALF + 1])[:, 0]
        order = np.argsort(key, kind="stable")
        return cls(stacked[order], key[order], order)


def _candidates(queries: Int8[np.ndarray, "q d"], known: Int8[np.ndarray, "k d"]) -> Iterator[Int64[np.ndarray, "2 _"]]:
    """The pairs (row, column) that the first coefficients do not tell apart, some thousand at a time.

    A mirror changes the sign of the odd products only: that of one with the other's nearer image is even + |odd|.
    """
    one, other = (decode_coefficients(stacked[:, : _WIDTHS[0]]) for stacked in (queries, known))
    odd = ODD[: _WIDTHS[0]]
    products = one[:, odd] @ other[:, odd].T
    np.abs(products, out=products)
    products += one[:, ~odd] @ other[:, ~odd].T
    products -= (other**2).sum(1) / 2
    least = (one**2).sum(1, keepdims=True) / 2 - NEAR**2 / 2 - _ROUNDING
    pairs = np.stack(np.nonzero(products >= least))
    for start in range(0, pairs.shape[1], _CANDIDATES):
        yield pairs[:, start : start + _CANDIDATES]


def _near_of(
    queries: Int8[np.ndarray, "q d"], known: Int8[np.ndarray, "k d"], pairs: Int64[np.ndarray, "2 _"]
) -> Int64[np.ndarray, "2 _"]:
    """Those of the pairs that are near, straight or mirrored."""
    for width in _WIDTHS[1:]:
        row, column = pairs
        one, other = decode_coefficients(queries[row, :width]), decode_coefficients(known[column, :width])
        squares = [((view - other) ** 2).sum(1) for view in (one, mirrored(one))]
        pairs = pairs[:, np.minimum(*squares) <= NEAR**2]
    return pairs


def _linked(looks: dict[bytes, list[str]]) -> Iterator[list[str]]:
    """The groups of ids that equal or near fingerprints link, of two ids or more."""
    fingerprints, ids = list(looks), list(looks.values())
    leader = list(range(len(ids)))

    def leader_of(number: int) -> int:
        while leader[number] != number:
            leader[number] = number = leader[leader[number]]
        return number

    for one, other in near_matches(fingerprints, fingerprints):
        leader[leader_of(other)] = leader_of(one)
    groups: dict[int, list[str]] = {}
    for number, names in enumerate(ids):
        groups.setdefault(leader_of(number), []).extend(names)
    return (group for group in groups.values() if len(group) > 1)
