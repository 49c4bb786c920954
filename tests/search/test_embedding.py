"""The vectors of a video are its own, whoever is embedded beside it and wherever."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from clips import Clip
from tables import TINY, tiny_weights

from unreel.checkpoint import LoadedEncoder, load_encoder
from unreel.engine.ray_actors import ActorResources
from unreel.evaluation.features import FeatureExtractor
from unreel.search.embedding import ClipEncoder, _InActor, embedded_here
from unreel.search.windows import WindowDataset
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("collection")
    for number in range(5):
        Clip(frames=20 + 150 * (number % 2) + number, width=72, height=56).write(folder / f"videos/{number}.mp4")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(TINY.prepared_side, workers=1))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> LoadedEncoder:
    return load_encoder(tiny_weights(tmp_path_factory.mktemp("weights") / "weights.safetensors"))


def test_bit_for_bit_alone_and_in_company(manifest: Manifest, encoder: LoadedEncoder) -> None:
    clip_encoder = ClipEncoder(encoder, 5)
    together = list(embedded_here(clip_encoder, WindowDataset(manifest, manifest.usable, 16, 20)))
    assert [each.row for each in together] == list(range(5))
    for row, record in enumerate(manifest.usable):
        (alone,) = embedded_here(clip_encoder, WindowDataset(manifest, [record], 16, 20))
        assert np.array_equal(alone.vectors, together[row].vectors)


def test_read_by_another_process(manifest: Manifest, encoder: LoadedEncoder) -> None:
    dataset, clip_encoder = WindowDataset(manifest, manifest.usable, 16, "all"), ClipEncoder(encoder, 5)
    for one, other in zip(
        embedded_here(clip_encoder, dataset, 1), embedded_here(clip_encoder, dataset, 0), strict=True
    ):
        assert one.row == other.row
        assert np.array_equal(one.vectors, other.vectors)


@pytest.mark.parametrize("CPUs", [1, 3])
def test_an_actor_finds_the_same(manifest: Manifest, encoder: LoadedEncoder, CPUs: int) -> None:
    dataset = WindowDataset(manifest, manifest.usable, 16, "all")
    expected = list(embedded_here(ClipEncoder(encoder, 4), dataset, 0))
    actor = _InActor(encoder, 4, dataset, ActorResources("cpu", CPUs))
    for found in actor([3, 1, 4]):
        assert np.array_equal(found.vectors, expected[found.row].vectors)


def test_the_vectors_are_the_features_that_are_evaluated(manifest: Manifest, encoder: LoadedEncoder) -> None:
    dataset = WindowDataset(manifest, manifest.usable, 16, 10)
    features = FeatureExtractor(encoder.encoder, encoder.settings).features(manifest, manifest.usable, clips=10)
    for found in embedded_here(ClipEncoder(encoder, 5), dataset):
        assert np.allclose(dataset.mean(found.row, found.vectors), features.videos[found.row], atol=1e-5)


def test_what_cannot_be_read_or_is_not_finite_is_said(manifest: Manifest, encoder: LoadedEncoder) -> None:
    records = [replace(manifest.usable[0], path="gone.mp4"), manifest.usable[1]]
    found = list(embedded_here(ClipEncoder(encoder, 5), WindowDataset(manifest, records, 16, 40)))
    assert "cannot be read any more" in found[0].reason
    assert not found[1].reason
    broken = load_encoder_with_nan(encoder)
    (only,) = embedded_here(ClipEncoder(broken, 5), WindowDataset(manifest, manifest.usable[:1], 16, 2))
    assert only.reason == "a vector is not finite"
    assert only.vectors.shape == (0, encoder.encoder.channels[5])


def load_encoder_with_nan(encoder: LoadedEncoder) -> LoadedEncoder:
    from copy import deepcopy

    broken = deepcopy(encoder)
    with torch.no_grad():
        for parameter in broken.encoder.parameters():
            parameter.fill_(torch.nan)
    return broken
