"""Labelling as people do it in a browser: many at once, a pass from video to video, two at the same time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_web_browser import counted, open_page, shown, until
from web_fixtures import Shop

from unreel.web.site import Site

__all__ = ["open_page"]

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_labels")]

Open = Callable[..., Any]


def given(site: Site) -> dict[str, str]:
    """Name → label."""
    return {item.video.row.id: label for item, label in site.labels.given()}


def test_a_screen_shows_thirty_videos_without_bars(open_page: Open) -> None:
    page = open_page("/", viewport={"width": 1280, "height": 860})
    boxes = [tile.bounding_box() for tile in page.locator(".tile").all()]
    columns = len({box["x"] for box in boxes})
    rows = (860 - boxes[0]["y"]) // (boxes[columns]["y"] - boxes[0]["y"])
    assert columns * rows >= 30
    for tile in page.locator(".tile").all():
        screen, picture = (tile.locator(part).bounding_box() for part in (".screen", ".strip, .gone"))
        assert picture["height"] == pytest.approx(screen["height"], abs=0.6)
        assert tile.locator(".id").bounding_box()["height"] < 20
    for size, fewest, most in (("small", columns + 1, 99), ("large", 1, columns - 1)):
        page.get_by_role("radio", name=size).check(force=True)
        page.wait_for_url(f"**size={size[0]}*")
        across = len({tile.bounding_box()["x"] for tile in page.locator(".tile").all()})
        assert fewest <= across <= most


def test_ranges_all_and_the_others_are_selected(open_page: Open, no_labels: Site) -> None:
    page = open_page("/?limit=8")
    page.locator(".pick input").nth(1).click()
    page.locator(".tile .screen").nth(4).click(modifiers=["Shift"])
    counted(page, 4)
    page.locator(".pick input").nth(2).click()
    counted(page, 3)
    page.keyboard.press("Control+a")
    counted(page, 8)
    page.keyboard.press("Control+a")
    counted(page, 20)
    page.locator(".pick input").nth(0).click()
    counted(page, 19)
    page.get_by_role("link", name="Page 2").first.click()
    page.wait_for_url("**offset=8*")
    assert page.locator(".tile .pick input:checked").count() == 8
    page.get_by_role("button", name="Invert").click()
    counted(page, 1)
    page.locator(".tray input[name=label]").fill("alone")
    page.keyboard.press("Enter")
    page.get_by_text("1 labelled alone").wait_for()
    assert len(given(no_labels)) == 1


def test_a_list_is_opened_as_a_selection(open_page: Open, tmp_path: Path, shop: Shop) -> None:
    listed = tmp_path / "mine.csv"
    listed.write_text(f"label,path\nx,{shop.folder}/walk/2.mp4\nx,run/0.mp4\nx,other.mp4\n")
    page = open_page("/")
    page.locator("#list").set_input_files(listed)
    counted(page, 2)
    assert "1 of its names" in page.locator("#told-list").inner_text()
    listed.write_text("nothing.mp4\n")
    page.locator("#list").set_input_files(listed)
    page.get_by_text("names no video of this collection").wait_for()
    counted(page, 2)


def test_labels_of_the_selected_are_all_some_or_none(open_page: Open, no_labels: Site) -> None:
    page = open_page("/?text=walk/")
    known = page.locator(".known")
    page.locator(".pick input").first.click()
    known.get_by_role("button", name="walk").click()
    page.get_by_text("1 labelled walk").wait_for()
    page.get_by_role("button", name="All here").click()
    counted(page, 4)
    known.locator("[aria-pressed=mixed]").wait_for()
    assert known.locator("[aria-pressed=mixed]").all_inner_texts() == ["walk"]
    known.get_by_role("button", name="walk").click()
    page.get_by_text("4 labelled walk").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("4 as before").wait_for()
    assert list(given(no_labels).values()) == ["walk"]
    page.get_by_role("button", name="All here").click()
    counted(page, 4)
    known.get_by_role("button", name="walk").click()
    page.get_by_text("4 labelled walk").wait_for()
    page.get_by_role("button", name="All here").click()
    known.locator("[aria-pressed=true]").click()
    page.get_by_text("4 without a label now").wait_for()
    assert given(no_labels) == {}


@pytest.mark.slow
def test_a_pass_by_keys_labels_one_video_after_the_other(open_page: Open, no_labels: Site) -> None:
    page = open_page("/?text=walk/&facet=given:")
    page.locator(".tile .screen").first.click()
    page.wait_for_url("**/video/*")
    names = [page.locator("h1").inner_text()]
    buttons = page.locator(".quick button").all_inner_texts()
    walk = next(number for number, text in enumerate(buttons, start=1) if "walk" in text)
    for pressed in (str(walk), "j", "k", str(walk)):
        page.keyboard.press(pressed)
        until(page, f"document.querySelector('h1').innerText !== {names[-1]!r}")
        page.wait_for_load_state()
        names.append(page.locator("h1").inner_text())
    assert names == ["walk/0.mp4", "walk/1.mp4", "walk/2.mp4", "walk/1.mp4", "walk/2.mp4"]
    assert given(no_labels) == {"walk/0.mp4": "walk", "walk/1.mp4": "walk"}
    page.keyboard.press("l")
    page.keyboard.type("strolling")
    page.keyboard.press("Enter")
    page.get_by_text("1 labelled strolling").wait_for()
    assert given(no_labels)["walk/2.mp4"] == "strolling"
    assert page.locator(".ruler text").count() >= 3
    until(page, "!document.querySelector('#picture').parentNode.hidden")
    assert "×" in page.locator("#picture").inner_text()


def test_two_browsers_at_once_lose_nothing(open_page: Open, no_labels: Site) -> None:
    one, other = open_page("/?text=walk/"), open_page("/?text=run/")
    for page, label in ((one, "slow"), (other, "fast")):
        page.get_by_role("button", name="All here").click()
        page.locator(".tray input[name=label]").fill(label)
    one.keyboard.press("Enter")
    other.keyboard.press("Enter")
    one.get_by_text("4 labelled slow").wait_for()
    other.get_by_text("5 labelled fast").wait_for()
    third = open_page("/?facet=given:slow")
    third.locator(".pick input").first.click()
    third.locator(".tray input[name=label]").fill("mine")
    third.keyboard.press("Enter")
    third.get_by_text("1 labelled mine").wait_for()
    one.get_by_role("button", name="Undo").click()
    one.get_by_text("3 as before").wait_for()
    labels = given(no_labels)
    assert sorted(labels.values()) == ["fast"] * 5 + ["mine"]
    other.reload()
    assert other.locator(".given").all_inner_texts() == ["fast"] * 5
    assert len(shown(other)) == 5


def test_by_keys_alone_one_filters_on_and_on(open_page: Open) -> None:
    page = open_page("/")
    for box, found in (("walk", 4), ("run", 9)):
        page.get_by_role("list", name="class").get_by_role("checkbox", name=box).focus()
        page.keyboard.press("Space")
        page.wait_for_url(f"**facet=label.class%3A{box}*")
        page.wait_for_load_state()
        assert len(shown(page)) == found
        until(page, f"document.activeElement.value === 'label.class:{box}'")


def test_without_javascript_all_that_is_found_is_labelled(open_page: Open, no_labels: Site) -> None:
    page = open_page("/?facet=folder:walk", java_script_enabled=False)
    page.get_by_role("checkbox", name="all 4 found").check()
    page.locator(".tray input[name=label]").fill("by hand")
    page.get_by_role("button", name="Save label").click()
    page.get_by_text("4 labelled by hand").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("4 as before").wait_for()
    assert given(no_labels) == {}
    page.get_by_role("checkbox", name="run").first.check()
    page.get_by_role("button", name="Show", exact=True).first.click()
    assert len(shown(page)) == 9
