"""Results: written and read back equal."""

from pathlib import Path

import pytest

from unreel.errors import CollectionError
from unreel.evaluation.results import Neighbour, Retrieval, Score, read_retrievals, write_retrievals

RETRIEVAL = Retrieval(
    encoder="hdc",
    checkpoint="abc",
    collection="videos",
    protocol="gap",
    split="leave one video out",
    level=5,
    seed=0,
    seen=2,
    expected=3,
    missing=("gone.mp4",),
    scores=(Score("class", 2, 0.5, {1: 0.5, 5: 1.0}, {1: (0.0, 1.0), 5: (1.0, 1.0)}),),
    neighbours={"a.mp4": (Neighbour("b.mp4", 0.25),), "b.mp4": ()},
)


def test_written_results_read_back_equal(tmp_path: Path) -> None:
    write_retrievals(tmp_path / "retrieval.json", [RETRIEVAL])
    assert read_retrievals(tmp_path / "retrieval.json") == [RETRIEVAL]
    assert RETRIEVAL.score("class").hits[5] == 1


@pytest.mark.parametrize("content", ["", "[]", '{"format": "another"}'])
def test_files_that_are_no_results(content: str, tmp_path: Path) -> None:
    (tmp_path / "retrieval.json").write_text(content)
    with pytest.raises(CollectionError, match="unreel evaluate retrieval"):
        read_retrievals(tmp_path / "retrieval.json")
