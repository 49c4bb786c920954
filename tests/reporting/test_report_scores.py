"""The retrieval table: figures in percent, the best of each column marked, settings that differ kept apart."""

from dataclasses import replace

import pytest
from retrievals import EMPTY, changed

from unreel.evaluation.results import QueryRanking, Score
from unreel.reporting.scores import ScoreCell, first_of_each, learnt_nothing, score_tables, settings

SCORE = Score(
    label="action",
    queries=90,
    chance=0.1,
    hits={1: 0.25, 5: 0.5},
    intervals={1: (0.2, 0.3), 5: (0.45, 0.6)},
)
UNTRAINED = changed(EMPTY, encoder="untrained", split="split 1", seen=90, expected=90, scores=(SCORE,))
TRAINED = changed(UNTRAINED, encoder="hdc", scores=(replace(SCORE, hits={1: 0.75, 5: 0.5}),))
MEASURED = replace(
    SCORE,
    average_precision=0.4,
    average_precision_interval=(0.3, 0.5),
    purity={1: 0.25, 5: 0.2},
    outcomes={"a.mp4": QueryRanking(first_right=1, average_precision=0.4)},
)


def test_figures_are_percent_and_the_best_of_each_column_is_marked() -> None:
    (table,) = score_tables([UNTRAINED, TRAINED])
    assert (table.label, table.ks) == ("action", [1, 5])
    assert table.rows[0].cells == [ScoreCell(25.0, 20.0, 30.0, best=False), ScoreCell(50.0, 45.0, 60.0, best=True)]
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
    assert table.rows[0].cells[0] == ScoreCell(25.0, 25.0, 25.0, best=False)


def test_average_precision_and_purity_are_columns_where_they_were_measured() -> None:
    (table,) = score_tables([UNTRAINED])
    assert (table.columns, table.purity_ks) == (["R@1", "R@5"], [])
    (table,) = score_tables([replace(UNTRAINED, scores=(MEASURED,)), TRAINED])
    assert (table.columns, table.purity_ks) == (["R@1", "R@5", "mAP"], [1, 5])
    assert table.rows[0].cells[2] == ScoreCell(40.0, 30.0, 50.0, best=True)
    assert table.rows[1].cells[2] is None
    assert [row.purity for row in table.rows] == [[25.0, 20.0], [None, None]]


def test_several_splits_have_a_row_each_and_one_for_their_mean() -> None:
    other = changed(UNTRAINED, split="split 2", scores=(replace(MEASURED, hits={1: 0.35, 5: 0.5}, chance=0.2),))
    first = replace(UNTRAINED, scores=(MEASURED,))
    trained = [changed(TRAINED, split=split, scores=(MEASURED,)) for split in ("split 1", "split 2")]
    (table,) = score_tables([first, other, *trained])
    assert [(row.encoder, row.split) for row in table.rows] == [
        (encoder, split) for encoder in ("untrained", "hdc") for split in ("split 1", "split 2", "mean of 2 splits")
    ]
    whole = table.rows[2]
    assert whole.cells[0] is not None
    assert (whole.cells[0].percent, whole.cells[0].spread) == pytest.approx((30.0, 50**0.5))  # of 25 and 35
    assert whole.chance == pytest.approx(15.0)
    assert (whole.queries, whole.purity) == (180, [25.0, 20.0])
    assert [row.cells[0].best for row in table.rows if row.cells[0]] == [True, True, True, True, False, False]
    assert [row.split for row in table.final] == ["mean of 2 splits"] * 2
    assert first_of_each([first, other, *trained]) == [first, trained[0]]
    (setting,) = settings([first, other, *trained])
    assert (setting.encoders, setting.split) == (["untrained", "hdc"], "split 1, split 2")


def test_what_learnt_nothing_is_known_by_any_name() -> None:
    names = ("untrained", "untrained (runs/a)", "motion-map", "hdc (untrained)", "untrainedness")
    assert [learnt_nothing(name) for name in names] == [True, True, True, False, False]


def test_settings_are_told_apart() -> None:
    assert [each.encoders for each in settings([UNTRAINED, TRAINED])] == [["untrained", "hdc"]]
    assert [each.encoders for each in settings([UNTRAINED, changed(TRAINED, level=4)])] == [["untrained"], ["hdc"]]
    assert settings([]) == []


def test_the_one_level_of_a_baseline_makes_no_other_setting() -> None:
    maps = changed(UNTRAINED, encoder="motion-map", checkpoint="map", level="clip")
    (setting,) = settings([maps, UNTRAINED, TRAINED])
    assert (setting.encoders, setting.level) == (["untrained", "hdc", "motion-map"], TRAINED.origin.level)
    assert [each.level for each in settings([maps])] == ["clip"]
    assert len(settings([maps, changed(TRAINED, protocol="vcop")])) == 2


def test_seeds_make_no_other_setting() -> None:
    (setting,) = settings([changed(UNTRAINED, split="1"), changed(TRAINED, split="1", seed=2)])
    assert setting.seeds == [0, 2]
    assert setting.sentence == "tiny, protocol gap, split 1, level 5, seed 0, 2"
