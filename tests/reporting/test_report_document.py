"""Documents: one file, or a page with a folder; whole or not at all."""

import re
from pathlib import Path

import numpy as np
import pytest

from unreel.errors import OutputError, OverwriteError
from unreel.reporting.document import files_beside, write_document
from unreel.reporting.strips import Strip, strip_of


@pytest.fixture(scope="module")
def strip() -> Strip:
    return strip_of([np.full((12, 16, 3), level, np.uint8) for level in (0, 128, 255)], seconds=0.3)


def _write(out: Path, strip: Strip, *, split: bool = False) -> str:
    return write_document("document.html", {"data": {}}, {4: strip}, out, split=split).read_text(encoding="utf-8")


def test_one_file_holds_its_pictures(tmp_path: Path, strip: Strip) -> None:
    html = _write(tmp_path / "page.html", strip)
    assert f".clip-4{{--frames:3;aspect-ratio:16/12;width:100%;background-image:url({strip.address})" in html
    assert "animation:play 0.30s steps(3,jump-none) infinite" in html
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" in html
    assert list(tmp_path.iterdir()) == [tmp_path / "page.html"]


def test_a_split_page_has_them_beside_it(tmp_path: Path, strip: Strip) -> None:
    html = _write(tmp_path / "a page (1).html", strip, split=True)
    assert "background-image:url(a%20page%20%281%29_files/4.webp)" in html
    assert "img-src 'self' data:;" in html
    assert not re.search(r"url\(data:", html)
    beside = files_beside(tmp_path / "a page (1).html")
    assert [path.read_bytes() for path in beside.iterdir()] == [strip.image]
    assert {path.name for path in tmp_path.iterdir()} == {"a page (1).html", "a page (1)_files"}


def test_a_folder_that_is_taken_is_not_touched(tmp_path: Path, strip: Strip) -> None:
    taken = tmp_path / "page_files"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    with pytest.raises(OverwriteError, match=r"page_files exists already and nothing is overwritten"):
        _write(tmp_path / "page.html", strip, split=True)
    assert [path.name for path in tmp_path.iterdir()] == ["page_files"]
    assert (taken / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("split", [False, True])
def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path: Path, strip: Strip, split: bool) -> None:
    out = tmp_path / "folder"
    out.mkdir()
    with pytest.raises(OutputError, match=r"folder cannot be written: Is a directory\. Name another place\.$"):
        _write(out, strip, split=split)
    assert list(tmp_path.iterdir()) == [out]
