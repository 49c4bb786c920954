"""The vectors of whole videos, for those who draw maps of them."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32

from unreel.search.table import EmbeddingTable


def read_vectors(place: Path | str) -> dict[str, dict[str, Float32[np.ndarray, " c"]]]:
    """Encoder name → video id → vector, of a table that `unreel embed` wrote.

    Raises:
        CollectionError: there is no such table.
        MissingExtraError: LanceDB is needed and not installed.
    """
    table = EmbeddingTable.open(place)
    found = table.vectors("video")
    return {table.facts.encoder: dict(zip(found.table["id"].to_pylist(), found.vectors, strict=True))}
