"""Real videos of eleven kinds, embedded and searched for."""

from pathlib import Path

import pytest
from folders import real_data
from tables import TINY, facts_of, tiny_weights

from unreel.checkpoint import load_encoder
from unreel.search.query import QueryEncoder
from unreel.search.table import EmbeddingTable
from unreel.search.update import update
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare


@pytest.mark.data
@pytest.mark.slow
def test_real_videos_find_themselves(tmp_path: Path) -> None:
    manifest = prepare(real_data("named"), tmp_path / "prepared", PrepareOptions(TINY.prepared_side))
    weights = tiny_weights(tmp_path / "weights.safetensors")
    facts = facts_of(weights, manifest, clips="all")
    assert update(tmp_path / "table", load_encoder(weights), manifest, facts).embedded == 11
    table = EmbeddingTable.open(tmp_path / "table")
    encoder = QueryEncoder.of(table.facts)
    for row in table.rows(kind="video"):
        query = encoder.query(Path(row.path))
        hit = table.search(query.vector, 1, "video")[0]
        assert hit.row == row
        assert hit.similarity == pytest.approx(1, abs=1e-6)
        clip = table.rows(f"id = '{row.id}'", kind="clip")[-1]
        piece = encoder.query(Path(row.path), at=clip.start)
        found = table.search(piece.vector, 1, "clip")[0]
        assert (found.row.id, found.row.start) == (row.id, clip.start)
        assert piece.start == pytest.approx(clip.start, abs=0.05)
