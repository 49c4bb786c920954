"""What `scan` and `prepare` say at their end, line by line."""

from pathlib import Path

from unreel.cli.tables.collection_summary import summary
from unreel.video.collection.manifest import Manifest, VideoRecord

OUT = Path("out")


def record(name: str, splits: dict[str, str] | None = None, *, group: str = "", checksum: str = "") -> VideoRecord:
    return VideoRecord(
        f"{name}.avi", "ok", splits=splits or {}, group=group, checksum=checksum or name, duration=6.0, fingerprint=b""
    )


def test_only_the_first_missing_videos_and_leaks_are_named() -> None:
    held_out = [record(f"t{number}", {"1": "test"}, group=f"g{number % 3}", checksum="same") for number in range(3)]
    training = [record(f"a{number}", {"1": "train"}, group=f"g{number}", checksum="same") for number in range(2)]
    validation = record("v", {"1": "val"})
    manifest = Manifest(OUT, (*training, *held_out, validation), missing=("m1", "m2", "m3", "m4"))
    assert summary(manifest, "prepared", OUT) == [
        "6 videos prepared (0.6 minutes), 0 skipped, in out",
        "  no labels (--labels folders or a table gives some)",
        "  4 exact duplicates, in 1 groups",
        "    a0.avi = a1.avi = t0.avi = …",
        "  near duplicates not looked for",
        "  named by the lists but not in the folder: 4 (m1, m2, m3, …)",
        "  split 1: 3 test, 2 train, 1 val; 2 groups, 3 files and 0 near duplicates shared by train and test or val",
        "    t0.avi: same file as a0.avi",
        "    t0.avi: same group as a0.avi",
        "    t1.avi: same file as a0.avi",
        "    and 2 more",
    ]


def test_refusals_are_counted_by_reason_and_named() -> None:
    bad = [VideoRecord(f"x{number:02}.mp4", "skipped", "empty file") for number in range(11)]
    cut = VideoRecord("c.mp4", "ok", "truncated after 20 frames: broken", checksum="c", duration=120.0)
    other = VideoRecord("y.mp4", "skipped", "no video stream")
    assert summary(
        Manifest(OUT, (cut, *bad, other), ignored=3, ignored_kinds={".txt": 2, ".insv": 1}), "can be used", OUT
    ) == [
        "1 videos can be used (2.0 minutes), 12 skipped, in out",
        "  no labels (--labels folders or a table gives some)",
        "  skipped: 11 × empty file",
        "  skipped: 1 × no video stream",
        *(f"    x{number:02}.mp4: empty file" for number in range(10)),
        "    and 2 more",
        "  noted: c.mp4: truncated after 20 frames: broken",
        "  no exact duplicates",
        "  near duplicates not looked for",
        "  3 files without a video's name ignored: 2 .txt, 1 .insv",
    ]


def test_a_plain_folder_has_no_lines_about_lists() -> None:
    assert summary(Manifest(OUT, (record("a"),)), "prepared", OUT) == [
        "1 videos prepared (0.1 minutes), 0 skipped, in out",
        "  no labels (--labels folders or a table gives some)",
        "  no exact duplicates",
        "  near duplicates not looked for",
    ]
