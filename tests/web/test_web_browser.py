"""The tour, as people take it: browse, click, upload, filter, lasso, compare, label, export; by pointer and by keys."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from reporting_fixtures import moves, stands
from web_fixtures import Shop, key

from unreel.video.collection.label_tables import read_table
from unreel.web.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("no_labels")]

Open = Callable[..., Any]

PLACES = "images => images.map(image => getComputedStyle(image).transform)"


@pytest.fixture
def open_page(browser: Any, address: str) -> Iterator[Open]:
    """Opens pages; afterwards no other host may have been asked for anything, and nothing been complained of."""
    requests, complaints, contexts = [], [], []

    def complain(message: Any) -> None:
        # pictures of videos that were removed, and lists that are none
        if not any(each in message.location["url"] for each in ("/api/videos/", "/api/list")):
            complaints.append(message.text)

    def opened(path: str, **options: Any) -> Any:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options))
        page = contexts[-1].new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", complain)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [url for url in requests if not url.startswith((f"{address}/", "blob:"))] == []
    assert complaints == []


def until(page: Any, condition: str) -> None:
    """Wait for a condition; a function, as the pages forbid to evaluate texts."""
    page.wait_for_function(f"() => {condition}", timeout=10_000)


def shown(page: Any) -> list[str]:
    """The names of the videos on a page, in their order."""
    names: list[str] = page.locator(".tile .id").all_text_contents()
    return names


def counted(page: Any, number: int) -> None:
    """Wait until the page says that so many are selected."""
    until(page, f"document.querySelector('.tray .count').innerText === '{number} selected'")


def test_browse_move_and_pause(open_page: Open) -> None:
    page = open_page("/")
    assert page.locator(".tile").count() == 20
    until(page, "document.querySelector('.strip').complete")
    assert page.locator(".strip").first.evaluate("image => image.naturalWidth") == 1920
    assert moves(page, ".strip", PLACES)
    page.get_by_role("button", name="Pause clips").click()
    assert stands(page, ".strip", PLACES)
    page.locator(".tile").first.hover()
    assert moves(page, ".tile:first-child .strip", PLACES)
    page.reload()
    page.mouse.move(0, 0)
    assert stands(page, ".strip", PLACES)
    page.keyboard.press("p")
    assert moves(page, ".strip", PLACES)


@pytest.mark.slow
def test_who_wants_no_motion_sees_none(open_page: Open) -> None:
    page = open_page("/", reduced_motion="reduce")
    assert stands(page, ".strip", PLACES)


def test_filter(open_page: Open) -> None:
    page = open_page("/")
    page.keyboard.press("/")
    page.keyboard.type("run/")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?text=run%2F&size=m")
    assert shown(page) == [f"run/{number}.mp4" for number in range(4)] + ["run/old.avi"]
    page.goto(page.url.partition("?")[0])
    page.get_by_role("list", name="class").get_by_role("checkbox", name="walk").check()
    page.wait_for_url("**/?**facet=label.class%3Awalk**")
    assert len(shown(page)) == 4
    page.get_by_role("textbox", name="Condition").fill("end > 1.4")
    page.keyboard.press("Enter")
    page.wait_for_url("**where=*")
    assert shown(page) == ["walk/2.mp4", "walk/3.mp4"]
    page.get_by_role("list", name="Conditions in force").get_by_role("link", name="condition").click()
    page.wait_for_url(lambda url: "where" not in url)
    assert len(shown(page)) == 4
    assert page.get_by_role("list", name="class").get_by_role("checkbox", name="walk").is_checked()


@pytest.mark.slow
def test_a_click_asks_all_encoders_and_a_piece_is_chosen_on_the_time_line(open_page: Open) -> None:
    page = open_page("/?text=long")
    page.locator(".tile .screen").first.click()
    page.wait_for_url("**/video/*")
    assert page.locator(".columns h2").all_inner_texts()[0].startswith("tiny")
    assert page.locator(".columns section").count() == 2
    assert page.locator(".elsewhere").count() > 0
    assert page.locator(".caption .number").first.inner_text().startswith(("0.", "1."))
    line = page.locator(".timeline")
    box = line.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10, steps=4)
    page.mouse.up()
    assert float(page.locator("[name=at]").input_value()) == pytest.approx(2.0, abs=0.1)
    assert float(page.locator("[name=seconds]").input_value()) == pytest.approx(2.0, abs=0.1)
    until(page, "document.querySelector('video').readyState >= 2")
    until(page, "document.querySelector('video').currentTime > 1.9")
    page.get_by_role("button", name="Find what is like it").click()
    page.wait_for_url("**at=*")
    page.get_by_text("moments").click()
    page.wait_for_url("**kind=clip*")
    assert "–" in page.locator(".when").first.inner_text()
    page.get_by_text("untrained").first.click()
    page.wait_for_url("**encoder=0*")
    assert page.locator(".columns section").count() == 1
    page.get_by_role("link", name="whole video").click()
    until(page, "!location.search.includes('at=')")


@pytest.mark.slow
def test_a_video_that_browsers_cannot_play_is_played(open_page: Open) -> None:
    page = open_page(f"/video/{key('run/old.avi')}")
    until(page, "document.querySelector('video').readyState >= 2")
    assert page.evaluate("document.querySelector('video').currentSrc").endswith("/piece?start=0.000&end=2.400")


def test_upload(open_page: Open, shop: Shop) -> None:
    page = open_page("/upload")
    page.locator("input[type=file]").set_input_files(shop.folder / "run/old.avi")
    page.get_by_role("button", name="Send and search").click()
    page.wait_for_url("**/sent/*")
    assert page.locator("h1").inner_text() == "old.avi"
    assert shown(page)[0] == "run/old.avi"
    assert page.locator(".caption .number").first.inner_text() == "1.000"
    until(page, "document.querySelector('video').readyState >= 2")


@pytest.mark.slow
def test_select_label_and_export(open_page: Open, no_labels: Site, tmp_path: Path) -> None:
    page = open_page("/?text=walk")
    tray = page.locator(".tray")
    assert not tray.is_visible()
    for number in (0, 2):
        page.locator(".pick input").nth(number).check()
    counted(page, 2)
    page.goto(page.url.replace("walk", "long"))
    page.locator(".pick input").first.check()
    counted(page, 3)
    for form, name in (("List", "videos.txt"), ("CSV", "hits.csv"), ("Clips", "clips.zip")):
        with page.expect_download() as download:
            tray.get_by_role("button", name=form, exact=True).click()
        download.value.save_as(tmp_path / name)
    listed = (tmp_path / "videos.txt").read_text().splitlines()
    assert [Path(line).name for line in listed] == ["0.mp4", "2.mp4", "long.mp4"]
    assert (tmp_path / "hits.csv").read_text().count("\n") == 4
    assert len(zipfile.ZipFile(tmp_path / "clips.zip").namelist()) == 3
    tray.get_by_role("button", name="Show").click()
    page.wait_for_url("**/selection")
    assert shown(page) == ["walk/0.mp4", "walk/2.mp4", "long.mp4"]
    page.keyboard.press("l")
    page.keyboard.type("strolling")
    page.keyboard.press("Enter")
    page.wait_for_url("**/labels*")
    assert page.locator(".given").all_inner_texts() == ["strolling"] * 3
    assert not tray.is_visible()
    assert [row["label"] for row in read_table(no_labels.labels.path).values()] == ["strolling"] * 3
    assert page.get_by_text("once there are two different ones").is_visible()


@pytest.mark.slow
def test_keys(open_page: Open) -> None:
    page = open_page("/")
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    focused = "document.activeElement.closest('.tile').querySelector('.id').textContent"
    assert page.evaluate(focused) == "lost/changed.mp4"
    page.keyboard.press("x")
    counted(page, 1)
    page.keyboard.press("ArrowDown")
    below = page.evaluate(focused)
    assert below not in ("long.mp4", "lost/changed.mp4")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(focused) == "lost/changed.mp4"
    page.keyboard.press("x")
    assert not page.locator(".tray").is_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/video/{key('lost/changed.mp4')}?among=%3F")


def lasso(page: Any, canvas: Any, right: float) -> None:
    """Draw round the map from its left to `right`, a share of its width."""
    box = canvas.bounding_box()
    corners = [(0.01, 0.01), (right, 0.01), (right, 0.99), (0.01, 0.99)]
    for number, (x, y) in enumerate(corners):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=3)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def test_map(open_page: Open) -> None:
    page = open_page("/map", viewport={"width": 1280, "height": 1000})
    page.wait_for_url("**/?map=0")
    canvas = page.locator("canvas")
    until(page, "document.querySelector('.waiting').hidden")
    assert "20 videos · t-SNE" in page.locator("#method").inner_text()
    assert page.locator(".legend button").count() == 5
    canvas.focus()
    page.keyboard.press("ArrowRight")
    peek = page.locator(".peek")
    assert peek.is_visible()
    assert moves(page, ".peek .strip", PLACES)
    seen = {peek.locator("p").inner_text()}
    for pressed in ("ArrowLeft", "ArrowDown", "ArrowUp", "ArrowRight"):
        page.keyboard.press(pressed)
        seen.add(peek.locator("p").inner_text())
    assert len(seen) > 1
    page.keyboard.press("x")
    counted(page, 1)
    assert page.locator(".tile .pick input:checked").count() == 1
    page.keyboard.press("x")
    assert not page.locator(".tray").is_visible()
    page.get_by_role("combobox", name="Colour").select_option("length")
    page.wait_for_url("**colour=length*")
    until(page, "document.querySelector('.waiting').hidden")
    assert page.locator(".legend button").count() == 3
    places = page.evaluate("fetch('/api/maps/0').then(answer => answer.json()).then(map => map.places)")
    page.get_by_role("button", name="Lasso").click()
    lasso(page, canvas, right=0.5)
    page.wait_for_url("**lasso=0+*")
    margin = 24 / canvas.bounding_box()["width"]
    inside = sum((0.5 - margin) / (1 - 2 * margin) > x for x, _ in places)
    assert 0 < inside < 20
    assert len(shown(page)) == inside
    page.get_by_role("link", name="Take away map").click()
    page.wait_for_url(lambda url: "lasso" not in url)
    assert len(shown(page)) == 20


@pytest.mark.slow
def test_the_map_is_moved_zoomed_and_pointed_at(open_page: Open) -> None:
    page = open_page("/?map=1", viewport={"width": 1280, "height": 1200})
    until(page, "document.querySelector('.waiting').hidden")
    canvas, peek = page.locator("canvas"), page.locator(".peek")
    points = page.evaluate("fetch('/api/maps/1').then(answer => answer.json()).then(map => map.places)")
    box = canvas.bounding_box()
    x, y = points[7]
    place = {"x": 24 + x * (box["width"] - 48), "y": 24 + y * (box["height"] - 48)}
    canvas.hover(position=place)
    peek.wait_for()
    before = canvas.screenshot()
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(100)
    assert canvas.screenshot() != before
    canvas.hover(position={"x": place["x"] + 1, "y": place["y"]})
    peek.wait_for()  # zooming leaves the point under the pointer where it is
    page.get_by_role("button", name="All", exact=True).click()
    page.locator(".legend button").first.click()
    assert page.locator(".legend button[aria-pressed=true]").count() == 1
    canvas.click(position=place)
    page.wait_for_url("**/video/*")


@pytest.mark.slow
def test_on_a_phone_the_map_is_tapped(open_page: Open) -> None:
    page = open_page("/?map=0", viewport={"width": 390, "height": 844}, has_touch=True)
    until(page, "document.querySelector('.waiting').hidden")
    x, y = page.evaluate("fetch('/api/maps/0').then(answer => answer.json()).then(map => map.places[3])")
    canvas = page.locator("canvas")
    side = canvas.bounding_box()["width"]
    place = {"x": 24 + x * (side - 48), "y": 24 + y * (side - 48)}
    canvas.tap(position=place)
    box = page.locator(".peek").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    canvas.tap(position=place)
    page.wait_for_url("**/video/*")


PATHS = [
    "/",
    "/?map=0&facet=label.class:walk&text=walk",
    "/labels",
    "/upload",
    "/help",
    f"/video/{key('walk/0.mp4')}",
    f"/video/{key('long.mp4')}?kind=clip&at=1",
]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_their_window(open_page: Open, scheme: str) -> None:
    page = open_page("/", color_scheme=scheme)
    home = page.url
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 844})
        for path in PATHS:
            page.goto(home.rstrip("/") + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, paper[4:-1].split(","))) < 200) == (scheme == "dark")


def test_without_javascript_the_pages_work(open_page: Open) -> None:
    page = open_page("/?text=walk", java_script_enabled=False)
    page.locator(".pick input").nth(1).check()
    page.locator(".tray input[name=label]").fill("by hand")
    page.get_by_role("button", name="Save label").click()
    page.wait_for_url("**/?text=walk&done=*")
    assert page.locator(".given").all_inner_texts() == ["by hand"]
    page.locator(".tile .screen").first.click()
    page.locator("[name=at]").fill("0.2")
    page.get_by_role("button", name="Find what is like it").click()
    assert "at=0.2" in page.url
    assert len(shown(page)) > 10
