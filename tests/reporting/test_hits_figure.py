"""Hits on paper: frames side by side, and right and wrong told without colour."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from retrievals import changed

from unreel.reporting.hits_figure import print_side_by_side
from unreel.reporting.paper_figure import PAGE_WIDTH, RIGHT, WRONG
from unreel.reporting.side_by_side import Choosing, SideBySide, side_by_side
from unreel.reporting.strips import PAPER, strip_of

Make = Callable[..., Any]


@pytest.fixture
def figure(make_manifest: Make, make_inputs: Make) -> SideBySide:
    manifest = make_manifest()
    return side_by_side(manifest, make_inputs(manifest).retrievals, Choosing("action", hits=2, rows=3), PAPER)


def _texts(figure: Figure) -> list[Text]:
    return [each for each in figure.findobj(Text) if each.get_text()]


def test_frames_of_every_video_stand_side_by_side(figure: SideBySide) -> None:
    (axes,) = print_side_by_side(figure, frames=4).axes
    assert len(axes.images) == 3 * (1 + 2 * 2) * 4
    lefts = [image.get_extent()[0] for image in axes.images[:4]]
    assert lefts == sorted(lefts)
    for image in axes.images:
        left, right, bottom, top = image.get_extent()
        assert 0 <= left < right <= PAGE_WIDTH
        assert (right - left) / (bottom - top) == pytest.approx(64 / 48)
    levels = [float(np.asarray(image.get_array())[..., 0].mean()) for image in axes.images[:4]]
    assert levels == sorted(levels)  # the frames of a video grow lighter


def test_places_are_as_wide_as_the_videos(figure: SideBySide) -> None:
    portrait = strip_of([np.zeros((64, 48, 3), np.uint8)] * 4, seconds=1.0)
    turned = {video: replace(each, strip=portrait) for video, each in figure.previews.items()}
    heights = [print_side_by_side(each).get_size_inches()[1] for each in (figure, replace(figure, previews=turned))]
    assert heights[0] < heights[1]


def test_right_ones_are_underlined_and_ticked_wrong_ones_crossed(figure: SideBySide) -> None:
    printed = print_side_by_side(figure)
    verdicts = [tile.verdict for query in figure.rows for _, tiles in query.found for tile in tiles]
    right, wrong = verdicts.count("right"), verdicts.count("wrong")
    assert min(right, wrong) > 0
    colours = [text.get_color() for text in _texts(printed)]
    assert (colours.count(RIGHT), colours.count(WRONG)) == (right, wrong)
    lines = [line.get_color() for line in printed.axes[0].lines]
    assert (lines.count(RIGHT), lines.count(WRONG)) == (2 * right, 2 * wrong)  # an underline and a tick; two strokes


def test_names_encoders_and_the_rule_are_text(figure: SideBySide) -> None:
    texts = [text.get_text() for text in _texts(print_side_by_side(figure))]
    assert texts.count("untrained") == texts.count("hdc") == texts.count("Query") == 1
    said = " ".join(texts)
    assert figure.rule in said
    assert "tiny, protocol gap, leave one person out, level 5, seed 0" in said


def test_everything_lies_on_the_sheet_and_a_long_name_takes_two_lines(figure: SideBySide) -> None:
    long = [replace(query, value="passing American football, a game that is not soccer") for query in figure.rows]
    printed = print_side_by_side(replace(figure, rows=long))
    width, height = printed.get_size_inches()
    renderer = printed.canvas.get_renderer()  # type: ignore[attr-defined]
    for text in _texts(printed):
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= width * printed.dpi
        assert box.y0 >= 0
        assert box.y1 <= height * printed.dpi
    assert height > print_side_by_side(figure).get_size_inches()[1]


def test_what_is_missing_marks_the_figure(make_manifest: Make, make_inputs: Make) -> None:
    manifest = make_manifest()
    gone = manifest.usable[0]
    manifest.file(gone).unlink()
    retrieval = changed(make_inputs(manifest).retrievals[1], seen=11, missing={"lost.mp4": ""})
    found = side_by_side(manifest, [retrieval], Choosing("action", named=(gone.id,)), PAPER)
    printed = print_side_by_side(found)
    texts = [text.get_text() for text in _texts(printed)]
    assert "⚠ no preview" in texts
    assert len(printed.axes[0].images) == 3
    said = " ".join(texts)
    assert "⚠ hdc: 11 of 12 videos seen; not seen: lost.mp4" in said
    assert f"⚠ 1 of the 2 videos shown cannot be shown: {gone.id}" in said


def test_without_labels_nothing_is_evaluated(make_manifest: Make, make_inputs: Make) -> None:
    manifest = make_manifest()
    plain = replace(manifest, records=tuple(replace(each, labels={}) for each in manifest))
    found = side_by_side(plain, make_inputs(manifest).retrievals, Choosing("", rows=1), PAPER)
    printed = print_side_by_side(found)
    assert {text.get_color() for text in _texts(printed)}.isdisjoint({RIGHT, WRONG})
    assert [text.get_text() for text in _texts(printed)].count("no label") == 3
