"""How much is done: as the paper did it, or small."""

import pytest

from unreel.errors import SettingsError
from unreel.reproduction.budget import Budget, for_folder, words_of
from unreel.reproduction.paper import TABLES


def test_steps_are_those_of_the_epochs_unless_given() -> None:
    assert Budget(epochs=200).pretraining("hdc", 240_000).steps == 200 * 240_000 // 128
    assert Budget(epochs=1).pretraining("hdc", 5).steps == 1
    assert Budget(steps=7).pretraining("hdc", 240_000).steps == 7
    assert Budget(family="small").pretraining("hdc-small", 90).steps == 200
    assert Budget(family="small", steps=7).pretraining("hdc-small", 90).steps == 7


def test_scratch_learns_nothing_before_fine_tuning() -> None:
    assert Budget(steps=7).pretraining("scratch-c3d", 90).steps == 0
    assert Budget(family="small", steps=7).pretraining("scratch-small", 90).steps == 0


def test_fine_tuning_is_the_paper_s_or_small() -> None:
    assert (Budget().finetuning.steps, Budget().finetuning.batch_size) == (10_000, 32)
    assert (Budget(family="small").finetuning.steps, Budget(family="small").finetuning.batch_size) == (100, 16)
    assert Budget(family="small", finetune_changes={"steps": 3}).finetuning.steps == 3


def test_recipes_of_rows() -> None:
    scratch, *_, hdc = TABLES["table3"].ours
    untrained = TABLES["table4"].ours[0]
    assert [Budget().recipe(row) for row in (scratch, hdc, untrained)] == ["scratch", "hdc-r2plus1d10", "hdc-c3d"]
    assert Budget(family="small").recipe(hdc) == "hdc-r2plus1d10-small"


def test_videos_are_prepared_for_the_input_of_the_recipes_and_what_changes_it() -> None:
    assert Budget().side == 128
    assert Budget(family="small").side == 64
    assert Budget(pretrain_changes={"size": 28}).side == 32


def test_changes_that_make_no_sense_are_told() -> None:
    with pytest.raises(SettingsError, match=r"(?s)recipe hdc: .*batch_size: got 1"):
        Budget(pretrain_changes={"batch_size": 1}).pretraining("hdc", 9)


def test_a_folder_stands_for_the_data_sets() -> None:
    table = for_folder(TABLES["table3"], "weizmann")
    assert (table.columns, table.printed, table.data, table.splits) == (("weizmann",), ("UCF101",), ("ucf101",), ())
    assert [row.paper for row in table.rows][-1] == (76.2,)
    assert all(row.recipe for row in table.rows)
    retrieval = for_folder(TABLES["table5"], "weizmann")
    assert (retrieval.columns, retrieval.data) == (TABLES["table5"].columns, ("hmdb51",))


def test_words() -> None:
    assert words_of([("out", "a b"), ("split", ("1", "2")), ("label", None), ("allow-leaks", ())]) == (
        "--out",
        "a b",
        "--split",
        "1",
        "2",
    )
