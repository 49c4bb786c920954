"""The page of a search."""

import re
from pathlib import Path

import numpy as np
import pytest

from unreel.errors import OutputError
from unreel.reporting.search_page import PageVideo, moving, write_found
from unreel.video.decoding.yuv import Colour, Planes


def planes(frames: int, height: int = 96, width: int = 128) -> Planes:
    luma = np.arange(frames, dtype=np.uint8)[:, None, None].repeat(height, 1).repeat(width, 2) * 8 + 16
    return Planes(luma, np.full((frames, 2, height // 2, width // 2), 128, np.uint8), Colour("bt601"))


def shown(path: str, frames: Planes | str, similarity: float | None = 0.5, copies: tuple[str, ...] = ()) -> PageVideo:
    return PageVideo(path, "1.00–2.00 s", "<b>walk</b>", similarity, frames, copies)


def test_the_page_is_complete_and_escaped(tmp_path: Path) -> None:
    found = [
        shown("/v/a <script>.mp4", planes(30), 0.91234, ("/v/copy.mp4",)),
        shown("/v/gone.mp4", "cannot be opened: no such file"),
    ]
    out = tmp_path / "new/found.html"
    write_found(out, shown("/v/asked.mp4", planes(16), None), found, "exact among 3 clips")
    html = out.read_text()
    assert "<script" not in html
    assert "More like asked.mp4" in html
    assert "exact among 3 clips" in html
    assert "0.9123" in html
    assert "cannot be opened: no such file" in html
    assert "1 near duplicates" in html
    assert "/v/copy.mp4" in html
    assert html.count("data:image/webp") == 2
    assert not re.findall(r"(?:src|href)=\"(?!data:)", html)
    assert not list(tmp_path.glob("**/*.unfinished"))


def test_nothing_was_found(tmp_path: Path) -> None:
    write_found(tmp_path / "found.html", shown("/v/a.mp4", planes(1), None), [], "exact among 0 clips")
    assert "Nothing fulfils the condition." in (tmp_path / "found.html").read_text()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"found\.html cannot be written: .*Name another place"):
        write_found(tmp_path / "file/found.html", shown("/v/a.mp4", planes(1), None), [], "")


def test_strips_show_frames_from_first_to_last() -> None:
    strip = moving(planes(50))
    assert (strip.frames, strip.width, strip.height) == (12, 128, 96)
    assert moving(planes(3, 192, 64)).height == 171
    assert moving(planes(3)).frames == 3


def test_pictures_have_the_colours_of_their_matrix() -> None:
    one = Planes(
        np.full((1, 4, 6), 81, np.uint8),
        np.stack([np.full((1, 2, 3), 90, np.uint8), np.full((1, 2, 3), 240, np.uint8)], axis=1),
        Colour("bt601"),
    )
    assert one.picture(0).shape == (4, 6, 3)
    assert np.abs(one.picture(0)[0, 0].astype(int) - (254, 0, 0)).max() <= 1  # red, as BT.601 has it
