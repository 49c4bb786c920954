"""Figures as pages: whole, self-contained, safe with any name, and evaluated without colour."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from outline import Outline
from reporting_fixtures import made_up_test
from retrievals import changed

from unreel.evaluation.correspondence import ClipPair, Correspondence
from unreel.reporting.classes import recognition_classes
from unreel.reporting.confusion import Confusion, recognition_confusion
from unreel.reporting.correspondence_maps import looks
from unreel.reporting.coverage import MissingVideos
from unreel.reporting.figure_page import write_classes, write_confusions, write_looks, write_side_by_side
from unreel.reporting.side_by_side import Choosing, side_by_side

Make = Callable[..., Any]

HOSTILE = "</style></script><img src=x onerror=alert(1)>"


def _read(page: Path) -> Outline:
    html = page.read_text(encoding="utf-8")
    outline = Outline(html)
    assert "default-src 'none'; img-src data:;" in html
    assert [tag for tag, _ in outline.elements].count("script") == 2
    assert not any(tag == "img" for tag, _ in outline.elements)
    return outline


def test_queries_stand_beside_what_every_encoder_found(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    manifest = make_manifest()
    figure = side_by_side(manifest, make_inputs(manifest).retrievals, Choosing("action", hits=2, rows=3))
    page = _read(write_side_by_side(figure, tmp_path / "figure.html"))
    assert page.text["h1"] == ["Nearest videos"]
    assert len(page.having("class", "asked")) == 3
    tiles = Counter(verdict for verdict in ("right", "wrong") for _ in page.having("class", verdict))
    assert sum(tiles.values()) == 3 * 2 * 2
    assert Counter(each["aria-label"] for each in page.having("class", "sign")) == tiles
    assert [each["aria-label"] for each in page.having("class", "answer")] == ["untrained", "hdc"] * 3
    assert figure.remarks == page.text["p"][1:]


def test_what_is_missing_marks_the_page(make_manifest: Make, make_inputs: Make, tmp_path: Path) -> None:
    manifest = make_manifest()
    gone = manifest.usable[0]
    manifest.file(gone).unlink()
    fewer = changed(make_inputs(manifest).retrievals[1], seen=11, missing={HOSTILE: ""}, encoder=HOSTILE)
    figure = side_by_side(manifest, [fewer], Choosing("action", named=(gone.id,)))
    page = _read(write_side_by_side(figure, tmp_path / "figure.html"))
    assert len(page.having("class", "warning")) == 2
    assert page.text["summary"] == [
        f"⚠ {HOSTILE}: 11 of 12 videos seen; the figures are about fewer videos than expected",
        "⚠ 1 of the 2 videos shown cannot be shown",
    ]
    assert page.text["li"][0].strip() == HOSTILE
    assert page.text["li"][1].startswith(f"{gone.id}: ")


def test_every_count_of_a_matrix_is_in_its_place(make_manifest: Make, tmp_path: Path) -> None:
    test = made_up_test(make_manifest())
    confusion = recognition_confusion("mine", test)
    page = _read(write_confusions([confusion, replace(confusion, name="other")], tmp_path / "figure.html"))
    assert len(page.having("class", "matrix")) == 2
    counted = Counter(each["title"] for each in page.having("class", "miss"))
    assert counted == {"a taken for b: 2 of 4": 2, "b taken for c: 1 of 4": 2, "c taken for a: 1 of 4": 2}
    assert sum(int(text) for text in page.text["td"] if text.isdecimal()) == 2 * 12
    assert [tag for tag, each in page.elements if "data-tab" in each and "hidden" in each] == ["div"]


def test_a_hundred_and_one_classes_make_a_small_page(tmp_path: Path) -> None:
    names = tuple(f"class {number:03} {HOSTILE}" for number in range(101))
    counts = np.diag(np.full(101, 37))
    counts[np.arange(100), np.arange(1, 101)] = 3
    fewer = MissingVideos(("hdc",), 3780, 3783, {"a.avi": "truncated"})
    out = write_confusions([Confusion("hdc", "class", names, counts, [fewer])], tmp_path / "figure.html")
    page = _read(out)
    cells = [each for tag, each in page.elements if tag == "td"]
    assert len(cells) < 101 * 6
    assert sum(int(each.get("colspan", 1)) for each in cells) == 101 * 101 + 1  # and the corner
    assert "⚠ hdc: 3,780 of 3,783 videos seen" in page.text["summary"][0]
    assert out.stat().st_size < 250_000


def test_classes_are_a_table_to_sort(make_manifest: Make, tmp_path: Path) -> None:
    manifest = make_manifest()
    tests = [("one", made_up_test(manifest)), ("two", made_up_test(manifest, wrong=0))]
    (table,) = recognition_classes(tests)
    page = _read(write_classes(table, ["Measured on tiny."], [], tmp_path / "figure.html"))
    values = [each["data-value"] for _, each in page.elements if "data-value" in each]
    assert values == ["75.000", "100.000", "75.000", "100.000", "50.000", "100.000"]
    assert page.text["p"][-1] == "Measured on tiny."
    assert page.having("id", "motion")[0].get("hidden") == ""  # nothing moves


def test_looks_are_strips_and_a_scale(tmp_path: Path) -> None:
    clips = np.random.default_rng(0).integers(0, 255, size=(2, 16, 8, 8, 3), dtype=np.uint8)
    maps = np.linspace(0.25, 0.75, 8).reshape(2, 2, 2)
    levels = tuple(Correspondence(level, maps, maps, 0.5) for level in (3, 5))
    figure = looks(ClipPair("hdc", (HOSTILE, "h.mp4"), clips[0], clips[1], levels))
    page = _read(write_looks(figure, tmp_path / "figure.html"))
    assert [each["class"] for each in page.having("class", "clip")] == [f"clip clip-{number}" for number in range(6)]
    assert page.having("class", "scale")[0]["aria-label"] == "Colours from cosine 0.250, dark, to 0.750, light"
    assert figure.remarks == page.text["p"][1:3]
    assert f"Query: {HOSTILE}" in page.text["h3"]
