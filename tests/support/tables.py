"""Tables of embeddings for tests: made-up ones, and tiny encoders that make real ones."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from unreel import models
from unreel.checkpoint import load_encoder
from unreel.checkpoint.weights import PREFIX, WeightsHeader, save_weights
from unreel.search.lance import claimed
from unreel.search.metadata import Clips, Level, TableFacts
from unreel.search.rows import EmbeddingRow, table_of
from unreel.search.update import source_of
from unreel.settings.encoder import EncoderSettings
from unreel.video.collection.manifest import Manifest

TINY = EncoderSettings(name="r3d18", width=1 / 16, size=32)
WIDTH = 8
FACTS = TableFacts("hdc", "abc", "/weights", TINY, level=5, clips=10, width=WIDTH, side=TINY.prepared_side)


def tiny_weights(path: Path, seed: int = 0, settings: EncoderSettings = TINY) -> Path:
    """The weights of an untrained encoder for clips of 32 pixels."""
    torch.manual_seed(seed)
    encoder = models.build_from(settings)
    state = {f"{PREFIX}{name}": tensor for name, tensor in encoder.state_dict().items()}
    save_weights(path, state, WeightsHeader(settings, "tiny", seed), step=0)
    return path


def facts_of(weights: Path, manifest: Manifest, *, clips: Clips = 3, level: Level = 5) -> TableFacts:
    """The facts of a table that these weights make of a collection."""
    encoder = load_encoder(weights)
    facts = TableFacts(
        encoder=encoder.name,
        checkpoint=encoder.checkpoint,
        weights=str(weights),
        settings=encoder.settings,
        level=level,
        clips=clips,
        width=encoder.encoder.channels[level],
        side=manifest.side,
    )
    return facts.with_source(source_of(manifest), manifest.root)


def rows_for(number: int, clips: int = 3, label: str = "walk") -> list[EmbeddingRow]:
    """The rows of a made-up video, its clips half a second apart."""
    name = f"{label}/{number:03}.mp4"
    labels = {"class": label} if label else {}
    video = EmbeddingRow(
        name, "video", f"/v/{name}", "/v", 0.0, clips / 2, label, labels, 10, f"sum{number}", "hdc", "abc", "5"
    )
    return [video, *(replace(video, kind="clip", start=n / 2, end=(n + 1) / 2) for n in range(clips))]


def write_rows(
    place: Path | str, rows: list[EmbeddingRow], vectors: Float32[np.ndarray, "n c"], *, encoder: str = FACTS.encoder
) -> None:
    """A table of these rows; added to one that may be there."""
    with claimed(place) as writer:
        writer.begin(replace(FACTS, encoder=encoder, width=vectors.shape[1]))
        writer.append(table_of(rows, vectors))
        writer.finish()


def contents(place: Path | str) -> list[tuple[object, ...]]:
    """All rows of a table in their order, with the bytes of their vectors."""
    from unreel.search.table import EmbeddingTable

    table = EmbeddingTable.open(place)
    return [(*vars(row).items(), table.vector(row.id, row.kind, row.start).tobytes()) for row in table.rows()]
