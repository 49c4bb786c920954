"""The vectors of a video are its own, whoever is embedded beside it and wherever."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clips import Clip
from tables import TINY, tiny_weights

from unreel.checkpoint import LoadedEncoder, load_encoder
from unreel.engine.ray_actors import ActorResources
from unreel.evaluation.features import FeatureExtractor
from unreel.search.embedding import ClipEncoder, _InActor, dense_windows, embedded_here
from unreel.search.metadata import DenseWindows
from unreel.search.windows import WindowDataset
from unreel.video.clips.datasets import region, stacked
from unreel.video.collection.manifest import Manifest, VideoRecord
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import PyAVReader
from unreel.video.decoding.yuv import Planes


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


UNEVEN = [number if number < 30 else 30 + 4 * (number - 30) for number in range(60)]


@pytest.mark.parametrize("window", [None, 0.3, 1.9])
@pytest.mark.parametrize("times", [None, UNEVEN])
def test_windows_are_those_of_a_slow_loop(
    window: float | None, times: list[int] | None, encoder: LoadedEncoder, tmp_path: Path
) -> None:
    Clip(frames=60, rate=25 if times is None else 50, times=times, width=72, height=56).write(tmp_path / "v/a.mp4")
    manifest = prepare(tmp_path / "v", tmp_path / "prepared", PrepareOptions(TINY.prepared_side, workers=1))
    (video,) = manifest.usable
    assert video.constant_rate == (times is None)
    clip_encoder = ClipEncoder(encoder, 5)
    (found,) = dense_windows(clip_encoder, manifest, [video], DenseWindows(0.3, window))
    planes = PyAVReader(prepared=True).read_frames(manifest.file(video), np.arange(60)[None])[0]
    length = window or 16 / video.fps
    expected: list[np.ndarray] = []
    while 0.3 * len(expected) + length <= video.duration + 1e-4:
        begin = 0.3 * len(expected)
        clips = [slow_clip(planes, video, at, begin, length) for at in slow_starts(begin, length, 16 / video.fps)]
        vectors = [clip_encoder.vectors(stacked("a", 0, [region(clip, 38, (0.5, 0.5))])) for clip in clips]
        expected.append(np.concatenate(vectors).mean(axis=0))
        assert found.spans[len(expected) - 1] == pytest.approx((begin, begin + length))
    assert np.allclose(found.vectors, np.stack(expected), atol=1e-5)
    assert len(np.unique(found.vectors, axis=0)) > 1


def slow_starts(begin: float, length: float, clip: float) -> list[float]:
    """When the clips of a window begin: 0.3 seconds apart, as windows do, or in parts of that; one ends with it."""
    step = next(0.3 / parts for parts in range(1, 100) if 0.3 / parts <= clip)
    starts = [begin]
    while starts[-1] + step + clip < begin + length:
        starts.append(starts[-1] + step)
    return [*starts, begin + length - clip] if length > clip else starts


def slow_clip(planes: Planes, video: VideoRecord, at: float, begin: float, length: float) -> Planes:
    """The frames on the screen at 16 times, from the beginning again where the window has ended."""
    frames: list[int] = []
    for _ in range(16):
        time = at + len(frames) / video.fps
        if time >= begin + round(length * video.fps) / video.fps - 1e-6:
            frames.append(frames[len(frames) - round(length * video.fps)])
        else:
            frames.append(max(n for n, start in enumerate(video.shown.starts) if n == 0 or start <= time + 1e-4))
    return Planes(planes.luma[frames], planes.chroma[frames], planes.colour)


def test_windows_of_what_cannot_be_read_say_why(manifest: Manifest, encoder: LoadedEncoder) -> None:
    videos = [replace(manifest.usable[0], path="gone.mp4"), manifest.usable[1]]
    gone, there = dense_windows(ClipEncoder(encoder, 5), manifest, videos, DenseWindows(0.5))
    assert "cannot be read any more" in gone.reason
    assert (gone.spans.shape, gone.vectors.shape) == ((0, 2), (0, encoder.encoder.channels[5]))
    assert (there.video, there.reason, len(there.spans)) == (manifest.usable[1], "", len(there.vectors))
