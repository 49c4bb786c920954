"""Whole data sets by their official lists: every video of UCF101 and HMDB51, as a small generated clip in its place."""

import struct
from pathlib import Path

import pytest
from clips import Clip, solid
from folders import real_data

from unreel.video.collection.leaks import leaks
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.official_lists import ListedVideo, read_hmdb51, read_ucf101
from unreel.video.collection.options import PrepareOptions, ScanOptions
from unreel.video.collection.prepare import prepare
from unreel.video.collection.scan import scan

pytestmark = [pytest.mark.slow, pytest.mark.data]


def tree(folder: Path, listed: dict[str, ListedVideo]) -> Path:
    """A clip for every listed video, no two the same file, and all of one grey, so that none is like another."""
    content = Clip(frames=16, width=32, height=32, pictures=solid(90, 90, 90)).write(folder / "clip.mp4").read_bytes()
    for number, (name, video) in enumerate(listed.items()):
        path = folder / "videos" / video.label / f"{name}.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + struct.pack(">I4sI", 12, b"free", number))
    return folder / "videos"


def check(manifest: Manifest, counts: dict[str, tuple[int, int]]) -> None:
    """Every video is there, the parts are as large as published, and nothing is shared by them."""
    assert (manifest.skipped, manifest.missing) == ((), ())
    for split, (train, test) in counts.items():
        parts = manifest.parts(split)
        assert (len(parts["train"]), len(parts["test"])) == (train, test)
        assert leaks(manifest, split) == ()


def test_ucf101_through_its_three_splits(tmp_path: Path) -> None:
    lists = real_data("splits") / "ucf101"
    videos = tree(tmp_path, read_ucf101(lists))
    manifest = scan(videos, tmp_path / "scan.parquet", ScanOptions(layout="ucf101", lists=lists))
    assert len(manifest) == 13_320
    check(manifest, {"1": (9_537, 3_783), "2": (9_586, 3_734), "3": (9_624, 3_696)})


def test_hmdb51_through_its_three_splits(tmp_path: Path) -> None:
    lists = real_data("splits") / "hmdb51"
    videos = tree(tmp_path, read_hmdb51(lists))
    manifest = prepare(videos, tmp_path / "out", PrepareOptions(16, layout="hmdb51", lists=lists))
    assert len(manifest) == 6_766
    check(manifest, dict.fromkeys("123", (3_570, 1_530)))
