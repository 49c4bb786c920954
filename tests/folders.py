"""Folders for tests: made on the spot, or of real data."""

import os
from pathlib import Path

import pytest


def make(folder: Path, *names: str) -> Path:
    """Empty files of these names; nothing here is ever opened."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def real_data(name: str) -> Path:
    """A folder of the real data; the test is skipped, and says so, where there is none."""
    folder = Path(os.environ.get("UNREEL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (folder / name).is_dir():
        pytest.skip(f"no folder {name!r} of real data in {folder}: name their folder in UNREEL_DATA")
    return folder / name
