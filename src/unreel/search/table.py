"""Where embeddings are kept: a Parquet file, or a LanceDB table in a folder."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from unreel.checkpoint import LoadedEncoder
from unreel.engine.outputs import check_free
from unreel.errors import CollectionError
from unreel.evaluation.features import Features
from unreel.extras import require
from unreel.video.manifest import Manifest

TABLE = "embeddings"


def embeddings_table(features: Features, manifest: Manifest, encoder: LoadedEncoder) -> pa.Table:
    """One row per video: id, source folder, start and end in seconds, labels as JSON, encoder, checkpoint, vector."""
    records = {record.id: record for record in manifest}
    vectors = features.videos.astype(np.float32)
    width = vectors.shape[1]
    rows = [records[identity] for identity in features.ids]
    return pa.table(
        {
            "id": list(features.ids),
            "source": [manifest.source] * len(rows),
            "start": [0.0] * len(rows),
            "end": [record.duration for record in rows],
            "labels": [json.dumps(record.labels, sort_keys=True) for record in rows],
            "encoder": [encoder.name] * len(rows),
            "checkpoint": [encoder.checkpoint] * len(rows),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), width),
        }
    )


def write_table(table: pa.Table, path: Path) -> None:
    """Write to a Parquet file (name ending in .parquet) or to a LanceDB folder (any other name).

    Raises:
        OverwriteError: the path exists already.
        MissingExtraError: LanceDB is not installed.
    """
    check_free(path)
    if path.suffix == ".parquet":
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        pq.write_table(table, unfinished)
        unfinished.replace(path)
    else:
        lancedb: Any = require("lancedb", "search")
        lancedb.connect(str(path)).create_table(TABLE, table)


def read_vectors(path: Path) -> dict[str, dict[str, Float[np.ndarray, " c"]]]:
    """Encoder name → video id → vector, from what `write_table` wrote.

    Raises:
        CollectionError: there is no such table.
    """
    if not path.exists():
        raise CollectionError(
            f"there is no table of embeddings at {path}. Make one with: unreel embed RUN FOLDER --out {path}"
        )
    if path.suffix == ".parquet":
        table = pq.read_table(path)
    else:
        lancedb: Any = require("lancedb", "search")
        table = lancedb.connect(str(path)).open_table(TABLE).to_arrow()
    vectors: dict[str, dict[str, Float[np.ndarray, " c"]]] = {}
    for row in table.select(["encoder", "id", "vector"]).to_pylist():
        vectors.setdefault(row["encoder"], {})[row["id"]] = np.asarray(row["vector"], dtype=np.float32)
    return vectors
