"""The evidence: what is planned for it, and pairs of rows against a loop over files."""

from pathlib import Path

import pytest

from unreel.reproduction.budget import Budget
from unreel.reproduction.evidence import _pair, evidence
from unreel.reproduction.paper import restricted
from unreel.reproduction.plan import ReproductionPlan, plan
from unreel.reproduction.sources import Source

CORPUS = Source("street651", Path("/data"), files=651, size=10**8, include="^(weizmann|fights|pushups)/")
WEIZMANN = Source("weizmann", Path("/data/weizmann"), group_pattern="/([a-z]+)_", files=90, size=10**7)


def _planned(*rows: str, strict: bool = False, seeds: tuple[int, ...] = (0,)) -> ReproductionPlan:
    scale = Budget(family="street651", folds=9, seeds=seeds, exclude="^weizmann/" if strict else None)
    table = restricted(evidence(strict=strict), rows)
    return plan(table, scale, CORPUS, {"weizmann": WEIZMANN}, Path("/out"))


def test_every_row_is_pretrained_on_the_corpus_and_evaluated_in_five_ways() -> None:
    found = _planned("sc", "scratch", seeds=(0, 1))
    jobs = {job.name: job for job in found.jobs}
    assert len(jobs) == 2 + 2 * 2 * (1 + 5)
    assert jobs["prepare-street651"].command == (
        "unreel prepare /data /out/prepared/street651 --include '^(weizmann|fights|pushups)/' --side 76"
    )
    trained = jobs["pretrain-sc-street651-seed1"]
    assert trained.command == (
        "unreel pretrain /out/prepared/street651 --recipe sc-street651 --out /out/runs/pretrain-sc-street651-seed1 "
        "--seed 1 --steps 400 --knn-folder /out/prepared/weizmann"
    )
    assert trained.needs == ("prepare-street651", "prepare-weizmann")
    tuned, linear, *retrieved = found.results["sc", "weizmann", 1]
    assert tuned == Path("/out/runs/finetune-sc-street651-weizmann-folds9-seed1/finetune.json")
    assert linear == Path("/out/runs/linear-gap-sc-street651-weizmann-seed1/linear.json")
    assert [path.parent.name.split("-")[1] for path in retrieved] == ["gap", "centred", "vcop"]
    assert "--steps" not in jobs["pretrain-scratch-street651-seed0"].words
    assert jobs["finetune-sc-street651-weizmann-folds9-seed1"].words[-7:] == (
        "--learning-rate",
        "0.02",
        "--schedule",
        "cosine",
        "--warmup-steps",
        "15",
        "--standardise",
    )
    assert "--no-untrained" in jobs["retrieval-vcop-sc-street651-weizmann-seed0"].words


def test_strictly_no_tested_person_is_learnt_from_and_runs_do_not_mix() -> None:
    rows = ("scratch", "hdc")
    loose, strict = _planned(*rows), _planned(*rows, strict=True)
    jobs = {job.name: job for job in strict.jobs}
    words = jobs["pretrain-hdc-street651-strict-seed0"].words
    assert words[words.index("--exclude") + 1] == "^weizmann/"
    shared = {job.name: job.words for job in loose.jobs if job.name in jobs}
    assert set(shared) == {job.name for job in _planned("scratch").jobs}, "scratch learns from nobody"
    assert all(jobs[name].words == words for name, words in shared.items())
    assert strict.table.name == "evidence-strict"


def test_the_rows_are_those_of_tables_1_and_2_with_the_paper_s_numbers() -> None:
    printed = {row.name: row.paper[0] for row in evidence().rows}
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
