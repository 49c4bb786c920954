"""Plans, which open nothing: which commands, in which order, leaving what where."""

from collections.abc import Mapping
from pathlib import Path

from unreel.reproduction.budget import SMALL, Budget
from unreel.reproduction.paper import TABLES, for_folder, restricted
from unreel.reproduction.plan import ReproductionPlan, plan
from unreel.reproduction.sources import Source

KINETICS = Source("pretraining", Path("/data/kinetics400/train"), files=2560, size=10**9)
SPLITS: Mapping[str, Mapping[str, int]] = {split: {"test": 40, "train": 60} for split in "123"}
UCF101 = Source("ucf101", Path("/data/UCF-101"), "ucf101", files=100, size=10**8, parts=SPLITS)
HMDB51 = Source("hmdb51", Path("/data/hmdb51"), "hmdb51", Path("/lists"), files=100, size=10**8, parts=SPLITS)
FOLDER = Source("videos", Path("/data/weizmann"), group_pattern="/([a-z]+)_", files=90, size=10**7)


def _planned(name: str, scale: Budget | None = None, rows: tuple[str, ...] = ()) -> ReproductionPlan:
    table, evaluated = restricted(TABLES[name], rows), {"ucf101": UCF101, "hmdb51": HMDB51}
    return plan(table, scale or Budget(), KINETICS, {data: evaluated[data] for data in table.data}, Path("/out"))


def _small(name: str, scale: Budget, rows: tuple[str, ...] = ()) -> ReproductionPlan:
    table = for_folder(restricted(TABLES[name], rows), "weizmann")
    return plan(table, scale, FOLDER, {table.data[0]: FOLDER}, Path("/out"))


def _names(found: ReproductionPlan) -> list[str]:
    return [job.name for job in found.jobs]


def test_table_1_pretrains_and_fine_tunes_every_row_on_split_1() -> None:
    found = _planned("table1")
    names = _names(found)
    assert names[0] == "prepare-pretraining"
    assert sum(name.startswith("pretrain-") for name in names) == 8
    assert [name for name in names if name.startswith("finetune-hdc")] == ["finetune-hdc-ucf101-split1-seed0"]
    assert len(names) == 2 + 8 + 8
    jobs = {job.name: job for job in found.jobs}
    assert jobs["prepare-pretraining"].command == (
        "unreel prepare /data/kinetics400/train /out/prepared/pretraining --side 128"
    )
    assert jobs["prepare-ucf101"].command == (
        "unreel prepare /data/UCF-101 /out/prepared/ucf101 --layout ucf101 --side 128"
    )
    assert jobs["pretrain-two-level-seed0"].command == (
        "unreel pretrain /out/prepared/pretraining --recipe two-level --out /out/runs/pretrain-two-level-seed0 "
        "--seed 0 --steps 4000"
    )
    assert "--steps" not in jobs["pretrain-scratch-seed0"].words
    tune = jobs["finetune-hdc-ucf101-split1-seed0"]
    assert tune.command == (
        "unreel evaluate finetune /out/runs/pretrain-hdc-seed0 /out/prepared/ucf101 --out "
        "/out/runs/finetune-hdc-ucf101-split1-seed0 --split 1 --seed 0 --steps 10000 --batch-size 32"
    )
    assert tune.needs == ("pretrain-hdc-seed0", "prepare-ucf101")
    assert found.results["hdc", "UCF101", 0] == (tune.result,)
    assert tune.result == Path("/out/runs/finetune-hdc-ucf101-split1-seed0/finetune.json")


def test_tables_of_one_folder_share_their_runs() -> None:
    first, third = _planned("table1"), _planned("table3")
    shared = {job.name for job in first.jobs} & {job.name for job in third.jobs}
    assert {"prepare-ucf101", "pretrain-hdc-seed0", "finetune-hdc-ucf101-split1-seed0"} <= shared
    jobs = [{job.name: job for job in each.jobs} for each in (first, third)]
    assert all(jobs[0][name] == jobs[1][name] for name in shared)


def test_table_3_has_three_encoders_two_data_sets_and_three_splits() -> None:
    found = _planned("table3")
    tuned = [name for name in _names(found) if name.startswith("finetune-")]
    assert len(tuned) == len(set(tuned)) == 9 * 2 * 3
    assert "finetune-hdc-slow-r2plus1d10-hmdb51-split3-seed0" in tuned
    assert len(found.results["hdc-c3d", "HMDB51", 0]) == 3
    lists = next(job for job in found.jobs if job.name == "prepare-hmdb51")
    assert lists.words[5:7] == ("--lists", "/lists")


def test_retrieval_evaluates_the_untrained_encoder_beside_the_trained() -> None:
    found = _planned("table4")
    assert _names(found) == [
        "prepare-pretraining",
        "pretrain-hdc-c3d-seed0",
        "prepare-ucf101",
        "retrieval-vcop-beside-untrained-hdc-c3d-ucf101-split1-seed0",
    ]
    assert found.jobs[-1].words[-4:] == ("--protocol", "vcop", "--split", "1")
    assert {found.results[row, f"R@{k}", 0] for row in ("untrained-c3d", "hdc-c3d") for k in (1, 50)} == {
        (found.jobs[-1].result,)
    }


def test_retrieval_of_a_baseline_wants_no_videos_to_learn_from() -> None:
    found = _planned("table4", rows=("motion-map",))
    assert _names(found) == ["prepare-ucf101", "retrieval-vcop-motion-map-ucf101-split1"]
    assert found.jobs[-1].command == (
        "unreel evaluate retrieval motion-map /out/prepared/ucf101 --out "
        "/out/runs/retrieval-vcop-motion-map-ucf101-split1 --protocol vcop --split 1"
    )
    assert found.results["motion-map", "R@50", 0] == (found.jobs[-1].result,)
    small = _small("table4", Budget(SMALL), ("motion-map", "hdc-c3d"))
    assert small.jobs[1].words[-4:] == ("--protocol", "vcop", "--size", "56")


def test_figures_draw_what_their_encoders_found() -> None:
    found = _planned("figure4", Budget(seeds=(3,)))
    drawn = [job for job in found.jobs if job.name.startswith("draw-")]
    assert [job.result for job in drawn] == [Path("/out/figure4.html"), Path("/out/figure4.pdf")] == list(found.figures)
    assert drawn[0].words[:3] == ("figure", "retrieval", "/out/runs/retrieval-vcop-sc-ucf101-split1-seed3")
    assert drawn[0].words[-4:] == ("SC", "TC", "SC+TC", "HDC")
    assert len(drawn[0].needs) == 4
    assert all("--no-untrained" in job.words for job in found.jobs if job.name.startswith("retrieval-"))


def test_a_small_table_learns_from_the_folder_that_it_is_tested_on_by_folds() -> None:
    found = _small("table1", Budget(SMALL, folds=3, label="class"), ("hdc", "scratch"))
    jobs = {job.name: job for job in found.jobs}
    assert jobs["prepare-videos"].words[-4:] == ("--group-pattern", "/([a-z]+)_", "--side", "64")
    assert jobs["pretrain-hdc-seed0"].command == (
        "unreel pretrain /out/prepared/videos --recipe hdc --out /out/runs/pretrain-hdc-seed0 --seed 0 --steps 200 "
        "--width 0.25 --size 56 --batch-size 24 --learning-rate 0.02 --checkpoint-every 50 --knn-every 0"
    )
    assert "--steps" not in jobs["pretrain-scratch-seed0"].words
    tune = jobs["finetune-hdc-videos-folds3-seed0"]
    assert tune.words[6:] == ("--folds", "3", "--seed", "0", "--label", "class", "--steps", "100", "--batch-size", "16")
    assert [source.name for source in found.sources] == ["videos"]
    retrieved = _small("table4", Budget(SMALL))
    assert "--split" not in retrieved.jobs[-1].words  # one group out
    assert retrieved.jobs[-1].name == "retrieval-vcop-beside-untrained-hdc-c3d-videos-seed0"


def test_further_options_reach_the_commands_and_the_place_does_not_make_another_job() -> None:
    scale = Budget(
        seeds=(0, 1),
        allow_leaks=("near duplicate",),
        pretrain_words=("--precision", "bf16-mixed"),
        finetune_words=("--batch-size", "8"),
        finetune_changes={"batch_size": 8},
        how=("--accelerator", "cpu"),
    )
    found = _planned("table1", scale, ("hdc",))
    assert len(found.jobs) == 2 + 2 * 2
    jobs = {job.name: job for job in found.jobs}
    assert jobs["pretrain-hdc-seed1"].words[-2:] == ("--precision", "bf16-mixed")
    tune = jobs["finetune-hdc-ucf101-split1-seed1"]
    assert tune.words[-6:] == ("--allow-leaks", "near duplicate", "--steps", "10000", "--batch-size", "8")
    assert tune.command.endswith(" --accelerator cpu")
    assert "--accelerator" not in tune.words
    assert "--accelerator" not in jobs["prepare-ucf101"].command


def test_prepared_folders_are_not_prepared_again() -> None:
    ready = Source("ucf101", Path("/ready"), "ucf101", files=9, parts=SPLITS, prepared=True)
    found = plan(TABLES["table4"], Budget(), KINETICS, {"ucf101": ready}, Path("/out"))
    assert "prepare-ucf101" not in _names(found)
    assert "/ready" in found.jobs[-1].words
    folder = Source("videos", Path("/ready"), group_pattern="(g)", files=9, prepared=True)
    for name, verb in (("table1", "finetune"), ("table4", "retrieval")):
        small = plan(for_folder(TABLES[name], "ready"), Budget(SMALL), folder, {"ucf101": folder}, Path("/out"))
        evaluating = [job.words for job in small.jobs if job.words[1] == verb]
        assert all(words[words.index("--group-pattern") + 1] == "(g)" for words in evaluating)


def test_paths_do_not_depend_on_where_the_command_is_typed() -> None:
    found = plan(TABLES["table4"], Budget(), KINETICS, {"ucf101": UCF101}, Path("runs"))
    assert all(job.result.is_absolute() for job in found.jobs)
