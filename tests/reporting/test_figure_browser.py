"""Figures and compared runs as people meet them: they move, fit a phone, answer, and ask no other host."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reporting_fixtures import made_up_run, made_up_test, moves, stands
from retrievals import changed

from unreel.evaluation.correspondence import ClipPair, Correspondence
from unreel.reporting.classes import ClassRow, ClassTable
from unreel.reporting.confusion import Confusion
from unreel.reporting.correspondence_maps import looks
from unreel.reporting.coverage import MissingVideos
from unreel.reporting.document import files_beside
from unreel.reporting.figure_page import write_classes, write_confusions, write_looks, write_side_by_side
from unreel.reporting.recognition import ShownTest
from unreel.reporting.report import ReportInputs, write_report
from unreel.reporting.side_by_side import Choosing, side_by_side

pytestmark = pytest.mark.browser

Make = Callable[..., Any]

WIDTHS = (390, 1280)
NAMES = tuple(f"AnActionOfCommonLength{number}" for number in range(101))
FEWER = MissingVideos(("hdc",), 3780, 3783, {"a.avi": "truncated"})


def _fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.fixture
def hits_page(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> Path:
    manifest = make_manifest()
    retrievals = make_inputs(manifest).retrievals
    four = [changed(retrievals[1], encoder=name) for name in ("SC", "TC", "SC + TC", "HDC")]
    return write_side_by_side(side_by_side(manifest, four, Choosing("action", hits=2)), tmp_path / "hits.html")


@pytest.mark.parametrize("width", WIDTHS)
def test_queries_and_hits_move_side_by_side(open_page: Make, hits_page: Path, width: int) -> None:
    page = open_page(hits_page, viewport={"width": width, "height": 844})
    assert _fits(page)
    assert page.locator(".beside .clip").count() == 4 * (1 + 4 * 2)
    assert moves(page, ".beside .clip")
    page.get_by_role("button", name="Pause clips").click()
    assert stands(page, ".beside .clip")
    boxes = [each.bounding_box() for each in page.locator(".beside article").first.locator(".answer").all()]
    assert len({box["y"] for box in boxes}) == (1 if width == 1280 else 2)
    assert page.locator(".beside .encoder").first.is_visible() == (width == 390)
    assert page.locator(".beside .head").is_visible() == (width == 1280)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_matrix_of_a_hundred_and_one_classes_is_read_and_enlarged(
    open_page: Make, tmp_path: Path, width: int
) -> None:
    counts = np.diag(np.full(101, 37)) + np.eye(101, k=1, dtype=int)
    one, other = (Confusion(name, "class", NAMES, counts, [FEWER]) for name in ("one", "other"))
    page = open_page(write_confusions([one, other], tmp_path / "c.html"), viewport={"width": width, "height": 844})
    assert _fits(page)
    matrix = page.locator(".matrix").first
    first, last = matrix.locator("tbody th").first, matrix.locator("tbody tr").last.locator(".hit")
    assert float(first.locator("span").evaluate("e => parseFloat(getComputedStyle(e).fontSize)")) >= 10
    at = first.bounding_box()["x"]
    last.scroll_into_view_if_needed()
    assert last.is_visible()
    assert first.bounding_box()["x"] == at  # the names stay
    before = last.bounding_box()["width"]
    page.get_by_label("Size").first.fill("1.2")
    assert last.bounding_box()["width"] > 2 * before
    page.get_by_text("other", exact=True).first.click()
    assert not matrix.is_visible()
    assert page.locator(".matrix").nth(1).is_visible()
    page.get_by_text("3,780 of 3,783").nth(1).click()
    assert page.get_by_text("a.avi: truncated").nth(1).is_visible()


@pytest.mark.parametrize("width", WIDTHS)
def test_classes_are_sorted_by_the_column_that_is_pressed(open_page: Make, tmp_path: Path, width: int) -> None:
    rows = [
        ClassRow(name, 9, [[float(number % 7)], [None if number == 5 else 1.0]]) for number, name in enumerate(NAMES)
    ]
    table = ClassTable("Recognition of class", ["one", "two"], ["top-1"], rows)
    page = open_page(write_classes(table, [], [], tmp_path / "c.html"), viewport={"width": width, "height": 844})
    assert _fits(page)
    head = page.get_by_role("button", name="one")
    head.click()
    assert page.locator("tbody td:nth-child(3)").all_inner_texts()[:1] == ["6.0"]
    head.click()
    assert page.locator("tbody td:nth-child(3)").all_inner_texts()[:1] == ["0.0"]
    assert page.locator("th[aria-sort=ascending]").count() == 1
    page.get_by_role("button", name="two").click()
    assert page.locator("tbody td:nth-child(4)").all_inner_texts()[-1:] == ["–"]
    page.get_by_role("button", name="Class").click()
    assert page.locator("tbody th").first.inner_text() == NAMES[0]


@pytest.mark.parametrize("width", WIDTHS)
def test_looks_move_together(open_page: Make, tmp_path: Path, width: int) -> None:
    clips = np.random.default_rng(0).integers(0, 255, size=(2, 16, 32, 32, 3), dtype=np.uint8)
    maps = np.linspace(0.25, 0.75, 8).reshape(2, 2, 2)
    levels = tuple(Correspondence(level, maps, maps, 0.5) for level in (3, 4, 5))
    figure = looks(ClipPair("hdc", ("q.mp4", "h.mp4"), clips[0], clips[1], levels))
    page = open_page(write_looks(figure, tmp_path / "looks.html"), viewport={"width": width, "height": 844})
    assert _fits(page)
    assert moves(page, ".looks .clip")
    places = page.eval_on_selector_all(".looks .clip", "all => all.map(e => getComputedStyle(e).backgroundPositionX)")
    assert len(places) == 8
    assert len(set(places)) == 1


def _compared(make_manifest: Make, make_inputs: Make) -> ReportInputs:
    """Two runs, one of them fine-tuned and tested."""
    manifest = make_manifest()
    inputs: ReportInputs = make_inputs(manifest)
    runs = [made_up_run("one", seed="0"), replace(made_up_run("two", seed="1"), kind="fine-tuning")]
    return replace(inputs, runs=runs, tests=[ShownTest("two", made_up_test(manifest, expected=14), manifest)])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_compared_runs_fit_and_share_their_charts(
    open_page: Make, make_manifest: Make, make_inputs: Make, tmp_path: Path, width: int, scheme: str
) -> None:
    out = write_report(_compared(make_manifest, make_inputs), tmp_path / "report.html")
    page = open_page(out, viewport={"width": width, "height": 844}, color_scheme=scheme)
    assert _fits(page)
    assert page.locator("#training .key").first.locator("li").all_inner_texts() == ["one 0.1", "two 0.1"]
    assert moves(page, "#recognition .worst .clip")
    page.locator("#training .more summary").click()
    assert page.locator("#training .more .chart").count() == 2
    assert page.locator("#recognition .mark").first.get_attribute("aria-label") == "fewer than expected"
    page.locator("#retrieval .switch:not(.tabs)").get_by_text("person").click()
    assert page.locator("#retrieval .classes:visible tbody th").all_inner_texts() == ["x", "y"]
    page.locator("#retrieval .tabs:visible").get_by_text("untrained").click()
    assert page.locator("#retrieval .confusion:visible figcaption b").all_inner_texts() == ["untrained"]
    assert _fits(page)


def test_a_split_page_loads_its_pictures_from_beside_it(
    open_page: Make, make_manifest: Make, make_inputs: Make, tmp_path: Path
) -> None:
    out = write_report(_compared(make_manifest, make_inputs), tmp_path / "a report.html", split=True)
    page = open_page(out)
    assert moves(page, ".queries:not([hidden]) .clip")
    address = page.eval_on_selector(".reel .clip", "element => getComputedStyle(element).backgroundImage")
    assert address.startswith(f'url("{files_beside(out).as_uri()}/')
    wide = page.evaluate(
        "address => new Promise(done => { const i = new Image(); i.onload = () => done(i.width); i.src = address; })",
        address[5:-2],
    )
    assert wide > 64
