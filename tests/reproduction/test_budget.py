"""How much is done: as the paper did it, or small."""

from pathlib import Path

import pytest

from unreel.errors import SettingsError
from unreel.reproduction.budget import SMALL, Budget, ScaleSettings, read_scale, words_of
from unreel.reproduction.paper import TABLES, for_folder


def test_steps_are_those_of_the_epochs_unless_given() -> None:
    assert Budget(epochs=200).pretraining("hdc", 240_000).steps == 200 * 240_000 // 128
    assert Budget(epochs=1).pretraining("hdc", 5).steps == 1
    assert Budget(steps=7).pretraining("hdc", 240_000).steps == 7
    assert Budget(SMALL).pretraining("hdc", 90).steps == 200
    assert Budget(SMALL, steps=7).pretraining("hdc", 90).steps == 7


def test_scratch_learns_nothing_before_fine_tuning() -> None:
    assert Budget(steps=7).pretraining("scratch-c3d", 90).steps == 0
    assert Budget(SMALL, steps=7).pretraining("scratch", 90).steps == 0


def test_fine_tuning_is_the_paper_s_or_small() -> None:
    assert (Budget().finetuning.steps, Budget().finetuning.batch_size) == (10_000, 32)
    assert (Budget(SMALL).finetuning.steps, Budget(SMALL).finetuning.batch_size) == (100, 16)
    assert Budget(SMALL, finetune_changes={"steps": 3}).finetuning.steps == 3


def test_recipes_of_rows() -> None:
    scratch, *_, hdc = TABLES["table3"].ours
    untrained = TABLES["table4"].ours[0]
    assert [row.pretrained_by for row in (scratch, hdc, untrained)] == ["scratch", "hdc-r2plus1d10", "hdc-c3d"]


def test_a_scale_is_what_rows_begin_with_and_leaves_them_what_they_are_about() -> None:
    scale = ScaleSettings(pretrain={"learning_rate": 0.03, "standardise": False, "width": 0.5, "steps": 9})
    budget = Budget(scale, pretrain_words=("--width", "1"), pretrain_changes={"width": 1.0})
    assert budget.pretraining("hdc").learning_rate == 0.03
    assert budget.pretraining("hdc-plus").learning_rate == 0.1
    assert budget.pretraining("hdc").steps == 9
    assert budget.pretraining_words("hdc") == ("--learning-rate", "0.03", "--no-standardise", "--width", "1")
    assert budget.pretraining_words("hdc-plus") == ("--width", "1")


def test_a_scale_is_read_from_a_file_and_its_mistakes_are_told_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "scale.yaml"
    file.write_text("pretrain: {width: 0.5}\nfinetune: {steps: 3}\nnote: Few.")
    assert read_scale(str(file)) == ScaleSettings(pretrain={"width": 0.5}, finetune={"steps": 3}, note="Few.")
    assert (read_scale("paper"), read_scale("small")) == (ScaleSettings(), SMALL)
    for text, message in (
        ("pretrain: {widht: 1}", r"scale\.yaml, pretrain: .* widht: no such setting; did you mean width"),
        ("finetune: {batch_size: 0}", r"scale\.yaml, finetune: .* batch_size: got 0"),
        ("pretrain: {seed: 1}", r"scale\.yaml: .* it has seed, which unreel reproduce decides; take it away"),
        ("width: 1", r"scale\.yaml: .* width: no such setting"),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=message):
            read_scale(str(file))
    with pytest.raises(SettingsError, match="Give --scale paper, small, or a YAML file"):
        read_scale("smal")


def test_videos_are_prepared_for_the_input_of_the_recipes_and_what_changes_it() -> None:
    assert Budget().side == 128
    assert Budget(SMALL).side == 64
    assert Budget(pretrain_changes={"size": 28}).side == 32


def test_changes_that_make_no_sense_are_told() -> None:
    with pytest.raises(SettingsError, match=r"(?s)recipe hdc: .*batch_size: got 1"):
        Budget(pretrain_changes={"batch_size": 1}).pretraining("hdc", 9)


def test_a_folder_stands_for_the_data_sets() -> None:
    table = for_folder(TABLES["table3"], "weizmann")
    assert (table.heads, table.printed, table.data, table.splits) == (("weizmann",), ("UCF101",), ("ucf101",), ())
    assert [row.paper for row in table.rows][-1] == (76.2,)
    assert all(row.recipe for row in table.rows)
    retrieval = for_folder(TABLES["table5"], "weizmann")
    assert (retrieval.columns, retrieval.data) == (TABLES["table5"].columns, ("hmdb51",))


def test_words() -> None:
    options = {"out": "a b", "split": ("1", "2"), "label": None, "allow_leaks": (), "untrained": False, "fused": True}
    assert words_of({**options, "augmentation": {"flip": False, "scales": [1, 0.5]}}) == (
        *("--out", "a b", "--split", "1", "2", "--no-untrained", "--fused"),
        *("--augmentation.no-flip", "--augmentation.scales", "1", "0.5"),
    )
