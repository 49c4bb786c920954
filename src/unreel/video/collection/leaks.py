"""Videos that are held out for a test but known from training: the same file, a copy, or another clip of the source."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, get_args

from unreel.errors import CollectionError
from unreel.video.collection.duplicates import near_matches
from unreel.video.collection.manifest import Manifest, VideoRecord

Why = Literal["same file", "same group", "near duplicate"]

_RELATION: dict[Why, str] = {"same file": "as", "same group": "as", "near duplicate": "of"}
_SHOWN = 5


@dataclass(frozen=True)
class Leak:
    """A held-out video, the first video of training that gives it away, and why.

    A "near duplicate" (`unreel.video.collection.duplicates`) is another file than the held-out one.
    """

    test: VideoRecord
    training: VideoRecord
    why: Why


def leaks(manifest: Manifest, split: str) -> tuple[Leak, ...]:
    """The videos of a split outside of its "train" part ("test" and "val") that are known from "train".

    Each is named at most once for each reason. Files are compared by checksum and by fingerprint, groups by name; a
    video is compared by those of these three that it has.

    Raises:
        CollectionError: the manifest has no such split, or another version of unreel took its fingerprints.
    """
    parts = manifest.parts(split)
    return _leaks(parts.get("train", ()), _held_out(parts))


def leaks_between(pretraining: Iterable[VideoRecord], evaluation: Manifest, split: str) -> tuple[Leak, ...]:
    """As `leaks`, but known from `pretraining`: a manifest, or those of its videos that are learnt from.

    Raises:
        CollectionError: the manifest of the evaluation has no such split, or another version of unreel took its
            fingerprints.
    """
    usable = [video for video in pretraining if video.status == "ok"]
    return _leaks(usable, _held_out(evaluation.parts(split)))


def check_leaks(found: Iterable[Leak], split: str, allowed: Collection[str] = ()) -> None:
    """Accept the leaks of a split only if all are allowed: by the held-out video's id, its group, or the reason.

    A reason may be allowed for several splits, of which some have no such leak.

    Raises:
        CollectionError: a leak is not allowed, or a video or group is allowed that is the name of no leak.
    """
    found = sorted(found, key=lambda leak: leak.test.id)
    names = {name for leak in found for name in names_of(leak)}
    for name in sorted(set(allowed) - names - set(get_args(Why))):
        raise CollectionError(
            f"{name!r} is allowed to leak, but is the name of no leak of split {split!r}. A leak is allowed by the "
            f"held-out video's id, by its group, or by a reason: {', '.join(get_args(Why))}. Mend the name or take it "
            "away."
        )
    left = [leak for leak in found if not any(name in allowed for name in names_of(leak))]
    if not left:
        return
    lines = [
        f"  {video}: " + ", ".join(f"{leak.why} {_RELATION[leak.why]} {leak.training.id}" for leak in group)
        for video, group in groupby(left, key=lambda leak: leak.test.id)
    ]
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    raise CollectionError(
        f"Of the videos that split {split!r} holds out, {len(lines)} are known from training:",
        *lines[:_SHOWN],
        *more,
        "Leave them out of training or out of the test. To accept them, allow them by name: the held-out video's "
        f"id, its group, or a reason ({', '.join(get_args(Why))}).",
    )


def names_of(leak: Leak) -> tuple[str, ...]:
    """What a leak is allowed by."""
    return tuple(name for name in (leak.test.id, leak.test.group, leak.why) if name)


def _held_out(parts: dict[str, tuple[VideoRecord, ...]]) -> list[VideoRecord]:
    videos = [video for part, videos in parts.items() if part != "train" for video in videos]
    return sorted(videos, key=lambda video: video.id)


def _leaks(training: Iterable[VideoRecord], held_out: list[VideoRecord]) -> tuple[Leak, ...]:
    training = tuple(training)
    near = _first_near(training, held_out)
    by_file: dict[str, VideoRecord] = {}
    by_group: dict[str, VideoRecord] = {}
    for video in training:
        by_file.setdefault(video.checksum, video)
        by_group.setdefault(video.group, video)

    def of(number: int, video: VideoRecord) -> Iterator[Leak]:
        if video.checksum and video.checksum in by_file:
            yield Leak(video, by_file[video.checksum], "same file")
        if video.group and video.group in by_group:
            yield Leak(video, by_group[video.group], "same group")
        if number in near:
            yield Leak(video, training[near[number]], "near duplicate")

    return tuple(leak for number, video in enumerate(held_out) for leak in of(number, video))


def _first_near(training: tuple[VideoRecord, ...], held_out: list[VideoRecord]) -> dict[int, int]:
    """The number of the first near duplicate in training, another file, of every held-out video that has one."""
    tests = [number for number, video in enumerate(held_out) if video.fingerprint]
    firsts: dict[tuple[str, bytes], int] = {}  # what training holds many times is compared once
    for number, video in enumerate(training):
        if video.fingerprint:
            firsts.setdefault((video.checksum, video.fingerprint), number)
    known = list(firsts.values())
    near: dict[int, int] = {}
    matches = near_matches([held_out[n].fingerprint for n in tests], [training[n].fingerprint for n in known])
    for query, match in matches:
        test, number = tests[query], known[match]
        checksum = held_out[test].checksum
        if not checksum or checksum != training[number].checksum:
            near[test] = min(number, near.get(test, number))
    return near
