"""The numbers of a table from what its jobs have left, here written by hand."""

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import stdev

from findings import retrieved, tuned

from unreel.reproduction.budget import SMALL, Budget
from unreel.reproduction.paper import TABLES, for_folder, restricted
from unreel.reproduction.plan import ReproductionPlan, plan
from unreel.reproduction.results import TableResults, outcome
from unreel.reproduction.sources import Source

SOURCES: Mapping[str, Source] = {
    name: Source(name, Path("/data") / name, name, files=100, parts={split: {"test": 100} for split in "123"})
    for name in ("ucf101", "hmdb51")
}
KINETICS = Source("pretraining", Path("/data/kinetics400"), files=900)


def _plan(name: str, out: Path, rows: tuple[str, ...], **changes: object) -> ReproductionPlan:
    table = restricted(TABLES[name], rows)
    return plan(table, Budget(**changes), KINETICS, {each: SOURCES[each] for each in table.data}, out)  # type: ignore[arg-type]


def _ours(found: TableResults, row: str) -> list[tuple[float, float | None] | None]:
    """Mean and spread of every column, to six digits."""
    cells = next(line.ours for line in found.lines if line.row.name == row)
    return [cell and (round(cell.percent, 6), cell.spread and round(cell.spread, 6)) for cell in cells]


def _marked(found: TableResults, row: str) -> list[bool]:
    return [bool(cell and cell.fewer) for line in found.lines if line.row.name == row for cell in line.ours]


def test_one_number_of_one_run(tmp_path: Path) -> None:
    made = _plan("table1", tmp_path, ("hdc",))
    tuned(made.results["hdc", "UCF101", 0][0], "1", 0.69)
    found = outcome(made, "unreel reproduce table1")
    assert found.complete
    assert _ours(found, "hdc") == [(69.0, None)]
    (figure,) = found.figures
    assert (figure.row, figure.column, figure.origin.split, figure.origin.checkpoint) == ("hdc", "UCF101", "1", "hdc-0")
    said = "\n".join(found.notes)
    assert "Data: /data/UCF-101." in said
    assert "Protocol: fine-tuned for 9 steps of 4" in said
    assert "Seed: 0.\n" in said
    assert "Videos seen: 100 of 100 (1)." in said
    assert said.endswith("Command: unreel reproduce table1")


def test_three_splits_are_averaged_and_their_spread_shown(tmp_path: Path) -> None:
    made = _plan("table3", tmp_path, ("hdc-c3d",))
    for data, shares in (("UCF101", (0.70, 0.72, 0.77)), ("HMDB51", (0.40, 0.40, 0.43))):
        for split, (path, share) in enumerate(zip(made.results["hdc-c3d", data, 0], shares, strict=True), start=1):
            tuned(path, str(split), share)
    found = outcome(made, "…")
    spreads = [round(stdev(each), 6) for each in ((70, 72, 77), (40, 40, 43))]
    assert _ours(found, "hdc-c3d") == [(73.0, spreads[0]), (41.0, spreads[1])]
    assert "±: standard deviation over splits 1, 2, 3." in "\n".join(found.notes)


def test_the_mean_of_some_of_the_splits_is_no_number(tmp_path: Path) -> None:
    made = _plan("table3", tmp_path, ("hdc-c3d",))
    for path in made.results["hdc-c3d", "UCF101", 0][:2]:
        tuned(path, "1", 0.7)
    found = outcome(made, "…")
    assert _ours(found, "hdc-c3d") == [None, None]
    assert not found.complete


def test_seeds_are_averaged_over_the_means_of_their_splits(tmp_path: Path) -> None:
    made = _plan("table3", tmp_path, ("hdc-c3d",), seeds=(0, 1))
    for data in ("UCF101", "HMDB51"):
        for seed, shares in ((0, (0.5, 0.6, 0.7)), (1, (0.7, 0.8, 0.9))):
            for split, (path, share) in enumerate(zip(made.results["hdc-c3d", data, seed], shares, strict=True)):
                tuned(path, str(split + 1), share, seed=seed)
    found = outcome(made, "…")
    assert _ours(found, "hdc-c3d")[0] == (70.0, round(stdev((60, 80)), 6))
    assert "Seed: 0, 1. ±: standard deviation over seeds 0, 1." in "\n".join(found.notes)


def test_fewer_videos_than_expected_are_never_hidden(tmp_path: Path) -> None:
    made = _plan("table1", tmp_path, ("hdc", "sc"))
    tuned(made.results["hdc", "UCF101", 0][0], "1", 0.69, missing=12)
    tuned(made.results["sc", "UCF101", 0][0], "1", 0.61)
    found = outcome(made, "…")
    assert _marked(found, "hdc") == [True]
    assert _marked(found, "sc") == [False]
    said = "\n".join(found.notes)
    assert "Videos seen: 88 of 100 (1); 100 of 100 (1)." in said
    assert "FEWER VIDEOS SEEN THAN EXPECTED, marked (!): hdc (UCF101)." in said
    assert "gone-0.avi (named by the lists but not in the folder)" in said
    assert "and 2 more." in said


def test_retrieval_has_both_encoders_in_one_file_and_no_number_for_a_k_beyond_the_gallery(tmp_path: Path) -> None:
    made = _plan("table4", tmp_path, ())
    (path,) = made.results["hdc-c3d", "R@1", 0]
    retrieved(path, {"untrained": {1: 0.1, 5: 0.2}, "hdc-c3d": {1: 0.3, 5: 0.4}})
    found = outcome(made, "…")
    for row, shares in (("untrained-c3d", (10.0, 20.0)), ("hdc-c3d", (30.0, 40.0))):
        assert _ours(found, row) == [*((share, None) for share in shares), None, None, None]
    assert {each.origin.protocol for each in found.figures} == {"vcop, level 5"}


def test_the_label_that_evaluates_can_be_chosen(tmp_path: Path) -> None:
    table = for_folder(TABLES["table4"], "shapes")
    made = plan(table, Budget(SMALL, label="motion"), KINETICS, {"ucf101": SOURCES["ucf101"]}, tmp_path)
    (path,) = made.results["hdc-c3d", "R@1", 0]
    retrieved(path, {"untrained": {1: 0.1}, "hdc-c3d": {1: 0.3}}, labels=("appearance", "motion"))
    assert outcome(made, "…").complete
    assert "Encoders of width 0.25, 56 pixels, 200 steps of 24 videos." in "\n".join(outcome(made, "…").notes)


def test_pretraining_says_how_many_videos_it_has_seen(tmp_path: Path) -> None:
    made = _plan("table1", tmp_path, ("hdc",))
    tuned(made.results["hdc", "UCF101", 0][0], "1", 0.69)
    run = made.pretrained["hdc", 0]
    run.mkdir(parents=True)
    (run / "videos.json").write_text(json.dumps({"used": ["a", "b"], "left_out": {"c": "too short"}}))
    said = "\n".join(outcome(made, "…").notes)
    assert "Pretrained without labels on 2 of 3 videos of /data/kinetics400." in said


def test_before_anything_was_run(tmp_path: Path) -> None:
    found = outcome(_plan("table1", tmp_path, ()), "…")
    assert not found.complete
    assert found.notes == ("Nothing has been run.", "Command: …")
