"""The big numbers: from the baseline to the best, named."""

from collections.abc import Callable
from typing import Any

from reporting_fixtures import made_up_test
from retrievals import changed

from unreel.reporting.headlines import headlines
from unreel.reporting.recognition import ShownTest, recognition_table
from unreel.reporting.scores import score_tables

Make = Callable[..., Any]


def test_the_collection_comes_first(make_manifest: Make) -> None:
    found = headlines(make_manifest(), [], None)
    assert [(each.name, each.value, each.note) for each in found] == [
        ("Videos", "13", ""),
        ("Usable", "12", "1 skipped"),
    ]


def test_retrieval_goes_from_the_baseline_to_the_best(make_manifest: Make, make_inputs: Make) -> None:
    manifest = make_manifest()
    untrained, hdc = make_inputs(manifest).retrievals
    (action, _) = headlines(manifest, score_tables([untrained, hdc]), None)[2:]
    assert (action.before, action.value, action.note) == ("25.0 %", "75.0 %", "untrained → hdc; chance 30.0 %")
    worse = changed(hdc, encoder="sc", checkpoint="sc", scores=untrained.scores)
    (action, _) = headlines(manifest, score_tables([untrained, hdc, worse]), None)[2:]
    assert (action.value, action.note) == ("75.0 %", "untrained → hdc, the best of 2; chance 30.0 %")
    better = changed(untrained, encoder="motion-map", checkpoint="map", scores=hdc.scores)
    (action, _) = headlines(manifest, score_tables([better, untrained, hdc]), None)[2:]
    assert (action.before, action.value) == ("75.0 %", "75.0 %")
    assert action.note == "motion-map, the best of 2 → hdc; chance 30.0 %"
    (action, _) = headlines(manifest, score_tables([better, untrained]), None)[2:]
    assert (action.before, action.note) == ("", "motion-map, the best of 2; chance 30.0 %")
    (action, _) = headlines(manifest, score_tables([hdc]), None)[2:]
    assert (action.before, action.value, action.note) == ("", "75.0 %", "hdc; chance 30.0 %")


def test_recognition_is_the_best_top_1(make_manifest: Make) -> None:
    manifest = make_manifest()
    tests = [
        ShownTest("scratch", made_up_test(manifest, wrong=9), manifest),
        ShownTest("hdc", made_up_test(manifest), manifest),
    ]
    (found,) = headlines(manifest, [], recognition_table(tests))[2:]
    assert (found.name, found.value, found.note) == ("Top-1 of action", "66.7 %", "hdc, the best of 2")
