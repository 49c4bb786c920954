"""A table of embeddings in the forms that other tools load.

tensorboard     OUT/{projector_config.pbtxt, tensors.tsv, metadata.tsv}       tensorboard --logdir OUT
fiftyone        OUT/{metadata.json, samples.json}                             fiftyone.Dataset.from_dir(…)
atlas           OUT.parquet                                                   embedding-atlas OUT.parquet …
npy             OUT.npy                                                       np.load(…), in the order of csv
csv             OUT.csv                                                       any spreadsheet
"""

import json
import re
import zlib
from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Float32, UInt8
from PIL import Image

from unreel.evaluation.nearest import UnitVectors, nearest
from unreel.search.brute_force import lengths
from unreel.search.rows import COLUMNS, EmbeddingRow, labels_of, plain, rows_of
from unreel.search.table import Vectors
from unreel.text import comma_separated, defused

NEIGHBOURS = 15
NEIGHBOURS_UP_TO = 20_000
"""Nearest rows of each that embedding-atlas is given; of a table with more rows it finds them itself."""

PICTURE_SIDE = 48
_LARGEST_SPRITE = 8192  # pixels that browsers can still show

Picture = UInt8[np.ndarray, "_h _w 3"]


def to_tensorboard(out: Path, rows: Vectors, pictures: Sequence[Picture | None] | None = None) -> None:
    """A folder for TensorBoard's projector; `pictures`, one for each row, are shown at the points.

    A row without a picture is grey; of more rows than a sprite can hold, none has one.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / "tensors.tsv").open("w", encoding="utf-8") as file:
        np.savetxt(file, rows.vectors, fmt="%.9g", delimiter="\t")
    names = [name for name in COLUMNS if name not in ("encoder", "checkpoint", "level")]
    lines = ["\t".join(names)]
    lines += ["\t".join(_cell(values[name]) for name in names) for values in _plain(rows.table).to_pylist()]
    (out / "metadata.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    embedding = {"tensor_name": rows.column("encoder")[0] if len(rows) else "empty", "tensor_path": "tensors.tsv"}
    text = "".join(f"  {name}: {json.dumps(value)}\n" for name, value in embedding.items())
    text += '  metadata_path: "metadata.tsv"\n'
    if pictures and PICTURE_SIDE * ceil(sqrt(len(pictures))) <= _LARGEST_SPRITE:
        _sprite(pictures).save(out / "sprite.png")
        side = f"    single_image_dim: {PICTURE_SIDE}\n" * 2
        text += f'  sprite {{\n    image_path: "sprite.png"\n{side}  }}\n'
    (out / "projector_config.pbtxt").write_text(f"embeddings {{\n{text}}}\n", encoding="utf-8")


def to_fiftyone(out: Path, rows: Vectors, name: str) -> None:
    """A folder that `fiftyone.Dataset.from_dir` loads as a LegacyFiftyOneDataset: a sample for each row.

    The media stay where they are. Each label is a Classification, the vector the field "embedding".
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "metadata.json").write_text(json.dumps({"name": name, "info": {"made by": "unreel"}}), encoding="utf-8")
    samples = [_sample(row, vector) for row, vector in zip(rows_of(rows.table), rows.vectors, strict=True)]
    (out / "samples.json").write_text(json.dumps({"samples": samples}, ensure_ascii=False), encoding="utf-8")


def to_atlas(out: Path, rows: Vectors, places: Float[np.ndarray, "n 2"]) -> None:
    """A Parquet file for embedding-atlas: rows, vectors, places on a map, and the nearest rows of each."""
    table = rows.with_vectors()
    table = table.append_column("text", table["id"])
    for column, values in zip(("projection_x", "projection_y"), places.T, strict=True):
        table = table.append_column(column, pa.array(values.astype(np.float64)))
    if len(rows) <= NEIGHBOURS_UP_TO:
        table = table.append_column("neighbors", _neighbours(rows.vectors))
    out.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, out)


def to_npy(out: Path, rows: Vectors) -> None:
    """The vectors, in the order of the rows."""
    with out.open("wb") as file:
        np.save(file, rows.vectors, allow_pickle=False)


def to_csv(out: Path, rows: Vectors) -> None:
    """The rows without their vectors."""
    values = (vars(row) | {"labels": labels_of(row.labels)} for row in rows_of(rows.table))
    out.write_text(comma_separated(list(COLUMNS), ([each[name] for name in COLUMNS] for each in values)), "utf-8")


def principal_places(vectors: Float32[np.ndarray, "n c"]) -> Float[np.ndarray, "n 2"]:
    """Where the two widest directions of the vectors' own directions put them."""
    directions = vectors / lengths(vectors)[:, None]
    centred = directions - directions.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ axes[:, :-3:-1], np.float64)


def _neighbours(vectors: Float32[np.ndarray, "n c"]) -> pa.Array:
    """For each row the numbers of its nearest ones, itself among them, and how far they are."""
    directions = UnitVectors(vectors)
    found = nearest(directions, directions, NEIGHBOURS)
    values = [
        {"ids": ids.tolist(), "distances": (1 - similarities).tolist()}
        for ids, similarities in zip(found.rows, found.similarities, strict=True)
    ]
    return pa.array(values, pa.struct([("ids", pa.list_(pa.int64())), ("distances", pa.list_(pa.float64()))]))


def _plain(table: pa.Table) -> pa.Table:
    return pa.table({name: plain(table[name]) for name in COLUMNS})


def _cell(value: object) -> str:
    return defused(" ".join(value.split())) if isinstance(value, str) else str(value)


def _sample(row: EmbeddingRow, vector: Float32[np.ndarray, " c"]) -> dict[str, Any]:
    """A sample as FiftyOne writes it: a vector is a compressed NumPy file."""
    array = BytesIO()
    np.save(array, vector, allow_pickle=False)
    packed = b64encode(zlib.compress(array.getvalue())).decode()
    labels = {
        _field(name): {"_cls": "Classification", "tags": [], "label": label} for name, label in row.labels.items()
    }
    own = {name: getattr(row, name) for name in ("source", "start", "end", "size", "checksum", "encoder", "checkpoint")}
    return {
        "filepath": row.path,
        "tags": [row.kind],
        "_media_type": "video",
        "metadata": None,
        "name": row.id,
        **own,
        **labels,
        "embedding": {"$binary": {"base64": packed, "subType": "00"}},
    }


def _field(label: str) -> str:
    """A label's name as one of FiftyOne's fields."""
    return "label_" + re.sub(r"\W", "_", label)


def _sprite(pictures: Sequence[Picture | None]) -> Image.Image:
    """All pictures in one square, row by row."""
    across = ceil(sqrt(len(pictures)))
    sprite = Image.new("RGB", (across * PICTURE_SIDE, across * PICTURE_SIDE), (128, 128, 128))
    for number, picture in enumerate(pictures):
        if picture is not None:
            small = Image.fromarray(picture).resize((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.BOX)
            sprite.paste(small, (number % across * PICTURE_SIDE, number // across * PICTURE_SIDE))
    return sprite
