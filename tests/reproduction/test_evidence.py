"""The evidence: what is planned for it, and pairs of rows against a loop over files."""

from pathlib import Path

import pytest

from unreel.reproduction.budget import Budget, read_scale
from unreel.reproduction.evidence import _pair, evidence
from unreel.reproduction.paper import restricted
from unreel.reproduction.plan import ReproductionPlan, plan
from unreel.reproduction.sources import Source

SCALE = read_scale(str(Path(__file__).parents[2] / "experiments" / "street651" / "scale.yaml"))
STREET = Source("pretraining", Path("/street"), files=651, size=10**8, prepared=True, origin=Path("/data"))
PEOPLE = Source("videos", Path("/data/weizmann"), group_pattern="/([a-z]+)_", files=90, size=10**7)


def _planned(*rows: str, exclude: str | None = None, seeds: tuple[int, ...] = (0,)) -> ReproductionPlan:
    budget = Budget(SCALE, folds=9, seeds=seeds, exclude=exclude)
    table = restricted(evidence("street", "weizmann", exclude), rows)
    return plan(table, budget, STREET, {"videos": PEOPLE}, Path("/out"))


def test_every_row_is_pretrained_on_one_folder_and_evaluated_in_five_ways_on_another() -> None:
    found = _planned("sc", "scratch", seeds=(0, 1))
    jobs = {job.name: job for job in found.jobs}
    assert len(jobs) == 1 + 2 * 2 * (1 + 5)
    trained = jobs["pretrain-sc-seed1"]
    assert trained.command == (
        "unreel pretrain /street --recipe sc --out /out/runs/pretrain-sc-seed1 --seed 1 --steps 400 --knn-folder "
        "/out/prepared/videos --input difference --width 0.25 --size 66 --batch-size 32 --learning-rate 0.03 "
        "--warmup-steps 50 --checkpoint-every 100 --knn-every 100"
    )
    assert trained.needs == ("prepare-videos",)
    tuned, linear, *retrieved = (found.results["sc", column, 1] for column in found.table.heads)
    assert tuned == (Path("/out/runs/finetune-sc-videos-folds9-seed1/finetune.json"),)
    assert linear == (Path("/out/runs/linear-gap-sc-videos-seed1/linear.json"),)
    assert [path.parent.name.split("-")[1] for (path,) in retrieved] == ["gap", "centred", "vcop"]
    assert "--steps" not in jobs["pretrain-scratch-seed0"].words
    assert jobs["finetune-sc-videos-folds9-seed1"].words[6:] == (
        *("--folds", "9", "--seed", "1", "--steps", "150", "--batch-size", "16"),
        *("--learning-rate", "0.02", "--schedule", "cosine", "--warmup-steps", "15", "--standardise"),
    )
    assert "--no-untrained" in jobs["retrieval-vcop-sc-videos-seed0"].words


def test_with_some_excluded_no_tested_person_is_learnt_from_and_runs_do_not_mix() -> None:
    rows = ("scratch", "hdc")
    loose, strict = _planned(*rows), _planned(*rows, exclude="^weizmann/")
    jobs = {job.name: job for job in strict.jobs}
    words = jobs["pretrain-hdc-strict-seed0"].words
    assert words[words.index("--exclude") + 1] == "^weizmann/"
    shared = {job.name: job.words for job in loose.jobs if job.name in jobs}
    assert set(shared) == {job.name for job in _planned("scratch").jobs}, "scratch learns from nobody"
    assert all(jobs[name].words == words for name, words in shared.items())
    assert strict.table.name == "evidence-strict"
    assert "pretrained on street, none of ^weizmann/, evaluated on weizmann" in strict.table.title


def test_the_rows_are_those_of_tables_1_and_2_with_the_paper_s_numbers() -> None:
    printed = {row.name: row.paper[0] for row in evidence("street", "people").rows}
    assert (printed["scratch"], printed["hdc"], printed["no-flip"]) == (43.5, 69.0, 68.0)


def test_a_pair_is_the_mean_of_the_videos_differences() -> None:
    before = {"a": 0.0, "b": 0.5, "c": 1.0, "only before": 1.0}
    after = {"a": 1.0, "b": 0.5, "c": 0.5, "only after": 0.0}
    found = _pair("sc", "hdc", "linear", before, after)
    assert (found.videos, found.first, found.second) == (3, "sc", "hdc")
    assert found.difference == pytest.approx(100 * (1.0 + 0.0 - 0.5) / 3)
    assert found.interval[0] <= found.difference <= found.interval[1]
    assert 0 < found.p_value <= 1
    none = _pair("sc", "hdc", "linear", before, before)
    assert (none.difference, none.interval, none.p_value) == (0.0, (0.0, 0.0), 1.0)
