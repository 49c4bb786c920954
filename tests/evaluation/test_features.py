"""Features: the same for a video alone and among others, in order, the missing named."""

from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from clips import Clip
from torch.nn import functional

from unreel import models
from unreel.evaluation.features import FeatureExtractor
from unreel.evaluation.protocols import VCOP
from unreel.settings.encoder import EncoderSettings
from unreel.types import Pyramid
from unreel.video.collection.manifest import Manifest
from unreel.video.collection.options import PrepareOptions
from unreel.video.collection.prepare import prepare
from unreel.video.decoding.decode import PyAVReader

SETTINGS = EncoderSettings(width=0.0625, size=28)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("features")
    for number in range(9):
        width, height = (44, 32) if number % 2 else (32, 44)
        Clip(width=width, height=height, frames=17 + number).write(folder / "videos" / f"{number}.mp4")
    return prepare(folder / "videos", folder / "prepared", PrepareOptions(SETTINGS.prepared_side))


def test_alone_and_among_others(manifest: Manifest) -> None:
    torch.manual_seed(0)
    extractor = FeatureExtractor(models.build("r3d18", width=0.0625), SETTINGS, level=4)
    together = extractor.features(manifest, manifest.usable, clips=10, workers=0)
    assert together.clips.shape == (9, 10, 16)
    assert together.ids == tuple(record.id for record in manifest.usable)
    for row, record in enumerate(manifest.usable):
        alone = extractor.features(manifest, [record], clips=10, workers=0)
        np.testing.assert_allclose(alone.videos[0], together.videos[row], atol=1e-5)


def test_several_levels_from_one_pass_are_those_of_each_alone(manifest: Manifest) -> None:
    torch.manual_seed(0)
    encoder = models.build("r3d18", width=0.0625)
    together = FeatureExtractor(encoder, SETTINGS).by_level(manifest, manifest.usable, (3, 5), clips=2, workers=0)
    assert set(together) == {3, 5}
    for level, features in together.items():
        alone = FeatureExtractor(encoder, SETTINGS, level=level).features(manifest, manifest.usable, clips=2, workers=0)
        np.testing.assert_array_equal(features.clips, alone.clips)


class MeanColour(models.Encoder):
    """An encoder whose features can be worked out by hand: the mean of each channel."""

    minimum = (1, 1, 1)
    channels = {5: 3}  # noqa: RUF012

    def levels(self, clips: torch.Tensor) -> Pyramid:
        return Pyramid({5: clips})


def test_what_is_seen_is_the_centre_of_equally_spaced_clips(manifest: Manifest) -> None:
    record = manifest.usable[8]  # 25 frames of 44 × 32 with a region of 32 and a crop of 28 pixels: scale 1
    features = FeatureExtractor(MeanColour(), SETTINGS).features(manifest, [record], clips=4, workers=0)
    whole = PyAVReader().read_clips(manifest.file(record), [0], record.frames)[0]
    margin_x, margin_y = (record.width - 28) // 2, (record.height - 28) // 2
    luma = whole.luma[:, margin_y : margin_y + 28, margin_x : margin_x + 28].astype(np.float64)
    chroma = whole.chroma.astype(np.float64).repeat(2, axis=2).repeat(2, axis=3)
    chroma = chroma[:, :, margin_y : margin_y + 28, margin_x : margin_x + 28]
    for clip, start in enumerate((0, 3, 6, 9)):
        y = (luma[start : start + 16] - 16) / 219
        v = (chroma[start : start + 16, 1] - 128) / 224
        red = np.clip(y + 1.402 * v, 0, 1).mean()
        assert features.clips[0, clip, 0] == pytest.approx(2 * red - 1, abs=0.02)


class Maps(models.Encoder):
    """An encoder whose level 5 is what it is shown, every fourth frame of it."""

    minimum = (1, 1, 1)
    channels = {5: 3}  # noqa: RUF012

    def levels(self, clips: torch.Tensor) -> Pyramid:
        return Pyramid({5: clips[:, :, ::4]})


def test_vcop_by_hand(manifest: Manifest) -> None:
    records = [manifest.usable[0], manifest.usable[8]]  # 17 and 25 frames, of 44 × 32 pixels
    features = FeatureExtractor(Maps(), SETTINGS, protocol=VCOP).features(manifest, records, workers=0)
    assert features.clips.shape == (2, 1, 3 * 4 * 14 * 14)
    for row, record in enumerate(records):
        with av.open(str(manifest.file(record))) as container:
            frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        luma = torch.from_numpy(np.stack(frames)).float()[:, None]
        resized = functional.interpolate(luma, (32, 43), mode="bilinear", align_corners=False, antialias=True)
        shown = resized[:, 0, 2:30, 8:36]  # (43 - 28) / 2 rounds to 8
        clips = []
        for centre in np.linspace(8, record.frames - 8, 10):
            start = int(centre - 8)
            clips.append(functional.max_pool3d(shown[None, start : start + 16 : 4], (1, 2, 2)).flatten())
        # green is luma and a little chroma, which is the same in all light fields and in all dark ones
        green = torch.from_numpy(features.videos[row].reshape(3, -1)[1])
        assert np.corrcoef(green, torch.stack(clips).mean(dim=0))[0, 1] > 0.999


def test_vcop_alone_and_among_others_and_of_few_cells(manifest: Manifest) -> None:
    torch.manual_seed(0)
    extractor = FeatureExtractor(models.build("r3d18", width=0.0625), SETTINGS, protocol=VCOP)
    together = extractor.features(manifest, manifest.usable, clips=3, workers=0)
    assert together.clips.shape == (9, 1, 32)  # level 5 is a single cell
    for row in (0, 1, 8):
        alone = extractor.features(manifest, [manifest.usable[row]], clips=3, workers=0)
        np.testing.assert_allclose(alone.videos[0], together.videos[row], atol=1e-5)


def test_a_video_removed_since_is_named(manifest: Manifest) -> None:
    there, gone = manifest.usable[0], replace(manifest.usable[1], path="videos/gone.mp4")
    extractor = FeatureExtractor(MeanColour(), SETTINGS)
    features = extractor.features(manifest, [gone, there], clips=2, workers=0)
    assert features.ids == (there.id,)
    assert list(features.missing) == [gone.id]
    none = extractor.features(manifest, [gone], clips=2, workers=0)
    assert none.clips.shape == (0, 2, 3)
    assert FeatureExtractor(MeanColour(), SETTINGS, protocol=VCOP).features(manifest, [gone]).videos.shape == (0, 3)
