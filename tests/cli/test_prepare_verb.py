"""What `unreel prepare` says of a data set with official lists."""

from pathlib import Path

import pytest
from clips import Clip
from official_lists import UCF101, write_ucf101

from unreel.cli.prepare import main, summary
from unreel.video.manifest import Manifest, VideoRecord


def record(name: str, splits: dict[str, str], *, group: str = "", checksum: str = "") -> VideoRecord:
    return VideoRecord(f"{name}.avi", "ok", splits=splits, group=group, checksum=checksum or name, duration=6.0)


def test_a_data_set_is_prepared_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Clip(frames=25, codec="mpeg4").write(tmp_path / "UCF-101/Archery/v_Archery_g01_c02.avi")
    Clip(frames=30, codec="mpeg4").write(tmp_path / "UCF-101/Archery/v_Archery_g02_c01.avi")
    lists, out = write_ucf101(tmp_path / "elsewhere" / "ucfTrainTestlist", UCF101), tmp_path / "out"
    words = [str(tmp_path / "UCF-101"), str(out), "--layout", "ucf101", "--lists", str(lists.parent)]
    main([*words, "--side", "32", "--workers", "1"])
    assert capsys.readouterr().out.splitlines() == [
        f"2 videos prepared (0.0 minutes), 0 refused, in {out}",
        "  named by the lists but not in the folder: 3 "
        "(v_Archery_g01_c01, v_HandStandPushups_g01_c01, v_HandStandPushups_g03_c01)",
        "  split 1: 1 test, 1 train; 0 groups and 0 files shared by train and test",
        "  split 2: 1 test, 1 train; 0 groups and 0 files shared by train and test",
        "  split 3: 2 train",
    ]


def test_an_unknown_layout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path), str(tmp_path / "out"), "--layout", "ucf102"])
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert "ucf102" in said.err + said.out
    assert "ucf101" in said.err + said.out


def test_only_the_first_missing_videos_and_leaks_are_named() -> None:
    held_out = [record(f"t{number}", {"1": "test"}, group=f"g{number % 3}", checksum="same") for number in range(3)]
    training = [record(f"a{number}", {"1": "train"}, group=f"g{number}", checksum="same") for number in range(2)]
    validation = record("v", {"1": "val"})
    manifest = Manifest(Path("out"), (*training, *held_out, validation), missing=("m1", "m2", "m3", "m4"))
    assert summary(manifest).splitlines() == [
        "6 videos prepared (0.6 minutes), 0 refused, in out",
        "  named by the lists but not in the folder: 4 (m1, m2, m3, …)",
        "  split 1: 3 test, 2 train, 1 val; 2 groups and 3 files shared by train and test or val",
        "    t0.avi: same file as a0.avi",
        "    t0.avi: same group as a0.avi",
        "    t1.avi: same file as a0.avi",
        "    and 2 more",
    ]


def test_a_plain_folder_has_no_lines_about_lists() -> None:
    assert summary(Manifest(Path("out"), (record("a", {}),))) == "1 videos prepared (0.1 minutes), 0 refused, in out"
