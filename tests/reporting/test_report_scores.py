"""The retrieval table: figures in percent, the best of each column marked, settings that differ kept apart."""

from dataclasses import replace

from unreel.evaluation.results import Retrieval, Score
from unreel.reporting.scores import Cell, score_tables, settings

SCORE = Score("action", 90, 0.1, {1: 0.25, 5: 0.5}, {1: (0.2, 0.3), 5: (0.45, 0.6)})
UNTRAINED = Retrieval("untrained", "", "tiny", "gap", "split 1", 5, 0, 90, 90, (), (SCORE,), {})
TRAINED = replace(UNTRAINED, encoder="hdc", scores=(replace(SCORE, hits={1: 0.75, 5: 0.5}),))


def test_figures_are_percent_and_the_best_of_each_column_is_marked() -> None:
    (table,) = score_tables([UNTRAINED, TRAINED])
    assert (table.label, table.ks) == ("action", [1, 5])
    assert table.rows[0].cells == [Cell(25.0, 20.0, 30.0, best=False), Cell(50.0, 45.0, 60.0, best=True)]
    assert [cell.best for cell in table.rows[1].cells if cell] == [True, True]
    assert (table.rows[0].chance, table.rows[0].queries) == (10.0, 90)


def test_a_single_encoder_is_not_the_best_of_anything() -> None:
    (table,) = score_tables([UNTRAINED])
    assert not any(cell and cell.best for cell in table.rows[0].cells)


def test_labels_and_ks_that_one_encoder_lacks_are_left_open() -> None:
    other = replace(TRAINED, scores=(replace(SCORE, hits={10: 0.8}), replace(SCORE, label="person")))
    action, person = score_tables([UNTRAINED, other])
    assert (action.ks, [cell is None for cell in action.rows[1].cells]) == ([1, 5, 10], [True, True, False])
    assert [row.encoder for row in person.rows] == ["hdc"]


def test_a_score_without_an_interval_has_none() -> None:
    (table,) = score_tables([replace(UNTRAINED, scores=(replace(SCORE, intervals={}),))])
    assert table.rows[0].cells[0] == Cell(25.0, 25.0, 25.0, best=False)


def test_settings_are_told_apart() -> None:
    assert [each.encoders for each in settings([UNTRAINED, TRAINED])] == [["untrained", "hdc"]]
    assert [each.encoders for each in settings([UNTRAINED, replace(TRAINED, level=4)])] == [["untrained"], ["hdc"]]
    assert settings([]) == []
