"""metrics.csv: exact, whole after a kill at any byte, and rewound with the run."""

import csv
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.errors import RunError
from unreel.training.metrics import Metrics, read_metrics

NAMES = st.sampled_from(["loss", "loss/spatial_5", "knn/class", "learning_rate", 'odd, "name"', "größe\nzwei"])
FIGURES = st.dictionaries(NAMES, st.floats(), max_size=4)
ROWS = st.lists(st.tuples(st.integers(0, 20), FIGURES), max_size=12)

Row = dict[str, int | float]


def expected(rows: list[tuple[int, dict[str, float]]]) -> list[Row]:
    return [{"step": step, **figures} for step, figures in rows]


def same(read: list[Row], rows: list[Row]) -> bool:
    """Equal bit for bit; not a number equals itself."""
    return [{name: repr(value) for name, value in row.items()} for row in read] == [
        {name: repr(value) for name, value in row.items()} for row in rows
    ]


def written(run: Path, rows: list[tuple[int, dict[str, float]]]) -> Path:
    metrics = Metrics(run / "metrics.csv")
    for step, figures in rows:
        metrics.write(step, figures)
    metrics.close()
    return run / "metrics.csv"


@given(ROWS)
def test_what_was_written_is_read_exactly_at_any_time(rows: list[tuple[int, dict[str, float]]]) -> None:
    with TemporaryDirectory() as name:
        run = Path(name)
        metrics = Metrics(run / "metrics.csv")
        for count, (step, figures) in enumerate(rows):
            assert same(read_metrics(run), expected(rows[:count]))
            metrics.write(step, figures)
        metrics.close()
        assert same(read_metrics(run), expected(rows))


@given(ROWS, ROWS, st.integers(-1, 20))
def test_a_rewound_file_holds_the_rows_up_to_that_step_and_goes_on(
    before: list[tuple[int, dict[str, float]]], after: list[tuple[int, dict[str, float]]], step: int
) -> None:
    with TemporaryDirectory() as name:
        run = Path(name)
        path = written(run, before)
        metrics = Metrics(path)
        metrics.rewind(step)
        kept = [row for row in before if row[0] <= step]
        assert same(read_metrics(run), expected(kept))
        for each, figures in after:
            metrics.write(each, figures)
        metrics.close()
        assert same(read_metrics(run), expected(kept + after))


@given(st.lists(st.tuples(st.integers(0, 20), FIGURES), min_size=1, max_size=6), st.data())
def test_a_kill_at_any_byte_costs_one_row_at_most(
    rows: list[tuple[int, dict[str, float]]], data: st.DataObject
) -> None:
    """Rows are appended to a header that is never half there, so a kill leaves a beginning of the file."""
    with TemporaryDirectory() as name:
        run = Path(name)
        everything = dict.fromkeys(["loss", *(key for _, figures in rows for key in figures)], 0.5)
        header = written(run, [(0, everything)]).stat().st_size
        content = written(run, rows).read_bytes()
        cut = data.draw(st.integers(header, len(content)))
        (run / "metrics.csv").write_bytes(content[:cut])
        whole = content[header:cut].count(b"\n")
        left = expected([(0, everything), *rows[:whole]])
        assert same(read_metrics(run), left)
        written(run, [(9, {"loss": 2.0})])
        assert same(read_metrics(run), [*left, {"step": 9, "loss": 2.0}])


def test_the_file_is_a_table_any_program_reads(tmp_path: Path) -> None:
    path = written(tmp_path, [(1, {"loss": 0.1}), (2, {"loss": math.inf, "knn/class": 0.25}), (2, {"x": math.nan})])
    assert path.read_text() == "step,loss,knn/class,x\n1,0.1,,\n2,inf,0.25,\n2,,,nan\n"
    with path.open(newline="") as file:
        assert [row["knn/class"] for row in csv.DictReader(file)] == ["", "0.25", ""]


def test_a_row_is_there_as_soon_as_it_is_written_and_without_rewriting(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.csv")
    metrics.write(1, {"loss": 2.0})
    file = (tmp_path / "metrics.csv").stat().st_ino
    metrics.write(2, {"loss": 1.0})
    assert (tmp_path / "metrics.csv").stat().st_ino == file
    assert read_metrics(tmp_path)[-1] == {"step": 2, "loss": 1.0}
    metrics.close()


@pytest.mark.parametrize("change", ["column", "rewind"])
def test_a_kill_before_the_new_file_takes_its_place_changes_nothing(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, [(1, {"loss": 2.0}), (2, {"loss": 1.0})])
    content = path.read_bytes()
    metrics = Metrics(path)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        metrics.write(3, {"new": 1.0}) if change == "column" else metrics.rewind(1)
    assert path.read_bytes() == content
    assert len(read_metrics(tmp_path)) == 2


def test_a_run_without_the_file_has_measured_nothing_yet(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []
    Metrics(tmp_path / "metrics.csv").rewind(3)
    assert list(tmp_path.iterdir()) == []


DAMAGES = {
    "empty": b"",
    "no step": b"loss,accuracy\n1.0,2.0\n",
    "too few cells": b"step,loss\n1\n",
    "too many cells": b"step,loss\n1,2.0,3.0\n",
    "no number": b"step,loss\n1,much\n",
    "no step in a row": b"step,loss\n,2.0\n",
    "no text": b"step,loss\n1,\xff\n",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_with_what_to_do(damage: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_bytes(DAMAGES[damage])
    with pytest.raises(
        RunError, match=r"metrics.csv is damaged \(.+\); expected the column `step`, then numbers.* Mend"
    ):
        read_metrics(tmp_path)
