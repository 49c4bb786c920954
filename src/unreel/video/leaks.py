"""Videos that are held out for a test but known from training: the same file, or another clip of the same source."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from unreel.video.manifest import Manifest, VideoRecord


@dataclass(frozen=True)
class Leak:
    """A held-out video, the first video of training that gives it away, and why."""

    test: VideoRecord
    training: VideoRecord
    why: Literal["same file", "same group"]


def leaks(manifest: Manifest, split: str) -> tuple[Leak, ...]:
    """The videos of a split outside of its "train" part ("test" and "val") that are known from "train".

    Each is named at most once for each reason. Files are compared by checksum, groups by name; a video without group is
    compared by checksum only.

    Raises:
        CollectionError: the manifest has no such split.
    """
    parts = manifest.parts(split)
    return tuple(_leaks(parts.get("train", ()), _held_out(parts)))


def leaks_between(pretraining: Iterable[VideoRecord], evaluation: Manifest, split: str) -> tuple[Leak, ...]:
    """As `leaks`, but known from `pretraining`: a manifest, or those of its videos that are learnt from.

    Raises:
        CollectionError: the manifest of the evaluation has no such split.
    """
    usable = [video for video in pretraining if video.status == "ok"]
    return tuple(_leaks(usable, _held_out(evaluation.parts(split))))


def _held_out(parts: dict[str, tuple[VideoRecord, ...]]) -> list[VideoRecord]:
    videos = [video for part, videos in parts.items() if part != "train" for video in videos]
    return sorted(videos, key=lambda video: video.id)


def _leaks(training: Iterable[VideoRecord], held_out: Iterable[VideoRecord]) -> Iterator[Leak]:
    by_file: dict[str, VideoRecord] = {}
    by_group: dict[str, VideoRecord] = {}
    for video in training:
        by_file.setdefault(video.checksum, video)
        by_group.setdefault(video.group, video)
    for video in held_out:
        if video.checksum and video.checksum in by_file:
            yield Leak(video, by_file[video.checksum], "same file")
        if video.group and video.group in by_group:
            yield Leak(video, by_group[video.group], "same group")
