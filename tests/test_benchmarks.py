"""The benchmarks run; what they measure is no test."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from clips import Clip
from torch.nn import functional

from unreel import models

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def _run(program: str, options: str, out: Path) -> dict[str, Any]:
    command = [sys.executable, str(BENCHMARKS / program), *options.split(), "--rounds", "1", "--out", str(out)]
    subprocess.run(command, capture_output=True, check=True, timeout=300)
    figures: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert figures["charts"]
    assert figures["torch"] == torch.__version__
    return figures


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg to compare with")
def test_preparing_is_measured_beside_ffmpeg(tmp_path: Path) -> None:
    for number in range(2):
        Clip(frames=20, width=80, height=64).write(tmp_path / "videos" / f"{number}.mp4")
    figures = _run("preparing.py", f"{tmp_path / 'videos'} --side 32", tmp_path / "preparing.json")
    assert figures["videos"] == 2
    assert all(each["MB"] > 0 and each["seconds"]["median"] > 0 for each in figures["ways"].values())


@pytest.mark.slow
def test_pretraining_from_files_is_measured_beside_pretraining_from_memory() -> None:
    options = ["--size", "32", "--batch-size", "2", "--steps", "1", "--rounds", "1", "--workers", "0"]
    command = [sys.executable, str(BENCHMARKS / "pretraining.py"), *options]
    figures = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=300).stdout)
    assert figures["seconds per step from files"] > 0
    assert len(figures["of each round"]) == 1


@pytest.mark.slow
def test_scaling_is_foretold_and_measured(tmp_path: Path) -> None:
    options = ["--processes", "2", "--size", "16", "--width", "0.0625", "--batch-size", "4", "--steps", "2"]
    command = [sys.executable, str(BENCHMARKS / "scaling.py"), *options, "--rounds", "1", "--out", str(tmp_path / "j")]
    said = subprocess.run(command, capture_output=True, check=True, timeout=300, text=True).stdout
    assert "predicted / measured" in said
    figures = json.loads((tmp_path / "j").read_text())
    assert [each["processes"] for each in figures["steps"]] == [1, 2]
    assert all(each["measured, ms"] > 0 and each["predicted, ms"] > 0 for each in figures["steps"])
    assert {each["message"] for each in figures["messages"]} == {"all-reduce", "all-gather"}


@pytest.mark.slow
def test_an_encoder_is_measured_against_the_matrix_rate_and_drawn(tmp_path: Path) -> None:
    out = tmp_path / "encoder.json"
    figures = _run("encoder.py", "r3d18 --width 0.0625 --size 32 --batch 1 --frames 4 --sides 64", out)
    both = figures["encoders"]["r3d18"]["forward and backward"]
    assert 0 < both["operations"] < both["operations with those on padding"]
    assert sum(figures["encoders"]["r3d18"]["shares of the time"].values()) == pytest.approx(1)
    subprocess.run([sys.executable, str(BENCHMARKS / "chart.py"), str(out)], capture_output=True, check=True)
    assert out.with_suffix(".png").stat().st_size > 0


@pytest.mark.slow
def test_the_loss_is_measured_and_its_missing_rivals_are_named(tmp_path: Path) -> None:
    figures = _run("loss.py", "--batches 8 --chunk-size 4 --width 4 --sides 64", tmp_path / "loss.json")
    measured = figures["batches"]["8"]
    assert {"unreel", "unreel in blocks"} <= set(measured)
    assert set(measured) | set(figures["left out"]) >= {"lightly", "pytorch-metric-learning"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the highest resident memory is read from /proc")
def test_the_memory_of_the_loss_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    figures = _run("loss_memory.py", "--batches 64 --chunk-size 16", tmp_path / "memory.json")
    assert set(figures["cases"]) == {"64, in blocks", "64, whole"}
    assert figures["cases"]["64, whole"]["bytes of embeddings and gradients"] == 2 * 2 * 10 * 64 * 128 * 4


@pytest.mark.slow
def test_a_step_is_measured_beside_a_plain_one(tmp_path: Path) -> None:
    figures = _run("step.py", "--width 0.0625 --size 48 --batch 2 --sides 64", tmp_path / "step.json")
    assert set(figures["steps"]) == {"unreel", "plain", "plain, views ready"}
    assert figures["steps"]["plain"]["times unreel's"]["median"] > 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the highest resident memory is read from /proc")
def test_a_rival_s_step_is_measured_beside_its_encoder_passes(tmp_path: Path) -> None:
    figures = _run("step.py", "--recipe moco-small --width 0.0625 --size 32 --batch 4", tmp_path / "step.json")
    assert figures["frames"] == 32 and figures["step / passes"]["median"] > 0
    assert set(figures["memory"]) == {"moco-small", "hdc"} and all(each > 0 for each in figures["memory"].values())


def test_operations_are_counted_inside_of_the_maps_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from counting import count

    maps, kernel = torch.ones(2, 3, 4, 5, 6, requires_grad=True), torch.ones(7, 3, 3, 1, 3, requires_grad=True)
    inside = functional.conv3d(torch.ones(1, 1, 4, 5, 6), torch.ones(1, 1, 3, 1, 3), None, (1, 2, 2), (1, 0, 1))
    expected = 2 * 2 * 3 * 7 * int(inside.sum())  # of ones, a place's sum is how many weights lie on the map
    forward = count(lambda: functional.conv3d(maps, kernel, None, (1, 2, 2), (1, 0, 1)))
    assert forward.operations == expected < forward.with_padding
    both = count(lambda: torch.autograd.backward(functional.conv3d(maps, kernel, None, (1, 2, 2), (1, 0, 1)).sum()))
    assert both.operations == 3 * expected
    unpadded = count(lambda: functional.conv3d(maps, kernel))
    assert unpadded.operations == unpadded.with_padding
    before = count(lambda: functional.conv3d(functional.pad(maps, (1, 1, 0, 0, 1, 1)), kernel, None, (1, 2, 2)))
    assert before.operations == expected


def test_the_plain_encoder_is_the_same_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from plain import PlainHDC

    torch.manual_seed(0)
    encoder = models.build("r3d18", width=0.0625)
    plain = PlainHDC(0.0625, 0.07, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    weights = encoder.state_dict()
    renamed = {
        name: weights[re.sub(r"^stages\.(\d)", lambda found: f"block{int(found[1]) + 2}", name)] for name in _own(plain)
    }
    plain.load_state_dict(renamed, strict=False)
    clips = torch.randn(2, 3, 8, 64, 64)
    for level, maps in encoder(clips).items():
        torch.testing.assert_close(plain._levels(clips)[int(level)], maps, atol=1e-4, rtol=1e-4)


def _own(plain: torch.nn.Module) -> list[str]:
    return [name for name in plain.state_dict() if not name.startswith("projections")]
