"""`unreel scan` as it is typed."""

from pathlib import Path

import pytest
from clips import Clip

from unreel.cli.scan import main
from unreel.errors import CollectionError
from unreel.video.collection.manifest import Manifest


def test_a_folder_is_scanned_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = Clip(frames=25).write(tmp_path / "videos/run/one.mp4")
    (tmp_path / "videos/run/two.mp4").write_bytes(one.read_bytes())
    Clip(frames=50, codec="mpeg4", width=320, height=240).write(tmp_path / "videos/walk/copy of one.avi")
    (tmp_path / "videos/walk/text.mp4").write_text("hello")
    out = tmp_path / "scan.parquet"
    main([str(tmp_path / "videos"), "--out", str(out), "--workers", "1"])
    *said, rate = capsys.readouterr().out.splitlines()
    assert "clips of 16 frames per second and core" in rate
    assert said == [
        f"3 videos can be used (0.1 minutes), 1 skipped, in {out}",
        "  labels: class, from 2 folders (--labels none: without)",
        "  skipped: 1 × not a video, or damaged beyond opening",
        "    walk/text.mp4: not a video, or damaged beyond opening",
        "  1 exact duplicates, in 1 groups",
        "    run/one.mp4 = run/two.mp4",
    ]
    assert [record.labels for record in Manifest.read(out).usable] == [{"class": "run"}] * 2 + [{"class": "walk"}]


@pytest.mark.slow
def test_a_list_is_scanned_quickly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Clip(frames=100).write(tmp_path / "a.mp4")
    (tmp_path / "list.txt").write_text("a.mp4 run\nb.mp4 walk\n")
    out = tmp_path / "scan.parquet"
    main([str(tmp_path / "list.txt"), "--out", str(out), "--workers", "1", "--quick"])
    *said, rate = capsys.readouterr().out.splitlines()
    assert "clips of 16 frames per second and core" in rate
    assert said == [
        f"1 videos can be used (0.1 minutes), 1 skipped, in {out}",
        "  labels: class, from list.txt (--labels none: without)",
        "  skipped: 1 × cannot be opened: no such file or directory",
        "    b.mp4: cannot be opened: no such file or directory",
        "  no exact duplicates",
        "  near duplicates not looked for",
    ]


def test_a_folder_that_is_not_there_is_skipped(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="does not exist"):
        main([str(tmp_path / "none"), "--out", str(tmp_path / "scan.parquet")])
