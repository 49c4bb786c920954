"""Folders for tests: made on the spot, or of real data."""

import hashlib
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
    folder = Path(os.environ.get("UNREEL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    if not (folder / name).is_dir():
        pytest.skip(f"no folder {name!r} of real data in {folder}: name their folder in UNREEL_DATA")
    return folder / name


def checksums(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a prepared folder, but for the lock's."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "prepared.lock"
    }
