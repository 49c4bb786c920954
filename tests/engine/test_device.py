"""Where to compute: what is not there is told before any work, wherever it is asked for."""

import sys
from pathlib import Path

import pytest
import torch
from folders import make

from unreel import cli
from unreel.engine.device import check_device, device, nvidia
from unreel.errors import SettingsError


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("without_gpu")
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"accelerator": "cuda"},
            r"accelerator is 'cuda', but torch finds no NVIDIA GPU here .*Choose accelerator auto",
        ),
        (
            {"accelerator": "mps"},
            "accelerator is 'mps', but torch finds no GPU of Apple's here. Choose accelerator auto",
        ),
        (
            {"accelerator": "auto", "precision": "16-mixed"},
            "precision is '16-mixed', .* train in 32-true or bf16-mixed",
        ),
        (
            {"accelerator": "cpu", "devices": 1000},
            r"devices is 1000, expected at most \d+ on this machine's CPUs",
        ),
    ],
)
def test_what_is_not_there_is_told(asked: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        check_device(**asked)  # type: ignore[arg-type]


@pytest.mark.usefixtures("without_gpu")
def test_processors_are_always_there() -> None:
    assert device("auto") == device("cpu") == torch.device("cpu")
    assert not nvidia("auto")
    check_device("auto", "bf16-mixed", 8)


def test_gpus_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device("auto") == device("cuda") == torch.device("cuda", 0)
    check_device("cuda", "16-mixed", 2)
    with pytest.raises(SettingsError, match="devices is 3, expected at most 2 on this machine's NVIDIA GPUs"):
        check_device("auto", devices=3)


VERBS = (
    "pretrain videos --out out",
    "finetune videos --out out",
    "evaluate retrieval street651-small videos --out out",
    "evaluate knn street651-small videos --out out",
    "evaluate test street651-small videos --out out",
    "evaluate finetune street651-small videos --out out --split 1",
    "embed street651-small videos --out out.lance",
    "figure looks street651-small videos --query a --hit b --out out.html",
    "reproduce table1 --data videos --scale small --out out",
)


@pytest.mark.usefixtures("without_gpu")
@pytest.mark.parametrize("accelerator", ["cuda", "mps"])
@pytest.mark.parametrize("words", VERBS)
def test_no_verb_works_before_it_says_so(
    words: str,
    accelerator: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make(tmp_path / "videos", "a.mp4", "b.mp4")  # nobody gets as far as to see that they are empty
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["unreel", *words.split(), "--accelerator", accelerator])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n")) == (2, 1)
    assert said.startswith(f"unreel: accelerator is '{accelerator}', but torch finds no ")
    assert [path.name for path in tmp_path.iterdir()] == ["videos"]
