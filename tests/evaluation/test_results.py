"""Results: written and read back equal."""

import json
from pathlib import Path

import pytest

from unreel.errors import CollectionError
from unreel.evaluation.classification import read_classifications, score_predictions, write_classifications
from unreel.evaluation.results import (
    ClassScore,
    Neighbour,
    Provenance,
    QueryRanking,
    Retrieval,
    Score,
    read_retrievals,
    write_retrievals,
)

SCORE = Score(
    label="class",
    queries=2,
    chance=0.5,
    hits={1: 0.5, 5: 1.0},
    intervals={1: (0.0, 1.0), 5: (1.0, 1.0)},
    average_precision=0.75,
    average_precision_interval=(0.5, 1.0),
    purity={1: 0.5},
    classes={"run": ClassScore(2, {1: 0.5, 5: 1.0}, 0.75)},
    outcomes={"a.mp4": QueryRanking(1, 1.0), "b.mp4": QueryRanking(None, 0.0)},
)
ORIGIN = Provenance("hdc", "abc", "videos", "gap", "1", 5, 0, 2, 3, 1, 1, 1, 2, {"gone.mp4": "damaged"})
RETRIEVAL = Retrieval(ORIGIN, (SCORE,), {"a.mp4": (Neighbour("b.mp4", 0.25),), "b.mp4": ()})


def test_written_results_read_back_equal(tmp_path: Path) -> None:
    write_retrievals(tmp_path / "retrieval.json", [RETRIEVAL])
    assert read_retrievals(tmp_path / "retrieval.json") == [RETRIEVAL]
    assert RETRIEVAL.score("class").hits[5] == 1


def test_written_classifications_read_back_equal(tmp_path: Path) -> None:
    truth = {"a.mp4": "run", "b.mp4": "walk"}
    result = score_predictions("knn", ORIGIN, "class", truth, {"k=1": truth, "k=5": dict.fromkeys(truth, "run")})
    assert (result.videos, result.accuracy, result.accuracies) == (2, 1.0, {"k=1": 1.0, "k=5": 0.5})
    assert result.intervals["k=1"] == (1.0, 1.0)
    assert result.intervals["k=5"] == (0.0, 1.0)
    assert result.classes == {"run": {"k=1": 1.0, "k=5": 1.0}, "walk": {"k=1": 1.0, "k=5": 0.0}}
    assert result.predictions["b.mp4"] == {"k=1": "walk", "k=5": "run"}
    write_classifications(tmp_path / "knn.json", [result])
    assert read_classifications(tmp_path / "knn.json") == [result]
    assert json.loads((tmp_path / "knn.json").read_text())["classifications"][0]["origin"]["missing"] == {
        "gone.mp4": "damaged"
    }


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"format": "another"}', '{"format": "unreel-retrieval-2"}', '{"format": "unreel-classification-1"}'],
)
def test_files_that_are_no_results(content: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(content)
    with pytest.raises(CollectionError, match="Make them with: unreel evaluate retrieval"):
        read_retrievals(tmp_path / "results.json")
    with pytest.raises(CollectionError, match="Make them with: unreel evaluate knn, or linear"):
        read_classifications(tmp_path / "results.json")
