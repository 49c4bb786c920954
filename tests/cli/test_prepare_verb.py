"""What `unreel prepare` says of a data set with official lists."""

import re
from pathlib import Path

import pytest
from clips import Clip
from official_lists import UCF101, write_ucf101

from unreel.cli.prepare import main


def test_a_data_set_is_prepared_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Clip(frames=25, codec="mpeg4").write(tmp_path / "UCF-101/Archery/v_Archery_g01_c02.avi")
    Clip(frames=30, codec="mpeg4").write(tmp_path / "UCF-101/Archery/v_Archery_g02_c01.avi")
    lists, out = write_ucf101(tmp_path / "elsewhere" / "ucfTrainTestlist", UCF101), tmp_path / "out"
    words = [str(tmp_path / "UCF-101"), str(out), "--layout", "ucf101", "--lists", str(lists.parent)]
    main([*words, "--side", "32", "--workers", "1"])
    *said, rate = capsys.readouterr().out.splitlines()
    assert said == [
        f"2 videos prepared (0.0 minutes), 0 skipped, in {out}",
        "  labels: class, from official lists (--labels none: without)",
        "  no duplicates",
        "  named by the lists but not in the folder: 3 "
        "(v_Archery_g01_c01, v_HandStandPushups_g01_c01, v_HandStandPushups_g03_c01)",
        "  split 1: 1 test, 1 train; 0 groups, 0 files and 0 near duplicates shared by train and test",
        "  split 2: 1 test, 1 train; 0 groups, 0 files and 0 near duplicates shared by train and test",
        "  split 3: 2 train",
    ]
    assert re.fullmatch(r"  expected decoding rate: [1-9]\d* clips of 16 frames per second and core", rate)


def test_an_unknown_layout_is_skipped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path), str(tmp_path / "out"), "--layout", "ucf102"])
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert "ucf102" in said.err + said.out
    assert "ucf101" in said.err + said.out
