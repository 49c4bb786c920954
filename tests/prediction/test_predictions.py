"""What is predicted, as rows and as files that others read."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from unreel.errors import OverwriteError, SettingsError
from unreel.prediction.predictions import Predictions
from unreel.prediction.writing import write_predictions
from unreel.text import undefused

PREDICTIONS = Predictions(
    ("jump", "run"),
    ("a/x.mp4", "=b,c.mp4", "d.mp4"),
    np.array([[0.9, 0.1], [0.45, 0.55], [0.2, 0.8]]),
    {"d.mp4": "jump"},
    {"broken.mp4": "no video stream"},
)


def test_a_label_that_was_given_stands_and_what_is_not_sure_has_none() -> None:
    rows = {row.path: (row.label, round(row.confidence, 6), row.given) for row in PREDICTIONS.rows(0.6)}
    assert rows == {"a/x.mp4": ("jump", 0.9, ""), "=b,c.mp4": ("", 0.55, ""), "d.mp4": ("jump", 0.2, "jump")}
    assert [row.label for row in PREDICTIONS.rows()] == ["jump", "run", "jump"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".json"])
def test_every_format_says_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"predictions{suffix}"
    write_predictions(path, PREDICTIONS, unknown_below=0.6)
    if suffix == ".json":
        rows = [each | each.pop("classes") for each in json.loads(path.read_text("utf-8"))]
    elif suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        rows = pq.read_table(path).to_pylist()
    assert list(rows[0]) == ["path", "label", "confidence", "given", "jump", "run"]
    assert [row["label"] for row in rows] == ["jump", "", "jump"]
    assert [undefused(row["path"]) for row in rows] == list(PREDICTIONS.paths)  # no cell is computed by a spreadsheet
    shares = np.array([[float(row[name]) for name in ("jump", "run")] for row in rows])
    np.testing.assert_allclose(shares, PREDICTIONS.shares)


def test_nothing_is_overwritten_and_no_other_format_is_guessed(tmp_path: Path) -> None:
    (tmp_path / "there.csv").touch()
    with pytest.raises(OverwriteError, match="exists already"):
        write_predictions(tmp_path / "there.csv", PREDICTIONS)
    with pytest.raises(SettingsError, match=r"expected a name that ends in \.csv, \.parquet, \.json"):
        write_predictions(tmp_path / "out.txt", PREDICTIONS)
