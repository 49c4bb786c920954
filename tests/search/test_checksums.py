"""Whatever a disk changes of a table is told, or makes no difference."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from tables import WIDTH, contents, rows_for, write_rows

from unreel.errors import CollectionError
from unreel.search import checksums
from unreel.search.checksums import LISTING
from unreel.search.table import EmbeddingTable


def written(place: Path) -> Path:
    """A table written in two goes, into several row groups or files."""
    for number in range(2):
        rows = [row for video in range(3) for row in rows_for(3 * number + video, 4)]
        chance = np.random.default_rng(number)
        write_rows(place, rows, chance.normal(size=(len(rows), WIDTH)).astype(np.float32))
    return place


def flip(path: Path, at: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1 << bit
    path.write_bytes(content)


def told_or_right(place: Path, expected: list[tuple[object, ...]]) -> bool:
    """Whether damage is told."""
    try:
        assert contents(place) == expected
    except CollectionError as error:
        assert "\n" not in str(error)
        return True
    return False


def test_every_file_of_a_folder_is_compared(tmp_path: Path) -> None:
    place = written(tmp_path / "table")
    expected = contents(place)
    chance = random.Random(0)
    files = sorted(path for path in place.rglob("*") if path.stat().st_size and path.is_file())
    told = 0
    for path in files:
        whole = path.read_bytes()
        flip(path, chance.randrange(len(whole)), chance.randrange(8))
        told += told_or_right(place, expected)
        path.write_bytes(whole)
    assert told >= len(files) - 2  # all but LanceDB's hints, of which it can do without
    assert contents(place) == expected


@pytest.mark.parametrize("change", ["cut", "removed", "listing"])
def test_folders_of_which_something_is_missing(change: str, tmp_path: Path) -> None:
    place = written(tmp_path / "table")
    newest = min((place / "embeddings.lance/_versions").glob("*.manifest"))  # the names count down
    if change == "cut":
        newest.write_bytes(newest.read_bytes()[:100])
    elif change == "removed":  # LanceDB would show the version before it
        newest.unlink()
    else:
        (place / LISTING).write_text("[]")
    with pytest.raises(CollectionError, match="is not as `unreel embed` wrote it"):
        EmbeddingTable.open(place)


def test_a_table_may_be_copied_and_goes_on(tmp_path: Path) -> None:
    place = written(tmp_path / "table")
    shutil.copytree(place, tmp_path / "copy")
    rows = rows_for(9)
    write_rows(tmp_path / "copy", rows, np.ones((len(rows), WIDTH), np.float32))
    assert len(contents(tmp_path / "copy")) == len(contents(place)) + len(rows)


def test_of_large_folders_the_small_files_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = written(tmp_path / "table")
    monkeypatch.setattr(checksums, "CHECKED_BYTES", 1)
    read: list[Path] = []
    monkeypatch.setattr(checksums, "_crc", lambda path, *_: read.append(path))
    EmbeddingTable.open(place)
    assert read == []
