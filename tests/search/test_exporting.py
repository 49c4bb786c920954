"""Exports, read back by the tools they are for, or as these tools read them."""

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from tables import WIDTH, rows_for, write_rows

from unreel.search.exporting import PICTURE_SIDE, principal_places, to_atlas, to_fiftyone, to_tensorboard
from unreel.search.table import EmbeddingTable, Vectors

VIDEOS = 5


@pytest.fixture
def rows(tmp_path: Path) -> Vectors:
    chance = np.random.default_rng(0)
    rows = [row for number in range(VIDEOS) for row in rows_for(number, 2, "wa\tlk" if number else "")]
    write_rows(tmp_path / "table", rows, chance.normal(size=(len(rows), WIDTH)).astype(np.float32))
    return EmbeddingTable.open(tmp_path / "table").vectors("video")


def served(folder: Path, route: str, **arguments: str) -> bytes:
    """What TensorBoard's projector answers its page."""
    from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
    from tensorboard.plugins import base_plugin
    from tensorboard.plugins.projector import projector_plugin
    from werkzeug.test import Client
    from werkzeug.wrappers import Response

    multiplexer = plugin_event_multiplexer.EventMultiplexer({".": str(folder)})
    context = base_plugin.TBContext(
        logdir=str(folder),
        multiplexer=multiplexer,
        data_provider=data_provider.MultiplexerDataProvider(multiplexer, str(folder)),
    )
    plugin: Any = projector_plugin.ProjectorPlugin(context)
    plugin._run_paths = {".": str(folder)}
    client = Client(plugin.get_plugin_apps()[route], Response)
    response = client.get("/", query_string=arguments)
    assert response.status_code == 200, response.data
    return bytes(response.data)


def test_tensorboard_s_projector_shows_it(rows: Vectors, tmp_path: Path) -> None:
    pictures = [np.full((20, 30, 3), 40 * number, np.uint8) if number else None for number in range(VIDEOS)]
    to_tensorboard(tmp_path / "out", rows, pictures)
    (embedding,) = json.loads(served(tmp_path / "out", "/info", run="."))["embeddings"]
    assert embedding["tensorName"] == "hdc"
    name = embedding["tensorName"]
    tensor = np.frombuffer(served(tmp_path / "out", "/tensor", run=".", name=name), np.float32)
    assert np.array_equal(tensor.reshape(-1, WIDTH), rows.vectors)
    header, *lines = served(tmp_path / "out", "/metadata", run=".", name=name).decode().splitlines()
    assert header.split("\t")[:3] == ["id", "kind", "path"]
    assert [line.split("\t")[0] for line in lines] == [" ".join(str(each).split()) for each in rows.column("id")]
    assert all(len(line.split("\t")) == len(header.split("\t")) for line in lines)
    sprite = Image.open(io.BytesIO(served(tmp_path / "out", "/sprite_image", run=".", name=name)))
    assert sprite.size == (3 * PICTURE_SIDE, 3 * PICTURE_SIDE)
    centres = [sprite.getpixel((PICTURE_SIDE * (n % 3) + 20, PICTURE_SIDE * (n // 3) + 20)) for n in range(VIDEOS)]
    assert centres == [(128, 128, 128), *((40 * number,) * 3 for number in range(1, VIDEOS))]
    assert embedding["sprite"]["singleImageDim"] == [PICTURE_SIDE, PICTURE_SIDE]


def test_fiftyone_s_samples(rows: Vectors, tmp_path: Path) -> None:
    to_fiftyone(tmp_path / "out", rows, "mine")
    assert json.loads((tmp_path / "out/metadata.json").read_text())["name"] == "mine"
    samples = json.loads((tmp_path / "out/samples.json").read_text())["samples"]
    assert [each["filepath"] for each in samples] == rows.column("path")
    packed = base64.b64decode(samples[2]["embedding"]["$binary"]["base64"])
    assert np.array_equal(np.load(io.BytesIO(zlib.decompress(packed)), allow_pickle=False), rows.vectors[2])
    labelled = [each for each in samples if "label_class" in each]
    assert len(labelled) == VIDEOS - 1
    assert labelled[0]["label_class"] == {"_cls": "Classification", "tags": [], "label": "wa\tlk"}


def test_fiftyone_loads_it(rows: Vectors, tmp_path: Path) -> None:
    fiftyone = pytest.importorskip("fiftyone")
    to_fiftyone(tmp_path / "out", rows, "mine")
    dataset = fiftyone.Dataset.from_dir(str(tmp_path / "out"), dataset_type=fiftyone.types.LegacyFiftyOneDataset)
    assert [sample.filepath for sample in dataset] == rows.column("path")
    assert np.array_equal(dataset.first().embedding, rows.vectors[0])


def test_embedding_atlas_s_columns(rows: Vectors, tmp_path: Path) -> None:
    places = principal_places(rows.vectors)
    to_atlas(tmp_path / "out.parquet", rows, places)
    table = pq.read_table(tmp_path / "out.parquet")
    assert {"projection_x", "projection_y", "text", "vector", "path", "label"} <= set(table.column_names)
    assert np.array_equal(np.array(table["vector"].to_pylist(), np.float32), rows.vectors)
    unit = rows.vectors / np.linalg.norm(rows.vectors, axis=1, keepdims=True)
    for row, neighbours in enumerate(table["neighbors"].to_pylist()):
        assert sorted(neighbours["ids"]) == list(range(VIDEOS))
        assert neighbours["ids"][0] == row
        assert np.allclose(neighbours["distances"], 1 - unit[neighbours["ids"]] @ unit[row], atol=1e-5)


def test_principal_places_are_the_widest() -> None:
    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(200, 6)).astype(np.float32) * np.array([1, 9, 1, 5, 1, 1], np.float32) + 20
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    centred = unit - unit.mean(axis=0)
    sizes = np.linalg.svd(centred, compute_uv=False)
    places = principal_places(vectors)
    assert np.allclose(np.linalg.norm(places, axis=0), sizes[:2], rtol=1e-3)
