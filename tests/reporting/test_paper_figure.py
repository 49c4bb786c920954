"""Sheets of paper: text that stays text, in any script, whole files or none."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.font_manager import FontEntry
from matplotlib.text import Text
from PIL import Image

from unreel.errors import OutputError, SettingsError
from unreel.reporting.paper_figure import (
    DOTS_PER_INCH,
    Fonts,
    Sheet,
    check_format,
    fonts_for,
    print_remarks,
    save_figures,
)


def _page(text: str = "Query") -> Sheet:
    sheet = Sheet(3.0, 1.0, [text])
    sheet.text(0.1, 0.5, text, 8.0)
    return sheet


def test_a_pdf_holds_its_fonts_and_no_drawn_letters(tmp_path: Path) -> None:
    content = save_figures([_page().figure], tmp_path / "figure.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert b"/FontFile2" in content
    assert b"/Type3" not in content


def test_a_png_has_300_dots_per_inch(tmp_path: Path) -> None:
    with Image.open(save_figures([_page().figure], tmp_path / "figure.png")) as image:
        assert image.size == (3 * DOTS_PER_INCH, DOTS_PER_INCH)
        assert min(image.convert("L").getextrema()) < 100  # something is written


@pytest.mark.parametrize("name", ["figure.pdf", "figure.png"])
def test_the_same_figure_is_the_same_file(tmp_path: Path, name: str) -> None:
    first = save_figures([_page().figure], tmp_path / "first" / name).read_bytes()
    assert save_figures([_page().figure], tmp_path / "again" / name).read_bytes() == first
    assert [path.name for path in (tmp_path / "first").iterdir()] == [name]


def test_several_figures_are_pages_of_a_pdf_only(tmp_path: Path) -> None:
    figures = [_page("one").figure, _page("two").figure]
    assert save_figures(figures, tmp_path / "two.pdf").read_bytes().count(b"/Type /Page ") == 2
    with pytest.raises(SettingsError, match=r"two\.png can hold one figure, got 2: choose one, or write a PDF"):
        save_figures(figures, tmp_path / "two.png")


def test_other_formats_are_skipped() -> None:
    check_format(Path("Figure.PDF"))
    with pytest.raises(SettingsError, match=r"got the figure's name figure\.svg, expected one that ends in \.html"):
        check_format(Path("figure.svg"))


def test_a_place_that_cannot_be_written_is_named_and_left(tmp_path: Path) -> None:
    (tmp_path / "taken.pdf").mkdir()
    with pytest.raises(OutputError, match=r"taken\.pdf cannot be written: Is a directory\. Name another place\.$"):
        save_figures([_page().figure], tmp_path / "taken.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.pdf"]


@pytest.mark.parametrize("text", ["a $b$ $", "ünïcödé 🎬 走る", "latin \udce9", "tab\there\x00"])
def test_any_text_can_be_drawn(tmp_path: Path, text: str) -> None:
    sheet = _page(text)
    assert sheet.width_of(text, 8.0) > 0
    for name in ("any.pdf", "any.png"):
        save_figures([sheet.figure], tmp_path / name)


def test_what_is_between_dollars_is_no_mathematics() -> None:
    assert fonts_for([]).shown("$a$") == r"\$a\$"
    sheet = Sheet(1.0, 1.0)
    assert sheet.width_of("$x^2$", 8.0) > sheet.width_of("x^2", 8.0)


def test_what_no_font_has_is_a_box_and_matplotlibs_own_font_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fonts_for(["plain, ünïcödé ⚠"]) == Fonts(["DejaVu Sans"], frozenset())
    monkeypatch.setattr("unreel.reporting.paper_figure.font_manager.fontManager.ttflist", [])
    found = fonts_for(["走\t"])
    assert found == Fonts(["DejaVu Sans"], frozenset("走"))
    assert found.shown("走る\t") == "□る□"


def test_another_font_helps_where_it_has_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    other = FontEntry(fname="/fonts/other.ttf", name="Other")
    monkeypatch.setattr("unreel.reporting.paper_figure.font_manager.fontManager.ttflist", [other])
    monkeypatch.setattr(
        "unreel.reporting.paper_figure._characters", lambda font: set("走a" if "other" in font else "a")
    )
    assert fonts_for(["走走"]) == Fonts(["DejaVu Sans", "Other"], frozenset())


def test_lines_are_no_wider_than_wanted() -> None:
    sheet = Sheet(1.0, 1.0)
    text = "passing American football not in game"
    lines = sheet.wrapped(text, 7.0, 1.0)
    assert " ".join(lines) == text
    assert len(lines) > 1
    two = sheet.wrapped(text, 7.0, 0.6, most=2)
    assert len(two) == 2
    assert two[-1].endswith("…")
    for line in (*lines, *two, *sheet.wrapped("Incomprehensibilities", 7.0, 0.5)):
        assert sheet.width_of(line, 7.0) <= 1.0
    assert sheet.wrapped("", 7.0, 1.0) == [""]


def test_pictures_keep_their_shape_and_boxes_their_place() -> None:
    sheet = Sheet(4.0, 2.0)
    sheet.picture(np.zeros((10, 20, 3), np.uint8), (1.0, 0.0, 1.0, 1.0))
    (image,) = sheet.figure.axes[0].images
    assert tuple(image.get_extent()) == (1, 2, 0.75, 0.25)
    sheet.boxes([(0.0, 0.0, 4.0, 2.0)], ["#000000"])
    assert sheet.figure.axes[0].get_xlim() == (0, 4)
    assert sheet.figure.axes[0].get_ylim() == (2, 0)


def test_remarks_are_below_the_figure_in_lines_as_wide_as_it() -> None:
    remark = "what has to be said " * 12
    sheet = print_remarks((3.0, 1.0), [remark], [], 0.1)
    lines = [each for each in sheet.figure.findobj(Text) if each.get_text()]
    assert " ".join(each.get_text() for each in lines) == remark.strip()
    assert all(each.get_position()[1] > 1 for each in lines)
    assert lines[-1].get_position()[1] < sheet.figure.get_size_inches()[1]
