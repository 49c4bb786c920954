"""Tables of embeddings: Parquet and LanceDB hold the same, nothing is overwritten."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from unreel.checkpoint import LoadedEncoder
from unreel.errors import CollectionError, MissingExtraError, OverwriteError
from unreel.evaluation.features import Features
from unreel.extras import require
from unreel.models import build
from unreel.search.table import embeddings_table, read_vectors, write_table
from unreel.settings.pretraining import EncoderSettings
from unreel.video.manifest import Manifest, VideoRecord

IDS = ("run/a.mp4", "walk/'quoted'.mp4")


@pytest.fixture
def inputs() -> tuple[Features, Manifest, LoadedEncoder]:
    records = tuple(
        VideoRecord(id=name, status="ok", labels={"class": name.split("/")[0]}, duration=2.5) for name in IDS
    )
    clips = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)
    encoder = LoadedEncoder(build("r3d18", width=0.0625), EncoderSettings(), "hdc", "abc", 0)
    return Features(IDS, clips, {}), Manifest(Path("prepared"), records, source="videos"), encoder


@pytest.mark.parametrize("name", ["table.parquet", "table"])
def test_what_is_written_is_read(name: str, inputs: tuple[Features, Manifest, LoadedEncoder], tmp_path: Path) -> None:
    path = tmp_path / "new" / name
    write_table(embeddings_table(*inputs), path)
    vectors = read_vectors(path)
    assert list(vectors) == ["hdc"]
    for row, identity in enumerate(IDS):
        assert np.array_equal(vectors["hdc"][identity], inputs[0].clips[row].mean(axis=0))
    with pytest.raises(OverwriteError, match="exists already and nothing is overwritten"):
        write_table(embeddings_table(*inputs), path)


def test_other_tools_find_what_they_need(inputs: tuple[Features, Manifest, LoadedEncoder], tmp_path: Path) -> None:
    write_table(embeddings_table(*inputs), tmp_path / "table.parquet")
    row = pq.read_table(tmp_path / "table.parquet").to_pylist()[1]
    assert (row["id"], row["source"], row["start"], row["end"]) == (IDS[1], "videos", 0.0, 2.5)
    assert json.loads(row["labels"]) == {"class": "walk"}
    assert (row["encoder"], row["checkpoint"]) == ("hdc", "abc")


def test_no_table(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"no table of embeddings at .*Make one with: unreel embed"):
        read_vectors(tmp_path / "nothing.parquet")


def test_an_extra_that_is_not_installed() -> None:
    with pytest.raises(MissingExtraError, match=r"no package 'not_there'.*pip install 'unreel\[search\]'"):
        require("not_there", "search")
