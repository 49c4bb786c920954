"""Nothing is ever overwritten."""

from pathlib import Path

import pytest

from unreel.engine.files import check_free
from unreel.errors import OverwriteError


def test_free_is_what_is_not_there_or_empty(tmp_path: Path) -> None:
    check_free(tmp_path / "new")
    check_free(tmp_path)


@pytest.mark.parametrize("name", ["folder", "folder/file"])
def test_taken(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("mine")
    with pytest.raises(
        OverwriteError, match=f"{name} exists already and nothing is overwritten: write to another place"
    ):
        check_free(tmp_path / name)
