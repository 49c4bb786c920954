"""`unreel finetune`: from a folder of videos to the figures, and what it says when it cannot."""

from dataclasses import replace
from pathlib import Path

import pytest
from clips import Clip

from unreel.cli import main
from unreel.cli.finetune import main as finetune
from unreel.cli.finetune import print_recognition
from unreel.errors import CollectionError, SettingsError
from unreel.evaluation.recognition import Prediction, Recognition, read_recognition

TINY = "--encoder r3d18 --width 0.0625 --size 28 --clip-length 8 --batch-size 3 --steps 2 --accelerator cpu --devices 1"
PROBE = "--labels folders --frozen --batch-size 3 --steps 1 --accelerator cpu --devices 1 --loader-workers 0"
OPTIONS = [*TINY.split(), "--loader-workers", "0", "--log-every", "1", "--labels", "folders"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for label in ("bend", "jump"):
        for number in range(4):
            Clip(width=48, height=40, frames=20 + number).write(folder / label / f"g{number // 3}_{number}.mp4")
    Clip(width=48, height=40).write(folder / "g0_unlabelled.mp4")
    return folder


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("UNREEL_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def _held_out(out: Path, *more: str) -> list[str]:
    return ["--out", str(out), *OPTIONS, "--group-pattern", "(g[0-9])_", "--test-groups", "g1", *more]


def test_a_folder_is_learnt_and_tested_and_a_probe_begins_with_its_weights(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finetune([str(videos), *_held_out(tmp_path / "run")])
    said = capsys.readouterr().out
    found = read_recognition(tmp_path / "run" / "recognition.json")
    assert "learning 2 classes of 'class' from 6 videos, each 1 times" in said
    assert "tested on 2 videos (groups g1, test)" in said
    assert "recognition of 2 classes of 'class', groups g1, test" in said
    assert f"{100 * found.figures['video/top1']:.1f}" in said
    assert "2 of 2 videos seen" in said
    assert f"written to {tmp_path / 'run' / 'recognition.json'}" in said

    finetune([str(videos), "--out", str(tmp_path / "probe"), "--weights", str(tmp_path / "run"), *PROBE.split()])
    said = capsys.readouterr().out
    assert "from 8 videos" in said
    assert "nothing is tested: name a --split, or --test-groups to hold out" in said
    assert "1 files left out" in said
    assert "  g0_unlabelled.mp4: no label 'class'" in said
    assert not (tmp_path / "probe" / "recognition.json").exists()


def test_what_was_not_seen_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    one = Prediction("a.mp4", "b", "b", 1, (1.0, 0.0), 2, 1, 2)
    found = Recognition("class", ("b", "c"), "videos", "1, test", 0, 1, {}, (one,))
    print_recognition(found)
    assert "not seen" not in capsys.readouterr().out
    missing = {f"{number}.mp4": "no video stream" for number in range(12)}
    print_recognition(replace(found, expected=13, missing=missing))
    said = capsys.readouterr().out
    assert "1 of 13 videos seen" in said
    assert "not seen: 12\n    0.mp4: no video stream" in said
    assert "and 2 more" in said
    assert "50.0" in said


def test_settings_of_an_earlier_run_can_be_repeated(
    videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finetune([str(videos), "--out", str(tmp_path / "run"), *OPTIONS])
    finetune(["--config", str(tmp_path / "run" / "settings.yaml"), "--out", str(tmp_path / "again")])
    assert "from 8 videos" in capsys.readouterr().out
    weights = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("run", "again")]
    assert weights[0] == weights[1]


def test_mistakes_are_told_before_anything_is_made(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(CollectionError, match=r"no group 'g7' to test\. Its groups are: none"):
        finetune([str(videos), "--out", str(out), *OPTIONS, "--test-groups", "g7"])
    with pytest.raises(CollectionError, match="has no split '1'"):
        finetune([str(videos), "--out", str(out), *OPTIONS, "--split", "1"])
    with pytest.raises(SettingsError, match="split is '1' and test_groups are g1, expected one of them"):
        finetune([str(videos), *_held_out(out, "--split", "1")])
    with pytest.raises(CollectionError, match="a batch needs 9"):
        finetune([str(videos), "--out", str(out), *OPTIONS, "--batch-size", "9"])
    assert not out.exists()


def test_weights_that_are_not_there_end_with_exit_code_2(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["unreel", "finetune", str(videos), "--out", str(tmp_path / "run"), "--weights", str(tmp_path / "no")]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"unreel: {tmp_path / 'no'} holds no weights" in capsys.readouterr().err
