"""Where it looks: against a slow loop, and what the cosines add up to."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from clips import Clip
from hypothesis import given
from hypothesis import strategies as st

from unreel import models
from unreel.checkpoint import LoadedEncoder
from unreel.errors import CollectionError, VideoError
from unreel.evaluation.correspondence import correspondence, corresponding_clips
from unreel.settings.encoder import EncoderSettings
from unreel.types import Pyramid
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import PyAVReader

SETTINGS = EncoderSettings(width=0.0625, size=28)


def _slow(maps: torch.Tensor, mean: torch.Tensor) -> list[float]:
    """Cosine by cosine, from the definition."""
    channels, frames, height, width = maps.shape
    cosines = []
    for t in range(frames):
        for y in range(height):
            for x in range(width):
                product = sum(float(maps[c, t, y, x]) * float(mean[c]) for c in range(channels))
                length = math.sqrt(sum(float(maps[c, t, y, x]) ** 2 for c in range(channels)))
                other = math.sqrt(sum(float(mean[c]) ** 2 for c in range(channels)))
                cosines.append(product / (length * other) if length and other else 0.0)
    return cosines


@given(seed=st.integers(0, 1000), shape=st.tuples(*[st.integers(1, 4)] * 4), zeros=st.booleans())
def test_every_position_is_the_cosine_of_the_definition(
    seed: int, shape: tuple[int, int, int, int], zeros: bool
) -> None:
    chance = torch.Generator().manual_seed(seed)
    maps, mean = torch.randn(shape, generator=chance), torch.randn(shape[0], generator=chance)
    if zeros:
        maps[:, 0, 0, 0] = 0
    found = correspondence(maps, mean)
    assert found.shape == shape[1:]
    assert found.flatten().tolist() == pytest.approx(_slow(maps, mean), abs=1e-5)


def test_a_mean_of_nothing_is_like_nothing() -> None:
    assert correspondence(torch.rand(3, 2, 2, 2), torch.zeros(3)).abs().max() == 0


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("correspondence")
    for name, frames in {"a/one.mp4": 40, "b/two.mp4": 21, "b/short.mp4": 7}.items():
        Clip(width=44, height=32, frames=frames).write(folder / "videos" / name)
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(SETTINGS.prepared_side))


@pytest.fixture(scope="module")
def encoder() -> LoadedEncoder:
    torch.manual_seed(0)
    built = models.build("r3d18", width=0.0625).eval().requires_grad_(False)
    return LoadedEncoder(built, SETTINGS, "hdc", "hash", 0)


def test_weighted_by_their_lengths_the_cosines_are_the_similarity_of_the_means(
    manifest: Manifest, encoder: LoadedEncoder
) -> None:
    seen: list[Pyramid] = []
    encoder.encoder.register_forward_hook(lambda _, __, pyramid: seen.append(pyramid))
    pair = corresponding_clips(encoder, manifest, "a/one.mp4", "b/two.mp4")
    assert [each.level for each in pair.levels] == [3, 4, 5]
    assert (pair.encoder, pair.ids) == ("hdc", ("a/one.mp4", "b/two.mp4"))
    for each in pair.levels:
        for own, cosines in enumerate((each.query, each.hit)):
            maps = seen[0][each.level][own]
            assert cosines.shape == maps.shape[1:]
            lengths = maps.norm(dim=0).numpy()
            mean = float(maps.mean(dim=(1, 2, 3)).norm())
            assert float((lengths * cosines).mean()) / mean == pytest.approx(each.similarity, abs=1e-5)


def test_the_other_way_round_it_is_the_same(manifest: Manifest, encoder: LoadedEncoder) -> None:
    there = corresponding_clips(encoder, manifest, "a/one.mp4", "b/two.mp4", [4])
    back = corresponding_clips(encoder, manifest, "b/two.mp4", "a/one.mp4", [4])
    np.testing.assert_array_equal(there.query, back.hit)
    np.testing.assert_allclose(there.levels[0].query, back.levels[0].hit, atol=1e-5)
    assert there.levels[0].similarity == pytest.approx(back.levels[0].similarity, abs=1e-5)


def test_a_video_is_like_itself(manifest: Manifest, encoder: LoadedEncoder) -> None:
    pair = corresponding_clips(encoder, manifest, "a/one.mp4", "a/one.mp4", [5])
    assert pair.levels[0].similarity == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("video", "start"), [("a/one.mp4", 12), ("b/two.mp4", 2), ("b/short.mp4", 0)])
def test_what_is_shown_is_the_centre_of_the_middle_clip(
    manifest: Manifest, encoder: LoadedEncoder, video: str, start: int
) -> None:
    record = next(each for each in manifest.usable if each.id == video)
    pair = corresponding_clips(encoder, manifest, video, "a/one.mp4", [5])
    luma = PyAVReader(prepared=True).read_clips(manifest.file(record), [0], record.frames)[0].luma
    left, top = (record.width - 28) // 2, (record.height - 28) // 2  # of 32 pixels, 28 are cut without being scaled
    for number in range(16):
        shown = luma[(start + number) % record.frames, top : top + 28, left : left + 28].astype(float)
        grey = pair.query[number] @ np.array([0.299, 0.587, 0.114])
        assert np.abs(grey - (shown - 16) / 219 * 255).mean() < 4


def test_a_video_that_is_not_there_is_named_and_the_nearest_suggested(
    manifest: Manifest, encoder: LoadedEncoder
) -> None:
    with pytest.raises(CollectionError, match=r"holds no usable video 'b/tow.mp4'; did you mean 'b/two.mp4'\?"):
        corresponding_clips(encoder, manifest, "a/one.mp4", "b/tow.mp4")
    with pytest.raises(CollectionError, match=r"no usable video 'x'; there are 3, as 'a/one.mp4'"):
        corresponding_clips(encoder, manifest, "x", "b/two.mp4")


def test_a_video_that_cannot_be_read_any_more_is_named(manifest: Manifest, encoder: LoadedEncoder) -> None:
    gone = tuple(replace(each, path="videos/gone.mp4") for each in manifest)
    with pytest.raises(VideoError, match=r"a/one.mp4 cannot be read any more"):
        corresponding_clips(encoder, replace(manifest, records=gone), "a/one.mp4", "b/two.mp4")
