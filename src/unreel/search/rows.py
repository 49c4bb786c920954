"""The rows of a table of embeddings: one for each video, and one for each of the clips that it was seen by."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Float32

Kind = Literal["video", "clip"]

COLUMNS: dict[str, pa.DataType] = {
    "id": pa.string(),
    "kind": pa.string(),
    "path": pa.string(),
    "source": pa.string(),
    "start": pa.float64(),
    "end": pa.float64(),
    "label": pa.string(),
    "labels": pa.string(),
    "size": pa.int64(),
    "checksum": pa.string(),
    "encoder": pa.string(),
    "checkpoint": pa.string(),
    "level": pa.string(),
}
"""All but the vector."""

ORDER = ("id", "kind", "start")
"""What rows are sorted by, and what tells them apart."""


@dataclass(frozen=True)
class EmbeddingRow:
    """One row, without its vector.

    `id` is the video's name in its collection, `source` the folder or list that this is, `path` where the video's file
    is. `start` and `end` are seconds in it: of a clip, or of the whole video. `label` is the first of `labels`, or "".
    `size` (bytes) and `checksum` (SHA-256) are the file's; `encoder`, `checkpoint` and `level` say what the vector is.
    """

    id: str
    kind: Kind
    path: str
    source: str
    start: float
    end: float
    label: str
    labels: dict[str, str]
    size: int
    checksum: str
    encoder: str
    checkpoint: str
    level: str


def rows_of(table: pa.Table) -> list[EmbeddingRow]:
    """The rows of a table; its other columns are left out."""
    return [
        EmbeddingRow(**(values | {"labels": json.loads(values["labels"])}))
        for values in table.select(list(COLUMNS)).to_pylist()
    ]


def schema(width: int) -> pa.Schema:
    """The columns of a table whose vectors have `width` numbers."""
    return pa.schema([*COLUMNS.items(), ("vector", pa.list_(pa.float32(), width))])


def table_of(rows: Sequence[EmbeddingRow], vectors: Float32[np.ndarray, "n c"]) -> pa.Table:
    """The rows with their vectors."""
    width = vectors.shape[1]
    values = [vars(row) | {"labels": labels_of(row.labels)} for row in rows]
    columns = [pa.array([each[name] for each in values], type_) for name, type_ in COLUMNS.items()]
    flat = pa.array(np.ascontiguousarray(vectors).reshape(-1), pa.float32())
    return pa.table([*columns, pa.FixedSizeListArray.from_arrays(flat, width)], schema=schema(width))


def labels_of(labels: dict[str, str]) -> str:
    """All labels of a video as a table holds them."""
    return json.dumps(labels, ensure_ascii=False)


def first_label(labels: dict[str, str]) -> str:
    """The first label of a video, "" where it has none."""
    return next(iter(labels.values()), "")


def vectors_of(batch: pa.RecordBatch | pa.Table) -> Float32[np.ndarray, "n c"]:
    """The vectors of some rows; not copied where they lie in one piece."""
    column = batch.column("vector")
    pieces: Iterable[pa.FixedSizeListArray] = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    arrays: list[np.ndarray] = [piece.flatten().to_numpy().reshape(-1, column.type.list_size) for piece in pieces]
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.zeros((0, column.type.list_size), np.float32)


def sorted_places(table: pa.Table) -> pa.Array:
    """In which order the rows are sorted."""
    keys = pa.table({name: plain(table[name]) for name in ORDER})
    return pc.sort_indices(keys, [(name, "ascending") for name in ORDER])


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as it is, not as a dictionary."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
