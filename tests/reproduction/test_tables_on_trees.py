"""Every table and figure on generated data sets with official lists: all of them come out, with the lists' counts."""

import csv
from collections.abc import Mapping
from pathlib import Path

import pytest
from data_sets import GONE, HMDB51, TINY, UCF101, data_sets
from jobs_inside import Inside

from unreel.cli.reproduce import main as reproduce
from unreel.reproduction import runner

pytestmark = pytest.mark.slow

TARGETS = ("table1", "table2", "table3", "table4", "table5", "figure1", "figure4")


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all tables, made by their jobs in this process, and once more of each, which runs nothing."""
    data, out = data_sets(tmp_path_factory.mktemp("data")), tmp_path_factory.mktemp("reproduction") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "Popen", Inside)
        patch.setattr(runner, "LOOK_EVERY", 0.0)
        for target in TARGETS:
            reproduce([target, "--data", str(data), "--out", str(out), *TINY])
    return out


def _rows(out: Path, target: str) -> list[dict[str, str]]:
    with (out / f"{target}.csv").open(encoding="utf-8-sig", newline="") as file:
        return [row for row in csv.DictReader(file) if row["ours"]]


def _listed(plan: Mapping[str, tuple[str, dict[str, str]]], split: str, *parts: str) -> int:
    return sum(splits.get(split) in parts for _, splits in plan.values())


def _count(rows: list[dict[str, str]], data: str) -> set[tuple[str, str, str]]:
    return {(row["split"], row["seen"], row["expected"]) for row in rows if data in row["data"]}


@pytest.mark.parametrize("target", ["table1", "table2"])
def test_ablations_see_the_test_list_of_split_1(out: Path, target: str) -> None:
    rows, listed = _rows(out, target), str(_listed(UCF101, "1", "test"))
    assert len(rows) == {"table1": 8, "table2": 6}[target]
    assert _count(rows, "UCF-101") == {("1", listed, listed)}
    assert all(row["paper"] and row["checkpoint"] and row["protocol"] and row["seed"] == "0" for row in rows)


def test_table_3_sees_the_test_lists_of_all_splits_and_says_what_is_not_there(out: Path) -> None:
    rows = _rows(out, "table3")
    assert len(rows) == 9 * 2 * 3
    splits = {(split, str(_listed(UCF101, split, "test")), str(_listed(UCF101, split, "test"))) for split in "123"}
    assert _count(rows, "UCF-101") == splits
    tests = {split: _listed(HMDB51, split, "test") for split in "123"}
    gone = HMDB51[GONE][1]
    assert _count(rows, "hmdb51") == {
        (split, str(count - (gone[split] == "test")), str(count)) for split, count in tests.items()
    }
    text = (out / "table3.md").read_text(encoding="utf-8")
    assert f"Not seen: {GONE} (named by the lists but not in the folder)." in text
    assert "FEWER VIDEOS SEEN THAN EXPECTED" in text
    lines = text.split("\n")
    assert sum("±" in line and "(!)" in line and line.startswith("| ") for line in lines) == 9
    assert sum("not run" in line for line in lines) == 26


@pytest.mark.parametrize(("target", "plan", "gone"), [("table4", UCF101, 0), ("table5", HMDB51, 1)])
def test_retrieval_sees_gallery_and_queries_of_split_1(
    out: Path, target: str, plan: Mapping[str, tuple[str, dict[str, str]]], gone: int
) -> None:
    rows, listed = _rows(out, target), _listed(plan, "1", "train", "test")
    assert {row["method"] for row in rows} == {"Random Initialized", "HDC"}
    assert {row["encoder"] for row in rows} == {"untrained", "hdc-c3d"}
    assert {row["column"] for row in rows} == {"R@1", "R@5"}  # the gallery has eight videos
    assert {(row["split"], row["seen"], row["expected"]) for row in rows} == {("1", str(listed - gone), str(listed))}
    assert {row["protocol"] for row in rows} == {"vcop, level 5"}


@pytest.mark.parametrize(("target", "names"), [("figure1", "SC TC HDC"), ("figure4", "SC TC SC+TC HDC")])
def test_figures_show_what_each_encoder_finds_first(out: Path, target: str, names: str) -> None:
    page = (out / f"{target}.html").read_text(encoding="utf-8")
    assert all(name in page for name in names.split())
    assert (out / f"{target}.pdf").read_bytes().startswith(b"%PDF")
    assert {row["method"] for row in _rows(out, target)} == set(names.split())
