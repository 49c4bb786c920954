"""Figures by class: from the results of retrieval and from tests, against loops over every video."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from retrievals import EMPTY, changed

from unreel.evaluation.recognition import Prediction, Recognition
from unreel.evaluation.results import ClassScore, Score
from unreel.reporting.classes import ClassRow, recognition_classes, retrieval_classes

SCORE = Score(label="action", queries=5, chance=0.5, hits={1: 0.5}, intervals={})
CLASSES = {
    "run": ClassScore(queries=4, hits={1: 0.25, 5: 1.0}, average_precision=0.5),
    "walk": ClassScore(queries=2, hits={1: 1.0, 5: 1.0}, average_precision=0.75),
}
RETRIEVAL = changed(EMPTY, seen=5, expected=5, scores=(replace(SCORE, classes=CLASSES),))


def test_hits_and_precision_in_percent_the_best_class_first() -> None:
    table = retrieval_classes([RETRIEVAL], "action")
    assert table is not None
    assert (table.columns, table.measures) == (["hdc"], ["R@1", "mAP"])
    assert table.rows == [ClassRow("walk", 2, [[100.0, 75.0]]), ClassRow("run", 4, [[25.0, 50.0]])]
    assert table.caption == "Retrieval by action: R@1, beside it mAP, in percent"


def test_a_class_that_one_encoder_lacks_is_left_open() -> None:
    fewer = {"run": replace(CLASSES["run"], queries=2)}
    other = changed(RETRIEVAL, encoder="untrained", scores=(replace(SCORE, classes=fewer),))
    table = retrieval_classes([other, RETRIEVAL], "action")
    assert table is not None
    assert (table.rows[0].name, table.rows[0].count, table.rows[0].values[0][0]) == ("walk", 2, None)
    assert table.rows[1].count == 4
    assert table.colours == [8, 0]  # grey where nothing was learnt


def test_results_without_classes_make_no_table() -> None:
    assert retrieval_classes([replace(RETRIEVAL, scores=(SCORE,))], "action") is None
    assert retrieval_classes([RETRIEVAL], "person") is None
    assert retrieval_classes([], "action") is None


def _test(pairs: list[tuple[str, str]], classes: tuple[str, ...] = ("a", "b", "c")) -> Recognition:
    predictions = tuple(
        Prediction(f"{number}", own, taken, 1 if own == taken else 2, (0.0,) * len(classes), 1, 0, 0)
        for number, (own, taken) in enumerate(pairs)
    )
    return Recognition("class", classes, "tiny", "1, test", 9, len(pairs), {}, predictions)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_top_1_of_every_class_is_the_share_of_its_videos(pairs: list[tuple[str, str]]) -> None:
    (table,) = recognition_classes([("mine", _test(pairs))])
    assert {row.name for row in table.rows} == set("abc")
    for row in table.rows:
        own = [taken == name for name, taken in pairs if name == row.name]
        assert row.count == len(own)
        assert row.values == [[pytest.approx(100 * sum(own) / len(own)) if own else None]]
    means = [row.values[0][0] for row in table.rows]
    assert means == sorted(means, key=lambda each: -1.0 if each is None else each, reverse=True)


def test_tests_of_other_classes_have_tables_of_their_own() -> None:
    tests = [("one", _test([("a", "a")])), ("two", _test([("a", "b")])), ("other", _test([("a", "a")], ("a", "b")))]
    tables = recognition_classes(tests)
    assert [table.columns for table in tables] == [["one", "two"], ["other"]]
    assert tables[0].rows[0] == ClassRow("a", 1, [[100.0], [0.0]])
