"""The benchmarks run; what they measure is no test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


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
