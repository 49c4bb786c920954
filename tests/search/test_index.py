"""An index is made above a size, is as good as it says, and follows the table."""

from pathlib import Path

import numpy as np
import pytest
from tables import rows_for, write_rows

from unreel.search import index as index_module
from unreel.search.index import NEAREST, WANTED, bring_up_to_date
from unreel.search.table import EmbeddingTable

VIDEOS, CLIPS, WIDTH = 120, 9, 16


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tables") / "table"
    chance = np.random.default_rng(0)
    rows = [row for number in range(VIDEOS) for row in rows_for(number, CLIPS)]
    write_rows(place, rows, chance.normal(size=(len(rows), WIDTH)).astype(np.float32))
    return place


def test_only_large_tables_have_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bring_up_to_date(place, "auto", changed=True) is None
    assert EmbeddingTable.open(place).facts.index is None
    monkeypatch.setattr(index_module, "FROM_ROWS", 1000)
    index = bring_up_to_date(place, "auto", changed=True)
    assert index is not None
    assert (index.kind, index.rows, index.queries) == ("IVF_FLAT", VIDEOS * (CLIPS + 1), 200)
    assert index.recall >= WANTED
    assert EmbeddingTable.open(place).facts.index == index
    assert bring_up_to_date(place, "auto", changed=False) == index
    assert bring_up_to_date(place, "none", changed=False) is None
    assert EmbeddingTable.open(place).facts.index is None


def test_it_finds_what_it_says_with_and_without_conditions(place: Path) -> None:
    index = bring_up_to_date(place, "always", changed=True)
    assert index is not None
    table = EmbeddingTable.open(place)
    chance = np.random.default_rng(1)
    for where in (None, "start > 1 and id < 'walk/070'"):
        shares = []
        for _ in range(40):
            query = chance.normal(size=WIDTH).astype(np.float32)
            found, exact = (
                [(hit.row.id, hit.row.start, hit.similarity) for hit in hits]
                for hits in (
                    table.search(query, NEAREST, "clip", where),
                    table.search(query, NEAREST, "clip", where, exact=True),
                )
            )
            assert len(found) == NEAREST
            assert all(where is None or (start > 1 and name < "walk/070") for name, start, _ in found)
            shares.append(len(set(found) & set(exact)) / NEAREST)
        assert np.mean(shares) > 0.9


@pytest.mark.slow
def test_new_rows_are_found(place: Path) -> None:
    bring_up_to_date(place, "always", changed=True)
    rows = rows_for(999, 1)
    vectors = np.zeros((2, WIDTH), np.float32)
    vectors[:, 0] = 1
    write_rows(place, rows, vectors)
    hit = EmbeddingTable.open(place).search(vectors[0], 1)[0]
    assert hit.row == rows[1]
    assert hit.similarity == pytest.approx(1)
    index = bring_up_to_date(place, "always", changed=True)
    assert index is not None
    assert index.rows == VIDEOS * (CLIPS + 1) + 2
