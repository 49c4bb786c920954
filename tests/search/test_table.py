"""Reading tables: sorted, by condition, searched."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Float32
from tables import FACTS, WIDTH, rows_for, write_rows

from unreel.errors import CollectionError, MissingExtraError, SettingsError
from unreel.extras import require
from unreel.search import table as store_module
from unreel.search.lance import EXPORTS, claimed
from unreel.search.metadata import TableFacts
from unreel.search.rows import EmbeddingRow
from unreel.search.table import EmbeddingTable, read_vectors

LABELS = "walk", "run", "", "it's"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A table written in an order that is not its own."""
    place = tmp_path / "new/table"
    videos = [rows_for(number, 3, label) for number, label in enumerate(LABELS)]
    for rows in reversed(videos):
        write_rows(place, rows, vectors_for(rows))
    return place


def vectors_for(rows: list[EmbeddingRow]) -> Float32[np.ndarray, "n c"]:
    seeds = [[ord(letter) for letter in f"{row.id}{row.kind}{row.start}"] for row in rows]
    return np.stack([np.random.default_rng(seed).normal(size=WIDTH).astype(np.float32) for seed in seeds])


def all_rows() -> list[EmbeddingRow]:
    rows = [row for number, label in enumerate(LABELS) for row in rows_for(number, 3, label)]
    return sorted(rows, key=lambda row: (row.id, row.kind, row.start))


def test_rows_are_sorted_and_chosen(place: Path) -> None:
    table = EmbeddingTable.open(place)
    assert table.facts == FACTS
    assert table.rows() == all_rows()
    assert (table.count(), table.count("video"), table.count("clip", "label = 'walk' and start > 0")) == (16, 4, 2)
    assert [row.id for row in table.rows("label = 'it''s'", kind="video")] == ["it's/003.mp4"]
    assert table.rows(offset=3, limit=2) == all_rows()[3:5]
    assert table.rows(offset=99) == []
    by_start = table.rows(kind="clip", order="-start")
    assert [row.start for row in by_start] == [1.0] * 4 + [0.5] * 4 + [0.0] * 4
    assert [row.id for row in by_start[:4]] == sorted(row.id for row in by_start[:4])
    assert table.values("label", "video") == {"walk": 1, "run": 1, "": 1, "it's": 1}


def test_one_row(place: Path) -> None:
    table = EmbeddingTable.open(place)
    row = rows_for(3, 3, "it's")[2]
    assert table.row(row.id, "clip", 0.5) == row
    assert np.array_equal(table.vector(row.id, "clip", 0.5), vectors_for([row])[0])
    with pytest.raises(CollectionError, match=r"holds no clip of \"it's/003.mp4\" that begins at 0.25 s"):
        table.row(row.id, "clip", 0.25)


def test_vectors_by_kind(place: Path) -> None:
    table = EmbeddingTable.open(place)
    rows = [row for row in all_rows() if row.kind == "clip"]
    found = table.vectors("clip")
    assert [found.row(place) for place in range(len(found))] == rows
    assert np.array_equal(found.vectors, vectors_for(rows))
    some = table.vectors("clip", "label != 'walk'")
    assert some.column("label") == [row.label for row in rows if row.label != "walk"]
    assert np.array_equal(some.vectors, vectors_for([row for row in rows if row.label != "walk"]))
    assert read_vectors(place)["hdc"].keys() == {row.id for row in rows}


@pytest.mark.parametrize("held", [1 << 20, 0])
def test_search_is_the_same_held_or_read_again(place: Path, held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "HELD_BYTES", held)
    table = EmbeddingTable.open(place)
    rows = [row for row in all_rows() if row.kind == "clip"]
    vectors = vectors_for(rows).astype(np.float64)
    query = vectors_for(rows)[4] * 3
    similarities = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    for _ in range(2):
        hits = table.search(query, 5)
        order = np.argsort(-similarities)[:5]
        assert [hit.row for hit in hits] == [rows[place] for place in order]
        assert np.allclose([hit.similarity for hit in hits], similarities[order], atol=1e-6)
        assert np.array_equal(hits[0].vector, vectors_for(rows)[4])
    chosen = table.search(query, 99, "clip", "label = 'run' or start > 0.9")
    assert {hit.row.start for hit in chosen if hit.row.label != "run"} == {1.0}
    assert len(chosen) == 6
    assert [hit.row.kind for hit in table.search(query, 99, "video")] == ["video"] * 4
    assert table.search(query, 5, "clip", "label = 'nothing'") == []


def test_errors_name_what_is_wrong(place: Path, tmp_path: Path) -> None:
    table = EmbeddingTable.open(place)
    with pytest.raises(SettingsError, match=r"shape \(3,\), expected 8 finite numbers"):
        table.search(np.ones(3, np.float32))
    with pytest.raises(SettingsError, match="expected 8 finite numbers"):
        table.search(np.full(WIDTH, np.nan, np.float32))
    with pytest.raises(SettingsError, match="cannot be sorted by 'age'; the columns are id, "):
        table.rows(order="-age")
    with pytest.raises(SettingsError, match=r"no column of texts 'start'; there are: id, "):
        table.values("start")
    with pytest.raises(SettingsError, match="makes no sense"):
        table.search(np.ones(WIDTH, np.float32), where="nothing")
    with pytest.raises(CollectionError, match=r"no table of embeddings at .*Make one with: unreel embed"):
        read_vectors(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_a_table_is_as_it_was_opened(place: Path) -> None:
    table = EmbeddingTable.open(place)
    assert table.refreshed() is table
    rows = rows_for(9)
    write_rows(place, rows, vectors_for(rows))
    assert table.count("video") == 4
    now = table.refreshed()
    assert now is not table
    assert now.count("video") == 5
    assert now.row(rows[0].id) == rows[0]


@pytest.mark.parametrize("suffix", EXPORTS)
def test_exports_are_no_tables(suffix: str, tmp_path: Path) -> None:
    for open_it in (EmbeddingTable.open, lambda place: claimed(place).__enter__()):
        with pytest.raises(CollectionError) as caught:
            open_it(tmp_path / f"table{suffix}")
        assert str(caught.value) == (
            f"{tmp_path}/table{suffix} has the name of an export, and only a LanceDB folder is embedded into or "
            f"searched, such as {tmp_path}/table.lance: `unreel export` turns a folder into such a file, and .parquet "
            "into a folder."
        )
    assert not list(tmp_path.iterdir())


def test_a_table_by_its_address(tmp_path: Path) -> None:
    address = f"file://{tmp_path}/table"
    rows = rows_for(1)
    write_rows(address, rows, vectors_for(rows))
    assert EmbeddingTable.open(address).rows(kind="video") == rows[:1]
    assert EmbeddingTable.open(tmp_path / "table").count() == 4
    with pytest.raises(CollectionError, match="cannot be reached"):
        EmbeddingTable.open("nothing://bucket/table")


def test_an_empty_table(tmp_path: Path) -> None:
    with claimed(tmp_path / "table") as store:
        store.begin(FACTS)
        store.finish()
    table = EmbeddingTable.open(tmp_path / "table")
    assert table.rows() == table.rows("start < 1") == []
    assert len(table.vectors("clip")) == len(table.vectors("clip", "start < 1")) == 0
    assert table.search(np.ones(WIDTH, np.float32)) == []


def test_facts_survive_and_refuse_others() -> None:
    facts = FACTS.with_source("/videos", Path("/prepared"))
    assert TableFacts.from_json(facts.to_json(), "here") == facts
    facts.check_same(replace(facts, encoder="another name", weights="elsewhere"), "here")
    with pytest.raises(CollectionError) as caught:
        facts.check_same(replace(facts, checkpoint="def", clips="all"), "here")
    assert str(caught.value) == (
        "here holds vectors of encoder hdc, checkpoint abc, clips 10; got encoder hdc, checkpoint def, clips all. "
        "Their vectors cannot be compared: name another table."
    )


def test_an_extra_that_is_not_installed() -> None:
    with pytest.raises(MissingExtraError, match=r"no package 'not_there'.*pip install 'unreel\[web\]'"):
        require("not_there", "web")
