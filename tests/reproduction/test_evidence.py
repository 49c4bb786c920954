"""The evidence: what is planned for it, and pairs of rows against a loop over files."""

from dataclasses import replace
from pathlib import Path
from statistics import stdev

import pytest
from findings import tuned
from retrievals import EMPTY

from unreel.evaluation.classification import Classification, write_classifications
from unreel.evaluation.results import QueryRanking, Retrieval, Score, write_retrievals
from unreel.reproduction.budget import Budget, read_scale
from unreel.reproduction.evidence import COMPARED, _pair, evidence, pairs, rivals
from unreel.reproduction.paper import restricted
from unreel.reproduction.plan import ReproductionPlan, plan
from unreel.reproduction.results import TableCell, outcome
from unreel.reproduction.sources import Source
from unreel.settings.encoder import BASELINES
from unreel.video.collection.manifest import Manifest, VideoRecord

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


def test_a_baseline_is_evaluated_once_as_it_is_on_the_clips_of_the_scale() -> None:
    alone = _planned("motion-map", seeds=(1, 2))
    assert [job.name for job in alone.jobs] == [
        "prepare-videos",
        "linear-gap-motion-map-videos",
        *(f"retrieval-{protocol}-motion-map-videos" for protocol in ("gap", "centred", "vcop")),
    ]
    assert alone.jobs[1].command == (
        "unreel evaluate linear motion-map /out/prepared/videos --out /out/runs/linear-gap-motion-map-videos "
        "--protocol gap --size 66"
    )
    assert alone.jobs[1].needs == ("prepare-videos",)
    assert alone.results["motion-map", "fine-tuned", 0] == ()
    assert {seed for _, _, seed in alone.results} == {0}
    whole, before = _planned(seeds=(1, 2)), _planned("scratch", "hdc", "sc", seeds=(1, 2))
    jobs = {job.name: job for job in whole.jobs}
    assert all(jobs[job.name] == job for job in (*alone.jobs, *before.jobs))
    assert [row.name for row in evidence("street", "people").rows][:3] == [*BASELINES]
    assert [row.name for row in rivals("street", "people").rows][:3] == [*BASELINES]
    assert {first for second, others in COMPARED if second == "hdc" for first in others} >= {*BASELINES}


def test_a_pair_with_a_baseline_is_of_the_columns_that_both_have(tmp_path: Path) -> None:
    table = restricted(evidence("street", "people"), ("hdc", "mean-frame"))
    source = replace(PEOPLE, folder=tmp_path, prepared=True)
    videos = tuple(VideoRecord(video, "ok", labels={"class": label}) for video, label in ("ax", "by"))
    Manifest(tmp_path, videos).write()
    made = plan(table, Budget(SCALE, folds=9, seeds=(0, 1)), STREET, {"videos": source}, tmp_path / "out")
    for (row, _, seed), (path, *_) in ((key, paths) for key, paths in made.results.items() if paths):
        right = {"a": row == "hdc", "b": row == "hdc" and seed == 1}
        _write(path, row, seed, right)
    found = list(pairs(made))
    assert [each.column for each in found] == [*table.heads[1:], "all columns but fine-tuned"]
    assert {(each.first, each.second, each.videos) for each in found} == {("mean-frame", "hdc", 2)}
    assert [each.difference for each in found] == [75.0] * 5
    lines = {line.row.name: line.ours for line in outcome(made, "…").lines}
    assert [cell and (cell.percent, cell.spread) for cell in lines["mean-frame"]] == [None, *[(0.0, None)] * 4]
    assert lines["hdc"][1] == TableCell(75.0, stdev((50.0, 100.0)))


def _write(path: Path, row: str, seed: int, right: dict[str, bool]) -> None:
    """A result in which these videos are right."""
    share, origin = sum(right.values()) / len(right), replace(EMPTY.origin, encoder=row, seed=seed)
    if path.name == "finetune.json":
        tuned(path, "3 folds", share, seed=seed)
    elif path.name == "linear.json":
        said = {video: {"top1": "xy"[video == "b"] if good else "?"} for video, good in right.items()}
        interval = {"top1": (0.0, 1.0)}
        result = Classification("linear", origin, "class", 1, 2, {"top1": share}, interval, {}, said)
        write_classifications(path, [result])
    else:
        outcomes = {video: QueryRanking(1 if good else 2, 0.5) for video, good in right.items()}
        score = Score("class", 2, 0.5, {1: share}, {1: (0.0, 1.0)}, outcomes=outcomes)
        write_retrievals(path, [Retrieval(origin, (score,), {})])


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
