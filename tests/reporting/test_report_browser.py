"""The page as people meet it: it moves, pauses, answers pointer and keys, fits a phone, and asks no other host."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from reporting_fixtures import moves, stands

from unreel.reporting.report import write_report

pytestmark = pytest.mark.browser

Open = Callable[..., Any]


@pytest.fixture
def open_report(open_page: Open, make_manifest: Any, make_inputs: Any, tmp_path: Path) -> Open:
    """Opens a full report."""
    return partial(open_page, write_report(make_inputs(make_manifest()), tmp_path / "report.html"))


def test_query_and_neighbours_move_until_paused(open_report: Open) -> None:
    page = open_report()
    query, neighbours = ".queries:not([hidden]) .asked .clip", ".queries:not([hidden]) .found .clip"
    assert page.locator(query).count() == 8
    assert page.locator(neighbours).count() == 8 * 2 * 5
    assert moves(page, query)
    assert moves(page, neighbours)
    page.get_by_role("button", name="Pause clips").click()
    assert stands(page, ".clip")
    page.locator(query).first.hover()
    assert moves(page, ".queries:not([hidden]) article:first-child .asked .clip")
    page.get_by_role("button", name="Play clips").click()
    assert moves(page, neighbours)


@pytest.mark.slow
def test_reduced_motion_starts_paused_and_focus_plays(open_report: Open) -> None:
    page = open_report(reduced_motion="reduce")
    assert stands(page, ".clip")
    page.locator(".queries:not([hidden]) .row").nth(1).focus()
    rows = ".queries:not([hidden]) article:first-child .row"
    assert moves(page, f"{rows}:focus .clip")
    assert stands(page, f"{rows}:not(:focus) .clip")


def test_without_javascript_the_page_is_complete(open_report: Open) -> None:
    page = open_report(java_script_enabled=False)
    assert page.locator("table.scores").count() == 2
    assert page.locator(".chart .line").count() == 4
    assert page.locator(".map svg g:not([hidden]) .dot").count() == 2 * 12


def test_charts_tell_the_values_at_the_pointer_and_by_key(open_report: Open) -> None:
    page = open_report()
    loss = page.locator(".chart").first
    assert loss.locator("output").all_inner_texts() == ["0.1", "0.06"]
    plot = loss.locator(".plot")
    box = plot.bounding_box()
    plot.hover(position={"x": 1, "y": box["height"] / 2})
    assert loss.locator("output").all_inner_texts() == ["5", "3"]
    assert loss.locator(".at").inner_text() == "at step 1"
    page.mouse.move(0, 0)
    assert loss.locator(".at").inner_text() == "at the last step"
    plot.focus()
    page.keyboard.press("ArrowLeft")
    assert loss.locator(".at").inner_text() == "at step 49"
    assert plot.get_attribute("aria-valuetext").startswith("at step 49: loss")


def test_pointing_at_the_map_shows_the_video_moving(open_report: Open) -> None:
    page = open_report()
    first, second = page.locator(".map").all()
    first.locator("g:not([hidden]) .dot").nth(4).hover(force=True)
    peek = first.locator(".peek")
    assert peek.is_visible()
    assert peek.locator("p").inner_text().startswith("video ")
    assert peek.locator("dl").inner_text().split() in [["action", a, "person", p] for a in "abc" for p in "xy"]
    assert moves(page, ".map .peek:not([hidden]) .clip")
    assert second.locator("g:not([hidden]) .dot.on").count() == 1
    assert not second.locator(".peek").is_visible()
    page.mouse.move(0, 0)
    assert not peek.is_visible()


@pytest.mark.slow
def test_the_map_is_explored_by_keyboard(open_report: Open) -> None:
    page = open_report()
    sky = page.locator(".map svg[tabindex]").first
    sky.focus()
    page.keyboard.press("ArrowRight")
    peek = page.locator(".map .peek").first
    assert peek.is_visible()
    seen = {peek.locator("p").inner_text()}
    for key in ("ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
        seen.add(peek.locator("p").inner_text())
    assert len(seen) > 1
    page.keyboard.press("Escape")
    assert not peek.is_visible()


@pytest.mark.slow
def test_another_label_evaluates_gallery_and_map(open_report: Open) -> None:
    page = open_report()
    legend = page.locator(".legend:not([hidden]) button")
    assert [text.split()[0] for text in legend.all_inner_texts()] == ["a", "b", "c"]
    page.locator("#gallery .switch").get_by_text("person").click()
    assert [text.split()[0] for text in legend.all_inner_texts()] == ["x", "y"]
    assert page.locator("#map .switch input").nth(1).is_checked()
    assert page.locator(".queries:not([hidden])").get_attribute("data-label") == "1"
    legend.first.click()
    assert page.locator(".maps.faded g:not([hidden]) .dot.kept").count() == 2 * 6
    legend.first.click()
    assert page.locator(".maps.faded").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_its_window(open_report: Open, width: int, scheme: str) -> None:
    page = open_report(viewport={"width": width, "height": 844}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 200) == (scheme == "dark")


@pytest.mark.slow
def test_a_tap_shows_the_video_within_a_phone(open_report: Open) -> None:
    page = open_report(viewport={"width": 390, "height": 844}, has_touch=True)
    for dot in page.locator(".map").first.locator("g:not([hidden]) .dot").all():
        dot.tap(force=True)
        box = page.locator(".map .peek").first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_a_command_is_copied(open_report: Open) -> None:
    page = open_report()
    button = page.locator(".copy").first
    button.click()
    page.wait_for_function("['Copied', 'Selected'].includes(document.querySelector('.copy').textContent)")
