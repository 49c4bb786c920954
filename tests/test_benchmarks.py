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
