"""Tests of recognition on a page: the best marked among their rivals, the worst videos first."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from reporting_fixtures import made_up_test

from unreel.reporting.previews import Preview
from unreel.reporting.recognition import WORST, ShownTest, errors, recognition_table, worst

Make = Callable[..., Any]


def test_figures_are_percent_and_the_best_of_the_same_videos_is_marked(make_manifest: Make) -> None:
    manifest = make_manifest()
    tests = [made_up_test(manifest, wrong=6), made_up_test(manifest, wrong=3)]
    elsewhere = replace(tests[0], predictions=tests[0].predictions[:2])
    table = recognition_table(
        [ShownTest(name, test, manifest) for name, test in zip("abc", [*tests, elsewhere], strict=True)]
    )
    assert table.columns == ["Videos, top-1", "Clips, top-1"]
    assert [row.cells for row in table.rows] == [[50, 50], [75, 75], [0, 0]]
    assert [row.best for row in table.rows] == [[False, False], [True, True], [False, False]]


def test_the_worst_are_those_whose_own_class_was_given_least(make_manifest: Make) -> None:
    manifest = make_manifest()
    test = made_up_test(manifest, wrong=4)
    assert [each.id for each in worst(test)] == [record.id for record in manifest.usable[:4]]
    previews = {record.id: Preview(number, record.id, {}) for number, record in enumerate(manifest.usable)}
    first = errors(test, previews)[0]
    assert (first.label, first.predicted) == ("a", "b")
    assert (first.own_share, first.given_share) == pytest.approx((0.1, 0.6))
    assert worst(made_up_test(manifest, wrong=0)) == []


def test_only_so_many_are_shown(make_manifest: Make) -> None:
    manifest = make_manifest([f"{number:02}.mp4" for number in range(WORST + 3)])
    assert len(worst(made_up_test(manifest, wrong=WORST + 3))) == WORST
